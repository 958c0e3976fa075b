"""Who works here, and where: what a person is in each section. What a role may do is in staff/access.py."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from web.models import Section


class Role(models.TextChoices):
    """What somebody is in a section. One person may be several things; an administrator is nothing else."""

    CAMPAIGNER = "campaigner", _("Campaigner")
    MODERATOR = "moderator", _("Moderator")
    DELIVERY_OFFICER = "delivery_officer", _("Delivery officer")
    PRIVACY_OFFICER = "privacy_officer", _("Privacy officer")
    ADMINISTRATOR = "administrator", _("Administrator")


class Membership(models.Model):
    """A person's role in one section, or in all of them.

    Guards: config/database/audited_rows.sql, config/database/roles.sql.
    """

    #: The roles that somebody may have in every section at once.
    EVERYWHERE = (Role.PRIVACY_OFFICER, Role.ADMINISTRATOR)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    section = models.ForeignKey(
        Section, models.PROTECT, null=True, blank=True, related_name="memberships", verbose_name=_("section"),
        help_text=_("Leave empty for all sections. Only possible for privacy officers and administrators."),
    )  # fmt: skip
    role = models.CharField(_("role"), max_length=20, choices=Role)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ["user", "section", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "section", "role"], name="membership_once", nulls_distinct=False,
                violation_error_message=_("This user already has this role there."),
            ),
            models.CheckConstraint(
                name="membership_everywhere_for_few",
                condition=Q(section__isnull=False) | Q(role__in=["privacy_officer", "administrator"]),
                violation_error_message=_("Choose a section: this role applies to one section at a time."),
            ),
            models.CheckConstraint(
                name="membership_administrator_everywhere",
                condition=~Q(role="administrator") | Q(section__isnull=True),
                violation_error_message=_("Leave the section empty: administrators manage users of all sections."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_role_display()}, {self.section or _('all sections')}"
