"""What is counted of the mails that were sent."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models.functions import Now


class MailCount(models.Model):
    """How many mails one mailbox got on one day, under a label that nobody without the keyring can make."""

    label = models.BinaryField(primary_key=True, max_length=16)
    #: For pruning: gone the day after.
    on = models.DateField()
    n = models.IntegerField(db_default=0)


class MailTrouble(models.Model):
    """What a mail server made of the mails of one kind and sender, where it refused some: one row each, kept.

    It tells a server that refuses us from one that refuses single mails (register/relay.py).
    """

    #: "confirmations", "updates", or one of these and "-neutral": the two senders may be refused apart.
    kind = models.CharField(primary_key=True, max_length=24)
    #: Refusals since the last mail that was taken.
    refused = models.IntegerField(db_default=0)
    #: What the server said last, without its text, which may name somebody: "554 5.7.1".
    reply = models.CharField(max_length=40, db_default="")
    #: Since when it refuses us; null while it does not.
    since = models.DateTimeField(null=True)
    #: No mail is tried before.
    next_try = models.DateTimeField(null=True)
    #: When people were told of it by mail.
    told_at = models.DateTimeField(null=True)
    #: When it took mails again the last time.
    ended_at = models.DateTimeField(null=True)


#: Bytes of a token's hash that Message-IDs and suppressions carry; enough to be one mailbox's among billions.
SUPPRESSION_BYTES: Final = 16


class Suppression(models.Model):
    """A mailbox that gets no updates of one campaign any more, though nobody pressed the link."""

    class Why(models.TextChoices):
        #: A mail server said that there is no such mailbox.
        BOUNCED = "bounced"
        #: Its owner complained to their mail provider.
        COMPLAINED = "complained"

    #: The beginning of the hash of the mailbox's unsubscription token (identity.py).
    label = models.BinaryField(primary_key=True, max_length=SUPPRESSION_BYTES)
    why = models.CharField(max_length=10, choices=Why)
    on = models.DateField(db_default=Now())


class NoticeCount(models.Model):
    """What came of the notices that were read in one day: they are deleted, for they hold addresses in clear."""

    on = models.DateField(primary_key=True)
    bounced = models.IntegerField(db_default=0)
    complained = models.IntegerField(db_default=0)
    passed_over = models.IntegerField(db_default=0)
