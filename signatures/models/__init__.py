"""Who asked: proven, counted, delivered. Sealed all the way; see docs/architecture.md, "The way of a signature".

The database keeps the promises: constraints here, rights and row security of the three roles in
config/database/grants.py and row_security.sql, what spans tables in the other .sql files there.
"""

from signatures.models.addressee_keys import AddresseeKey, PacketCopy
from signatures.models.announcement import Announcement
from signatures.models.cases import Case, CaseAct, month_after
from signatures.models.collecting import CampaignKey, Outcome, SealingKey, Submission, Withdrawal
from signatures.models.delivery import Delivery, DeliveryPart, DeliveryQuerySet, SigningKey
from signatures.models.destruction import BACKUPS_KEPT, Destruction
from signatures.models.letter import LetterPreview, LetterTexts, LetterWords, read_letter, write_letter
from signatures.models.mail import MailCount, MailTrouble, NoticeCount, Suppression
from signatures.models.mailboxes import LINK_LIVES, MailboxPage, MailboxRequest, MailboxWish, RequestKey
from signatures.models.monitoring import Monitor
from signatures.models.news import Mailing, NewsMail, NewsReader, Unsubscription
from signatures.models.operation import Heartbeat, MailAnswer
from signatures.models.published.handover import Handover, HandoverQuerySet, unanswered_since
from signatures.models.published.sources import Source
from signatures.models.register import Register, Removal, Signature, why_outside
from signatures.models.rejections import LeftAlone, Rejection, RejectionCount
from signatures.models.reveals import (
    AGE_RECIPIENT,
    ANSWER_KEPT,
    DeskKey,
    Purpose,
    Recipient,
    Refusal,
    Reveal,
    RevealQuerySet,
)
from signatures.models.rules import NetworkRule, SigningRules
from signatures.models.screening import LabelCount, Reason, Ruling, RulingItem, Trace
from signatures.models.shredding import Shredding, ShreddingNotice, ShreddingProof, ShreddingStop
from signatures.models.tally import (
    OF_ARRIVALS,
    OF_THE_REGISTER,
    Dimension,
    LedgerEntry,
    PublishedFigures,
    Tally,
    TallyQuerySet,
    TallySum,
)

__all__ = [
    "AGE_RECIPIENT",
    "ANSWER_KEPT",
    "BACKUPS_KEPT",
    "LINK_LIVES",
    "OF_ARRIVALS",
    "OF_THE_REGISTER",
    "AddresseeKey",
    "Announcement",
    "CampaignKey",
    "Case",
    "CaseAct",
    "Delivery",
    "DeliveryPart",
    "DeliveryQuerySet",
    "DeskKey",
    "Destruction",
    "Dimension",
    "Handover",
    "HandoverQuerySet",
    "Heartbeat",
    "LabelCount",
    "LedgerEntry",
    "LeftAlone",
    "LetterPreview",
    "LetterTexts",
    "LetterWords",
    "MailAnswer",
    "MailCount",
    "MailTrouble",
    "MailboxPage",
    "MailboxRequest",
    "MailboxWish",
    "Mailing",
    "Monitor",
    "NetworkRule",
    "NewsMail",
    "NewsReader",
    "NoticeCount",
    "Outcome",
    "PacketCopy",
    "PublishedFigures",
    "Purpose",
    "Reason",
    "Recipient",
    "Refusal",
    "Register",
    "Rejection",
    "RejectionCount",
    "Removal",
    "RequestKey",
    "Reveal",
    "RevealQuerySet",
    "Ruling",
    "RulingItem",
    "SealingKey",
    "Shredding",
    "ShreddingNotice",
    "ShreddingProof",
    "ShreddingStop",
    "Signature",
    "SigningKey",
    "SigningRules",
    "Source",
    "Submission",
    "Suppression",
    "Tally",
    "TallyQuerySet",
    "TallySum",
    "Trace",
    "Unsubscription",
    "Withdrawal",
    "month_after",
    "read_letter",
    "unanswered_since",
    "why_outside",
    "write_letter",
]
