"""The topics readers choose by, in the groups they come in."""

from __future__ import annotations

GROUPS: dict[str, dict[str, str]] = {
    "ice-cooperation": {
        "287g": "287(g) agreements",
        "sanctuary-policy": "Sanctuary policy",
        "street-enforcement": "Street enforcement",
        "detention-facilities": "Detention facilities",
        "protected-places": "Protected places",
        "agent-conduct": "Agent conduct",
    },
    "detainers": {
        "detainer-holds": "Detainer holds",
        "notification-transfer": "Notification and transfer",
        "jail-screening": "Jail screening",
    },
    "data-sharing": {
        "government-data": "Government data",
        "data-brokers": "Data brokers",
        "surveillance-tech": "Surveillance technology",
    },
}

GROUP_LABELS = {
    "ice-cooperation": "ICE cooperation",
    "detainers": "Detainers",
    "data-sharing": "Data sharing",
}


def topic_label(slug: str) -> str:
    for members in GROUPS.values():
        if slug in members:
            return members[slug]
    return GROUP_LABELS.get(slug) or slug.replace("-", " ").capitalize()


def members(slug: str) -> tuple[str, ...]:
    """The topics a slug stands for: those of a group, or itself."""
    return tuple(GROUPS.get(slug, (slug,)))
