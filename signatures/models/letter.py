"""What officers write into a packet's letter, between its fixed parts; and the letter as it will print."""

from __future__ import annotations

import datetime

import msgspec
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from signatures.models.delivery import Delivery


class LetterTexts(msgspec.Struct, frozen=True):
    """In one of the letter's languages; "" is what the letter says by itself. `words` are paragraphs."""

    salutation: str = ""
    words: str = ""
    closing: str = ""


class LetterWords(msgspec.Struct, frozen=True):
    """As kept in `Delivery.letter`, which is "" where nobody wrote anything."""

    answer_by: datetime.date | None = None
    #: Lines; "": the section's postal address.
    reply_to: str = ""
    #: Of whoever signs.
    name: str = ""
    office: str = ""
    texts: dict[str, LetterTexts] = {}


def read_letter(written: str) -> LetterWords:
    return msgspec.json.decode(written, type=LetterWords) if written else LetterWords()


def write_letter(words: LetterWords) -> str:
    """One spelling for the same words: two people agree to its hash."""
    plain = msgspec.structs.replace(
        words, texts={language: texts for language, texts in sorted(words.texts.items()) if texts != LetterTexts()}
    )
    return "" if plain == LetterWords() else msgspec.json.encode(plain).decode()


class LetterPreview(models.Model):
    """The letter of a requested delivery in one language, as a worker has set it; nothing in it is of a person.

    Deleted once the delivery is decided on.
    """

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="previews")
    language = models.CharField(max_length=10)
    #: Of `Delivery.letter` that it was set with.
    letter_sha256 = models.CharField(max_length=64)
    pdf = models.BinaryField()
    #: {"signatures", "listed", "strikes", "to_date"} of that moment.
    figures = models.JSONField()
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("letter preview")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "language"], name="letter_preview_once"),
        ]

    def __str__(self) -> str:
        return f"letter of {self.delivery_id} in {self.language}"
