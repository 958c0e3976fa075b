"""Updates by mail: what is to be sent, and who wants no more of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Func
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from petitions.models import Update
from signatures.models.register import Signature


class Mailing(models.Model):
    """One update on its way to those signers who asked for updates. Web asks for it; register/news.py sends it.

    Guards: config/database/audited_rows.sql.
    """

    update = models.OneToOneField(Update, models.PROTECT, related_name="mailing")
    asked_at = models.DateTimeField(db_default=Now())
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
