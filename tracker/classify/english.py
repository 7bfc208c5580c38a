"""Patterns of the English of laws on which :mod:`tracker.classify.direction` relies.

Each is tried on the words before a place (they end in ``$``), unless it says otherwise.
"""

from __future__ import annotations

import re

ITEM = r"(?:\(?\w{1,3}[.)] )*"
"""Numbers of a list's item."""

_SAYS = "".join(
    rf"(?<!\b{verb} )"
    for verb in (
        "provides", "provide", "providing", "requires", "require", "requiring", "ensures",
        "ensure", "ensuring", "specifies", "specify", "specifying", "states", "declares",
        "clarifies", "mandates", "says",
    )
)  # fmt: skip
"""Not behind a verb that tells what is laid down: "provides that an agency …"."""

WHICH = re.compile(
    rf"\b(?:{_SAYS}that(?! (?:they|it|he) $)|whose|where|if|when|whenever|unless)"
    r"(?:(?! and\b) [\w'-]+,?){0,6} $"
    r"|\b(?:under|by|to|for) which(?:,?(?: or)? [\w'-]+){0,16} $"
    r"|\b(?:which|who|whom|whereby|whoever)(?:(?:, (?:or|nor))? [\w'-]+){0,14}(?:,? or)? $",
    re.I,
)
"""What follows tells which one is meant, or on what condition: "a policy that …"."""

ASIDE = re.compile(r"\b(?:if|when|where|unless|because|although)\b[^,]*$", re.I)
"""Inside an aside, which ends with the next comma."""

AFTER = re.compile(r"\b(?:after|upon|following) (?:a |an |any |the |such )?$", re.I)
""""After a denial, …": what comes before is named, not done."""

OPENS = re.compile(
    r"(?:[;:.]|, to|\band(?: to)?|\b(?:bill|act|measure|resolution|title|ordinance|section|it|would"
    r"|also|further|concerning|regarding|relates? to|relating to|relative to|provides? for|so as to"
    r"|in order to|and for|by))"
    r",?\s*(?:the |a )?$|^[\W\d]*(?:an act |a bill |bill |act |to |the )*$",
    re.I,
)
"""A verb here opens a statement of its own: what stands before does not govern it."""

REPEALS = re.compile(
    r"\brepeal(?:s|ing)?\b[^;]*\b(?:relat(?:es|ing) to (?:the |a )?|which\b[^;]*\band(?: to)? )$",
    re.I,
)
""""repealing section 5, relating to the prohibition of", "repeals chapter 5, which requires … and
prohibits": what opens there is repealed.
"""

RELATES = re.compile(r"\brelat(?:ing|ive|es) to (?:the |a )?$", re.I)
""""(1) Section 5, relating to the prohibition of": an item tells what law is meant."""

RELATES_ANYWHERE = re.compile(r"\brelat(?:ing|ive|es) to\b", re.I)
REPEALED = re.compile(r"(?:is|are) (?:hereby )?repealed\s*(?:[.;]|$)", re.I)
"""Tried where such a word begins."""

CONDITION = re.compile(
    rf"^[\W\d]*{ITEM}(?:if|when|whenever|where|upon|on|before|after|once|during|following"
    r"|ahead of|prior to|in the case of)\b[^,]*(?:, (?:(?:or|and) )?[\w ]{1,25}){0,3}$"
    r"|\b(?:that|which|who|whom|whoever)(?: [\w'-]+){0,7} $",
    re.I,
)
"""Told of as a condition, or to say which one: the verb that follows is not its own."""

IN_PASSING = re.compile(
    r"\b(?:before|prior to|ahead of|in advance of)(?: [\w'-]+){0,2} $"
    r"|\b(?:a|an|any|the|each|every|such|of)(?: [\w'-]+){0,3} requests?(?: [\w'-]+){0,6}"
    r" to (?:be )?$"
    r"|\b(?:that|which|who)(?: [\w'-]+ly)? $"
    r"|\bwhose (?:[\w-]+ ){0,2}(?:duties|duty|functions?|business|purpose)(?: [\w'-]+){1,4} $"
    r"|\b(?:that|which|who) ha(?:s|ve) (?:provided|given|granted|allowed)(?: [\w'-]+){0,8} $"
    r"|\b(?:with|party to|under) (?:a|an|any|such) (?:existing |current )$",
    re.I,
)
""""before an interview", "a request to hold", "a place that detains": spoken of in passing."""

NOT_BEFORE = re.compile(rf"^[\W\d]*{ITEM}(?:before|until) [^,]*$", re.I)
""""Before agents may …": what is allowed only later."""

TO_REPORT = re.compile(
    r"[^.;:]{0,90}?\bto (?:\w+ly )?(?:submit|provide|publish|issue|prepare|file|report|update)\b"
    r"[^.;:]{0,50}?\b(?:reports?|statistics|locator|on the number)\b",
    re.I,
)
"""Tried behind an act: "requires the division to provide a report"."""

NOBODY = re.compile(
    rf"(?:(?:^ ?|[.,:;] )(?:and |but )?|[-–—]{{1,2}} ?|\bthat )[\W\d]*{ITEM}"
    r"(?:(?:(?:in|under|at) )?no(?! (?:later|earlier|sooner|more|less|fewer) than)|neither|none|nor"
    r"|nothing)\b",
    re.I,
)
""""No officer shall …"; looked for anywhere."""

THAT = re.compile(r" that\b", re.I)
"""Looked for behind a word: "ensure that data are not shared"."""

NO = re.compile(r"\bno (?:[\w-]+ )?$", re.I)
OR = re.compile(r"\b(?:or|and|nor)\b", re.I)
"""Looked for between two words."""
AND = re.compile(r"\band (?:to )?$", re.I)
AND_THEN = re.compile(r"\b(?:and|but)(?: otherwise| also)? $", re.I)
""""requires …, and otherwise prohibits": something else is said."""
NOUN = re.compile(r"[a-z]{3,} $")
PARTICIPLE = re.compile(r"ing\b", re.I)
"""Looked for in a word itself."""

JOINED = re.compile(
    r"(?! \Z)[\s,/]*(?:(?:or|and|and/or|nor|otherwise|in any way|in any manner|materially|to"
    r"|attempt to|unreasonably|from|a|the|that|which)[\s,]*)*",
    re.I,
)
"""All that stands between "prohibits" and "restricts" where both say one thing; not a blank alone:
"prohibits restricting" turns twice."""

LAST_WORD = re.compile(r"\W*(?:$|(?:and|under|for|in|with|except|by|certain)\b)|[,.;]", re.I)
"""Behind the word that a title ends with: "sanctuary policies; prohibit, and …"."""

_THAT_LAW = (
    r"\w*\b[^.;]{0,60}?\b(?:that|those|these|this|the (?:above|foregoing)(?:-\w+)?|such)"
    r" (?:[\w-]+ ){0,3}?"
    r"(?:provision|requirement|prohibition|law|exception|authori|dut|limit|restriction|program"
    r"|section|exemption)"
)
ENDS_THAT_LAW = re.compile(
    r"\bwould (?:additionally |also )?except\b"
    r"|\b(?:repeal|delet|eliminat|remov|strik|rescind|end|abolish|exempt|exception|narrow)"
    rf"{_THAT_LAW}",
    re.I,
)
EXTENDS_THAT_LAW = re.compile(
    r"\b(?:expand|extend|appl|broaden|recast|strengthen|additionally|further|also|instead|includ)"
    rf"{_THAT_LAW}",
    re.I,
)
