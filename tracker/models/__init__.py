"""All tables, grouped by what they hold. Import from here."""

from tracker.models.base import Base, UTCDateTime
from tracker.models.bills import (
    Action,
    Bill,
    BillText,
    Hearing,
    RelatedBill,
    Sponsorship,
    Version,
    VoteEvent,
)
from tracker.models.channels import MailReport, RateCount, WebhookDelivery, WebhookEndpoint
from tracker.models.likeness import BillSketch, Likeness, SketchHash
from tracker.models.people import (
    Digest,
    Edition,
    MailStop,
    News,
    Outbox,
    Subscriber,
    Subscription,
    Suppression,
)
from tracker.models.runs import BillBefore, Change, FetchedPage, HttpValidator, Run, SourceState
from tracker.models.signups import Notice, SignUp
from tracker.models.verdicts import Decision, Evidence, TopicVerdict, Verdict

__all__ = [
    "Action",
    "Base",
    "Bill",
    "BillBefore",
    "BillSketch",
    "BillText",
    "Change",
    "Decision",
    "Digest",
    "Edition",
    "Evidence",
    "FetchedPage",
    "Hearing",
    "HttpValidator",
    "Likeness",
    "MailReport",
    "MailStop",
    "News",
    "Notice",
    "Outbox",
    "RateCount",
    "RelatedBill",
    "Run",
    "SignUp",
    "SketchHash",
    "SourceState",
    "Sponsorship",
    "Subscriber",
    "Subscription",
    "Suppression",
    "TopicVerdict",
    "UTCDateTime",
    "Verdict",
    "Version",
    "VoteEvent",
    "WebhookDelivery",
    "WebhookEndpoint",
]
