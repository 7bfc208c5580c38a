"""The topics bills are judged on, in the groups readers choose by: ``topics.yaml``, read once."""

from __future__ import annotations

from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict


class Topic(BaseModel):
    """``holds`` says in a sentence which bills are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    holds: str


class Group(BaseModel):
    """``topics`` by slug, in the order pages show them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    topics: dict[str, Topic]


GROUPS = {
    slug: Group.model_validate(group)
    for slug, group in yaml.safe_load(
        (resources.files("tracker") / "topics.yaml").read_text(encoding="utf-8")
    ).items()
}
TOPICS = {slug: topic for group in GROUPS.values() for slug, topic in group.topics.items()}

CHOICES = (*GROUPS, *TOPICS)
"""What readers can ask for: a whole group, or one topic."""


def topic_label(slug: str) -> str:
    """What people call a topic or a group; a slug of an earlier version is made readable."""
    known = TOPICS.get(slug) or GROUPS.get(slug)
    return known.label if known else slug.replace("-", " ").capitalize()


def members(slug: str) -> tuple[str, ...]:
    """The topics a slug stands for: those of a group, or itself."""
    return tuple(GROUPS[slug].topics) if slug in GROUPS else (slug,)
