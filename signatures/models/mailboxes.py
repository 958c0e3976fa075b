"""What anybody may ask about the signatures of their own mailbox, at /my-signatures/: who asks, what is shown, what is
wanted. Nothing here is in clear, and nothing is kept longer than an hour and a half."""

from __future__ import annotations

import datetime
from typing import Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact

#: How long the link of a mail opens the page. The same in config/database/row_security.sql.
LINK_LIVES: Final = datetime.timedelta(hours=1)


class RequestKey(models.Model):
    """The workers' public key, to which the site seals what is asked for and wanted. One row, written by a worker."""

    id = models.SmallIntegerField(primary_key=True)
    public_key = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(name="requestkey_is_one", condition=Q(id=1))]


class MailboxRequest(models.Model):
    """Somebody typed a mailbox. Web inserts it, sealed, and sees none; it goes when its mail has gone."""

    sealed = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    #: When to send the mail, or to take the worker that is at it for dead: a queue and its lease in one column.
    mail_due = models.DateTimeField(db_default=Now())
    #: Its mail was counted against the limits of its mailbox; tries again are not.
    counted = models.BooleanField(db_default=False)

    class Meta:
        indexes = [
            # read by register/mailbox_requests.py
            models.Index("mail_due", name="mailboxrequest_due")
        ]


class MailboxPage(models.Model):
    """A person's own page, sealed under a key that only the link in their mail makes.

    Guards: config/database/row_security.sql. Web sees the one row that the token names, for an hour.
    """

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    sealed = models.BinaryField()
    #: Whose it is, sealed to the workers: they alone read it, and carry out what is wanted.
    owner = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="mailboxpage_token_hash_32",
                condition=Exact(Func(F("token_hash"), function="octet_length", output_field=models.IntegerField()), 32),
            )
        ]
        indexes = [
            # read by register/mailbox_requests.py: what is over
            models.Index("created_at", name="mailboxpage_by_age")
        ]


class MailboxWish(models.Model):
    """What a person wants, pressed on their own page: sealed, for a worker to carry out.

    Guards: config/database/row_security.sql.
    """

    class Kind(models.TextChoices):
        #: Of one petition, or of all.
        WITHDRAW = "withdraw"
        #: The same, and all else that is held of this mailbox.
        ERASE = "erase"
        #: No more updates of one petition.
        END_UPDATES = "end-updates"
        #: Mails again from forms that were told "That was not me".
        ALLOW = "allow"
        #: Another name or place.
        CORRECT = "correct"

    page = models.ForeignKey(MailboxPage, models.CASCADE, related_name="wishes", db_column="page_hash")
    sealed = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # read by register/mailbox_wishes.py
            models.Index("created_at", name="mailboxwish_to_do", condition=Q(done_at__isnull=True))
        ]
