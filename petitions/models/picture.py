"""A picture, with what has to stand beside it."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from petitions import pictures
from web.i18n.translated import Translated, TranslatedCharField
from web.models import Section


class Picture(Translated):
    """A picture with what belongs beside it. Its files are in the storage, under `key` (petitions/pictures.py).

    Guards: config/database/audited_rows.sql.
    """

    section = models.ForeignKey(Section, models.PROTECT, verbose_name=_("section"), related_name="pictures")
    alt = TranslatedCharField(
        _("alternative text"),
        max_length=300,
        help_text=_("One sentence describing the picture, for people who cannot see it."),
    )
    caption = TranslatedCharField(_("caption"), max_length=300)
    credit = TranslatedCharField(_("credit"), max_length=200, help_text=_("Photographer and licence."))
    made_on = models.DateField(_("date"), help_text=_("When it was taken or created."))
    focus_x = models.PositiveSmallIntegerField(
        _("focal point from the left"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("In percent. Every crop keeps this point in view."),
    )
    focus_y = models.PositiveSmallIntegerField(
        _("focal point from the top"), default=50, validators=[MaxValueValidator(100)]
    )
    key = models.CharField(max_length=24, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    widths = models.JSONField(editable=False)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["-made_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="picture_says_what_it_is", condition=~Q(alt="") & ~Q(caption="") & ~Q(credit="")
            ),
            models.CheckConstraint(
                name="picture_focus_is_inside", condition=Q(focus_x__range=(0, 100), focus_y__range=(0, 100))
            ),
        ]

    def __str__(self) -> str:
        return self.caption

    @property
    def focus(self) -> tuple[int, int]:
        return self.focus_x, self.focus_y

    @property
    def master_width(self) -> int:
        """Pixels across of the file that the press downloads."""
        return int(self.widths["whole"][0])

    @property
    def master_url(self) -> str:
        return pictures.storage().url(f"{self.key}/whole-{self.master_width}.jpg")

    @property
    def preview(self) -> dict[str, str | int]:
        """What others show of a page that has this picture (templates/_preview.html)."""
        width = self.widths["wide.jpg"][-1]
        url = pictures.storage().url(f"{self.key}/wide-{width}.jpg")
        return {"url": url, "width": width, "height": round(width * 2 / 3), "alt": self.alt}

    def develop(self, content: bytes, filename: str) -> None:
        """Make the files of this upload and point here to them. Does not save. Raises pictures.PictureRefused."""
        made = pictures.develop(content, filename, self.focus)
        self.key, self.width, self.height, self.widths = made.key, made.width, made.height, made.widths

    def refocus(self) -> None:
        """Cut the same picture anew around the focus it has now. Does not save."""
        self.develop(pictures.master_of(self.key, self.master_width), "master.jpg")

    @classmethod
    def forget_unused(cls, key: str) -> None:
        """Once the transaction is committed, delete these files unless another picture shows the same."""

        def forget() -> None:
            if not cls.objects.filter(key=key).exists():
                pictures.forget(key)

        transaction.on_commit(forget)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """What was taken down is gone: its files as well."""
        deleted = super().delete(*args, **kwargs)
        self.forget_unused(self.key)
        return deleted
