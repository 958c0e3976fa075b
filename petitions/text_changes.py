"""What changed between two versions of a petition's text, word by word: for readers, and for whoever approves."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from petitions.models.version import TextVersion

#: Words and what stands between them; writing without spaces changes sign by sign.
_PIECES: Final = re.compile(r"\w+|\s+|[^\w\s]")

type Piece = tuple[Literal["same", "gone", "new"], str]


@dataclass(frozen=True, slots=True)
class Change:
    """One text of a petition, before and after."""

    label: str
    before: list[Piece]
    after: list[Piece]
    #: The language that both are written in.
    language: str = ""


@dataclass(frozen=True, slots=True)
class ToldVersion:
    """A version, as readers of a language are told of it."""

    number: int
    on: datetime.date
    reason: str
    #: Whether it corrects what people had signed.
    is_correction: bool
    #: The language that these readers see the text in, and its hash.
    language: str
    sha256: str
    content: Mapping[str, Any]
    changes: list[Change] = field(default_factory=list)
    #: The languages in which it changed anything, for those whose own it left alone.
    changed_in: list[str] = field(default_factory=list)


def told_version(version: TextVersion, before: TextVersion | None, language: str) -> ToldVersion:
    """What readers of that language are told of a version that follows `before`."""
    original = version.campaign.language
    shown = version.language_for(language, original)
    content = version.content_in(shown)
    changes, changed_in = list[Change](), list[str]()
    if before is not None:
        changes = list(changes_between(before.content_in(before.language_for(language, original)), content, shown))
        changed_in = [code for code in sorted(version.hashes) if version.hashes[code] != before.hashes.get(code)]
    return ToldVersion(
        number=version.number,
        on=version.made_at.astimezone(datetime.UTC).date(),
        reason=version.reason,
        is_correction=version.correction_id is not None,
        language=shown,
        sha256=version.hashes[shown],
        content=content,
        changes=changes,
        changed_in=changed_in,
    )


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any], language: str = "") -> Iterator[Change]:
    """Each text that differs, in the order of the page; both as TextVersion.content_in() gives them."""
    old, new = _labelled(before), _labelled(after)
    for key in [*new, *(key for key in old if key not in new)]:
        label, was = old.get(key, ("", ""))
        label, now = new.get(key, (label, ""))
        if was != now:
            yield change_of(label, was, now, language)


def change_of(label: str, was: str, now: str, language: str = "") -> Change:
    """One text that changes from `was` to `now`."""
    old, new = _PIECES.findall(was), _PIECES.findall(now)
    before, after = list[Piece](), list[Piece]()
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[i1:i2]), "".join(new[j1:j2])
        if gone:
            before.append(("same" if kind == "equal" else "gone", gone))
        if come:
            after.append(("same" if kind == "equal" else "new", come))
    return Change(label, before, after, language)


def news_of_correction(reason: str, page: str) -> dict[str, str]:
    """Title, lead and body of the update that tells of a correction. `page`: the path of what changed."""
    still = _(
        "Your signature still counts, for the text that you signed. If you no longer agree, you can withdraw it with "
        "the link in each of our e-mails."
    )
    return {
        "title": _("The wording of this petition was corrected"),
        "lead": f"{_('Reason:')} {reason}\n\n{still}",
        "body": f"[{_('What changed, word by word')}]({page})",
    }


def _labelled(content: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """{what it is: (what readers call it, text)}."""
    texts = {
        "title": (_("Title"), content["title"]),
        "addressee": (_("Addressee"), content["addressee"]),
        "institution": (_("Institution"), content["institution"]),
    }
    for number, demand in enumerate(content["demands"], start=1):
        texts[f"demand {number}"] = (_("Demand %(number)s") % {"number": number}, demand["text"])
        explained = _("Demand %(number)s, explanation") % {"number": number}
        texts[f"explanation {number}"] = (explained, demand["explanation"])
    texts["pledge"] = (_("What signers state"), content["pledge"])
    mailbox = _("Signatures per e-mail address")
    texts["mailbox"] = (mailbox, str(content["signatures_per_mailbox"]))
    return {key: (label, text) for key, (label, text) in texts.items() if text}
