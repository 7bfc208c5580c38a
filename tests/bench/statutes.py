"""Text like statutes, made up the same way each time: ordinary sections, and a few that matter.

Of ordinary bills one in twenty-five has words that also occur in bills on topic (an alien
insurer, an unlawful detainer, United States citizenship), as real codes do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

ACTORS = (
    "the department",
    "the commissioner",
    "a licensee",
    "the board",
    "an applicant",
    "the county clerk",
    "a municipality",
    "the owner of the premises",
    "a health care provider",
    "the superintendent",
    "a school district",
    "the public utility",
    "the court",
    "a law enforcement officer",
    "the director of the division",
    "an insurer",
    "a taxpayer",
    "the state treasurer",
)
DUTIES = (
    "shall adopt rules to carry out",
    "may not issue a permit under",
    "shall file a report required by",
    "must keep records for purposes of",
    "may grant an extension of time under",
    "shall provide notice of",
    "is not liable for damages arising from",
    "shall deposit fees received under",
    "may appeal a decision made under",
    "shall conduct an inspection in accordance with",
    "may suspend or revoke a license issued under",
    "shall transfer money appropriated for",
    "must disclose information described in",
    "may enter into a contract for",
)
MATTERS = (
    "this chapter",
    "subsection (2) of this section",
    "the wastewater treatment program",
    "the pupil transportation formula",
    "the maintenance of highways and bridges",
    "the certificate of title to a motor vehicle",
    "the assessment of agricultural land",
    "the licensing of barbers and cosmetologists",
    "the state employees' retirement system",
    "the sale of alcoholic beverages",
    "the release of a surety from a bond",
    "a contested case before the agency",
    "the custody of a minor child",
    "the records of a correctional facility",
    "the safe operation of boilers",
    "the approval of a subdivision plat",
)
LIMITS = (
    "not later than the thirtieth day after the application is received",
    "except as otherwise provided by law",
    "unless the court for good cause orders otherwise",
    "if the person has been convicted of a felony",
    "in the manner provided for personal service of a summons",
    "within ninety days of the effective date of this act",
    "upon payment of the fee set by rule",
    "subject to the availability of appropriations",
    "and a copy shall be sent to each party",
)
NEIGHBOURS = (
    "A foreign or alien insurer shall maintain a deposit with the commissioner.",
    "An action in unlawful detainer may be brought after the notice to quit has expired.",
    "An applicant shall show proof of United States citizenship or lawful presence.",
    "A person wearing a mask while committing robbery is subject to an enhanced penalty.",
    "The department of homeland security and emergency management shall coordinate"
    " the response to floods.",
    "The district attorney may lodge a detainer under the interstate agreement on detainers.",
)
ON_TOPIC = (
    "A law enforcement agency shall not detain an individual on the basis of a civil"
    " immigration detainer after the individual becomes eligible for release.",
    "A county jail may not give federal immigration authorities access to an"
    " individual in custody for an interview unless they present a judicial warrant.",
    "A state agency shall not use public money, facilities, equipment or personnel"
    " to assist in the enforcement of federal immigration law.",
    "Each sheriff shall enter into a written agreement under 8 U.S.C. Section"
    " 1357(g) with United States Immigration and Customs Enforcement.",
    "A governmental entity shall not adopt a policy that limits or prohibits"
    " cooperation with federal immigration officers.",
    "The registry of motor vehicles shall not disclose personal information to a"
    " federal agency for the purpose of immigration enforcement.",
    "No officer shall inquire into the immigration status of an individual during a lawful stop.",
)


def section(chance: random.Random, number: int, sentences: int, own: tuple[str, ...] = ()) -> str:
    """One section of so many sentences, those of ``own`` among them."""
    said = [
        f"({n}) {chance.choice(ACTORS).capitalize()} {chance.choice(DUTIES)}"
        f" {chance.choice(MATTERS)}, {chance.choice(LIMITS)}."
        for n in range(1, sentences + 1)
    ]
    for sentence in own:
        said.insert(chance.randrange(len(said) + 1), sentence)
    return f"SECTION {number}. " + "\n".join(said)


def bill(chance: random.Random, characters: int) -> tuple[str, bool]:
    """A bill's text, and whether it was made to be on topic: one in forty is."""
    draw = chance.random()
    on_topic = draw < 1 / 40
    neighbour = chance.choice(NEIGHBOURS) if 1 / 40 <= draw < 1 / 40 + 1 / 25 else ""
    sections: list[str] = []
    length = number = 0
    while length < characters:
        number += 1
        own: tuple[str, ...] = ()
        if on_topic:
            own = (chance.choice(ON_TOPIC),)
        elif neighbour and number == 1:
            own = (neighbour,)
        sections.append(section(chance, number, chance.randint(4, 12), own))
        length += len(sections[-1])
    return "\n\n".join(sections), on_topic


def bills(
    megabytes: float, characters: int = 25_000, seed: int = 287
) -> Iterator[tuple[str, bool]]:
    """Bills of about so many characters each, together so many megabytes; one at a time."""
    chance = random.Random(seed)
    left = megabytes * 1_000_000
    while left > 0:
        text, on_topic = bill(chance, characters)
        left -= len(text)
        yield text, on_topic
