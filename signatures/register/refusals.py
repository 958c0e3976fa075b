"""Whether a mail server refuses us or single mails: what becomes of the others tells.

Counted by the kind of mail and by its sender, for a server may refuse one of our two addresses alone. Kept in rows that
all workers share (MailTrouble), so that it is seen also where one mail comes an hour, and told once.
"""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now

from signatures.models import MailTrouble
from signatures.register import mail_answers
from signatures.register.relay import Answer, Reply

log = logging.getLogger(__name__)

#: Refusals in a row after which it is us who are refused; further ones a claim, each at another domain, to be sure.
STREAK: Final = 3
MOST: Final = 10
#: How long everything waits then, and how long after its end nobody is told by mail of a trouble that comes back.
PAUSE: Final = datetime.timedelta(seconds=30)
NO_NEWS: Final = datetime.timedelta(hours=1)


@dataclass(slots=True)
class _Seen[Key]:
    """Of one sender's mails in one claim."""

    taken: bool = False
    #: What the server said of mails that it refused, though it took later ones; and of those since the last it took.
    single: dict[Key, str] = field(default_factory=dict)
    streak: dict[Key, str] = field(default_factory=dict)
    #: Of the streak.
    domains: set[str] = field(default_factory=set)


class Refusals[Key]:
    """What one claim of mails shows; each is named by its key. `kind`: "confirmations" or "updates"."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._seen: dict[bool, _Seen[Key]] = {}
        self._answers: Counter[tuple[str, str]] = Counter()

    def _of(self, neutral: bool) -> _Seen[Key]:
        return self._seen.setdefault(neutral, _Seen())

    def may_try(self, neutral: bool, address: str) -> bool:
        """Whether another mail is worth trying: after a streak, only one to a domain that was not refused yet."""
        seen = self._of(neutral)
        refused = len(seen.streak)
        return refused < STREAK or (refused < MOST and _domain(address) not in seen.domains)

    def note(self, key: Key, neutral: bool, address: str, answer: Answer) -> None:
        self._answers[mail_answers.provider_of(address), answer.reply.value] += 1
        seen = self._of(neutral)
        if answer.reply is Reply.TAKEN:
            self._seen[neutral] = _Seen(taken=True, single=seen.single | seen.streak)
        elif answer.reply is Reply.REFUSED:
            seen.streak[key] = answer.words
            seen.domains.add(_domain(address))

    def settle(self) -> Settled[Key]:
        """Write down what was seen; returns what becomes of the mails that were refused."""
        mail_answers.note(self._answers)
        self._answers.clear()
        settled = Settled[Key]()
        for neutral, seen in self._seen.items():
            settled.unwanted |= seen.single
            refused = Refused(seen.taken, len(seen.streak), len(seen.domains), next(reversed(seen.streak.values()), ""))
            soon = _settle(name_of(self.kind, neutral), refused)
            (settled.soon if soon else settled.later).update(seen.streak)
        return settled


@dataclass(slots=True)
class Settled[Key]:
    """What the server said of mails that it refused, by what becomes of them."""

    #: It took others after them: tried ever more rarely, given up in the end.
    unwanted: dict[Key, str] = field(default_factory=dict)
    #: Perhaps it does not want those of one domain: tried ever more rarely.
    later: dict[Key, str] = field(default_factory=dict)
    #: It is us whom it does not want, or nobody can tell: again as soon as it takes any.
    soon: dict[Key, str] = field(default_factory=dict)

    @property
    def words(self) -> dict[Key, str]:
        return self.unwanted | self.later | self.soon


@dataclass(frozen=True, slots=True)
class Refused:
    """What a claim adds to a row."""

    taken: bool
    #: Refusals at its end, of recipients in so many domains, the last in these words.
    streak: int
    domains: int
    words: str


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def name_of(kind: str, neutral: bool) -> str:
    return f"{kind}-neutral" if neutral else kind


def paused(kind: str) -> set[bool]:
    """The senders (whether neutral) none of whose mails are to be tried yet."""
    names = {name_of(kind, neutral): neutral for neutral in (False, True)}
    waiting = MailTrouble.objects.filter(pk__in=names, next_try__gt=Now())
    return {names[name] for name in waiting.values_list("pk", flat=True)}


def _settle(name: str, seen: Refused) -> bool:
    """Returns whether the mails of the streak are to be tried again soon (Settled)."""
    if not seen.streak and not MailTrouble.objects.filter(pk=name).exclude(refused=0).exists():
        return False
    with transaction.atomic():
        MailTrouble.objects.bulk_create([MailTrouble(pk=name)], ignore_conflicts=True)
        # By the database's clock: the workers' may be apart.
        trouble = MailTrouble.objects.select_for_update().annotate(now=Now()).get(pk=name)
        was = trouble.since
        refusing = _change(trouble, seen, trouble.now)
        trouble.save()
    # Who could not be told when it began is told when it is over.
    if bool(was) != bool(trouble.since) and not trouble.told_at and _tell(trouble):
        MailTrouble.objects.filter(pk=name).update(told_at=Now())
    return refusing


def _change(trouble: MailTrouble, seen: Refused, now: datetime.datetime) -> bool:
    """Take what a claim saw into the row. Returns what _settle() does."""
    if seen.taken:
        if trouble.since:
            log.warning("the mail server takes %s again", trouble.pk)
            trouble.ended_at = now
        trouble.refused, trouble.since, trouble.next_try = seen.streak, None, None
        trouble.reply = seen.words or trouble.reply
        return True
    trouble.refused += seen.streak
    trouble.reply = seen.words or trouble.reply
    quiet = trouble.ended_at is not None and now - trouble.ended_at < NO_NEWS
    if seen.domains == 1 and quiet and not trouble.since:
        return False  # it was us before, but one domain's recipients show nothing
    if trouble.refused >= STREAK and not trouble.since:
        trouble.since = now
        log.error("the mail server refuses us (%s): %s wait, nothing is given up", trouble.reply, trouble.pk)
        if not quiet:
            trouble.told_at = None
    if trouble.since and seen.domains > 1:
        trouble.next_try = now + PAUSE
    return True


def _tell(trouble: MailTrouble) -> bool:
    """By mail, to whoever is to be woken. Says whether it went out."""
    if trouble.since:
        state = "They wait, nothing is given up, and it is asked again every half minute."
    else:
        state = "It takes them again now; nothing was given up."
    text = (
        f"The mail server refused {trouble.pk} ({trouble.reply}). {state} `manage.py list_mails` says how many wait.\n"
    )
    mail = EmailMessage("The mail server refuses our mails", text, settings.DEFAULT_FROM_EMAIL, settings.ALERTS_TO)
    try:
        return bool(mail.send())  # none where ALERTS_TO is empty
    except (OSError, ValueError):  # OSError: what smtplib raises, too. The log has said it.
        return False
