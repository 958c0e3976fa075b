"""Updates by mail: what is to be sent, and who wants no more of it."""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Func
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from petitions.models import Correction, Update
from signatures.models.register import Signature

#: To so many one person sends alone, where nobody is at risk. The guard has it from here (mailings.sql).
MAILING_ALONE: Final = 1000
#: `NewsMail.due` of what is prepared and not sent yet.
NEVER: Final = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


class Mailing(models.Model):
    """One update on its way to those signers who asked for updates. The desk has it prepared, tried and sent;
    register/news.py does it.

    Guards: config/database/audited_rows.sql, config/database/mailings.sql.
    """

    class Problem(models.TextChoices):
        LINKS = "links", _("It leads to a host that is not ours and not on the list. Nothing was prepared.")
        TEXT = "text", _("Its words have changed since it was prepared. Nothing more is sent.")
        OLD = "old", _("It was prepared three days ago, and not sent.")
        NO_ADDRESS = "no_address", _("Your login has no e-mail address. An administrator can enter one.")

    update = models.OneToOneField(Update, models.PROTECT, related_name="mailing")
    asked_at = models.DateTimeField(db_default=Now())
    #: Of the words that people typed, as the database hashes them; "": of before that.
    text_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    #: News of a correction go with it, which took two.
    correction = models.OneToOneField(
        Correction, models.PROTECT, null=True, blank=True, related_name="mailing", editable=False
    )
    #: How many mailboxes it goes to, as a worker counted; None before.
    recipients = models.IntegerField(null=True)
    problem = models.CharField(max_length=12, choices=Problem, blank=True, default="", db_default="")
    #: Who is sent it before anybody else, and when that was.
    test_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    tested_at = models.DateTimeField(null=True)
    #: Who had it sent; null with `begun_at`: news of a correction.
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    begun_at = models.DateTimeField(null=True)
    #: The mailbox (its fingerprint) up to which the register has been gone through.
    listed_to = models.BinaryField(null=True, max_length=16)
    listed_at = models.DateTimeField(null=True)
    sent = models.IntegerField(db_default=0)
    #: Mails that are not tried any more (register/stuck_mails.py); their rows stay for a while.
    given_up = models.IntegerField(db_default=0)
    done_at = models.DateTimeField(null=True)


class NewsMail(models.Model):
    """One mail of a mailing, still to be sent. It goes when it is sent, so that nothing is left of who got it.

    One that is given up stays without `due` until it is sent after all, or pruned (register/pruning.py).
    """

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="mails", db_index=False)
    #: Indexed for register/withdrawal.py: who withdraws while a mailing is under way is sent nothing more.
    signature = models.ForeignKey(Signature, models.CASCADE, related_name="+")
    #: When to send it, or to take the worker that is at it for dead: a queue and its lease in one column.
    due = models.DateTimeField(null=True, db_default=Now())
    #: Why the mail server did not want it the last time, as Submission.mail_problem.
    problem = models.CharField(max_length=40, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailing", "signature"], name="newsmail_one_per_person")]
        indexes = [
            # read by register/news.py
            models.Index("due", name="newsmail_due")
        ]


def _is_sha256() -> Exact:
    return Exact(Func(F("token_hash"), function="octet_length", output_field=models.IntegerField()), 32)


class NewsReader(models.Model):
    """A mailbox that updates were sent to, by the hash of its unsubscription token: which links lead to anybody.

    A worker writes it before the first mail goes; web asks a function for one hash at a time.
    """

    token_hash = models.BinaryField(primary_key=True, max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(name="newsreader_token_hash_32", condition=_is_sha256())]


class Unsubscription(models.Model):
    """Somebody pressed "no more updates". Web inserts it and reads none; the worker skips whoever it names."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(name="unsubscription_token_hash_32", condition=_is_sha256())]
