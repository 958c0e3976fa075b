"""What campaigners write. Nothing here knows who signed: signatures/admin/campaigns.py adds that to the campaign."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
)

from petitions.admin.picture_refusals import REASONS
from petitions.admin.translations import TranslatedAdmin
from petitions.models import (
    Addressee,
    Campaign,
    Coverage,
    Demand,
    DemandStep,
    Disclosure,
    Dossier,
    Picture,
    Update,
    is_signed,
)
from petitions.pictures import ACCEPT, PictureRefused
from staff.access import may, sections_of, within
from staff.guarded_admin import GuardedInline
from web.i18n.languages import LANGUAGES
from web.i18n.translated import TranslatedField
from web.models import Section


def was_signed(campaign: Campaign) -> bool:
    """Whether anybody has signed it, so that its texts are fixed (config/database/text_versions.sql)."""
    return Campaign.objects.filter(is_signed(), pk=campaign.pk).exists()


class AddresseeForm(forms.ModelForm):
    """Keeps the authority addressed and the third party that verifies apart, and offers the languages of letters."""

    letters_in = forms.ChoiceField(
        label=capfirst(Addressee._meta.get_field("letters_in").verbose_name),
        choices=[("", _("The campaign’s")), *((language.code, language.name) for language in LANGUAGES)],
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Letters are written in this language as well as in the campaign’s."),
    )

    def clean_trusted_third_party(self) -> bool:
        """A third party may be given everything, so no authority may become one by a tick."""
        trusted: bool = self.cleaned_data["trusted_third_party"]
        if trusted and self.instance.pk and self.instance.campaigns.exists():
            raise forms.ValidationError(_("A campaign is addressed to it, so it cannot be a trusted third party."))
        return trusted


@admin.register(Addressee)
class AddresseeAdmin(TranslatedAdmin):
    """Shared by all sections: several may petition the same minister. One that nobody petitions may be deleted."""

    rights = {"view": "content.view", "add": "content.change", "change": "content.change", "delete": "content.change"}
    form = AddresseeForm
    list_display = ["name", "institution", "country", "trusted_third_party"]
    list_filter = ["trusted_third_party"]
    search_fields = ["name", "institution"]

    def has_delete_permission(self, request: HttpRequest, obj: Addressee | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.campaigns.exists())

    def get_readonly_fields(self, request: HttpRequest, obj: Addressee | None = None) -> list[str]:
        """Its name is a part of what people signed: corrected with a petition, not here."""
        return ["name", "institution", "language"] if obj and self._was_signed(obj) else []

    def is_fixed(self, row: Addressee, field: TranslatedField) -> bool:
        return self._was_signed(row)

    def _was_signed(self, addressee: Addressee) -> bool:
        return addressee.campaigns.filter(is_signed()).exists()


class DemandChoice(forms.ModelChoiceField):
    """Many campaigns have a demand 1: each is offered with its campaign."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.campaign}: {obj}"


@admin.register(DemandStep)
class DemandStepAdmin(TranslatedAdmin):
    """What became of each demand, with dated evidence. Its latest step is where a demand stands."""

    rights = {"view": "content.view", "add": "content.change", "change": "content.change", "delete": "content.change"}
    section_lookup = "demand__campaign__section"
    fields = ["demand", ("state", "on"), "language", "evidence", "url"]
    list_display = ["demand", "campaign", "state", "on", "evidence"]
    list_select_related = ["demand__campaign"]
    list_filter = ["state"]

    def section_of(self, obj: DemandStep) -> Campaign:
        return obj.demand.campaign

    @admin.display(description=_("campaign"), ordering="demand__campaign")
    def campaign(self, step: DemandStep) -> Campaign:
        return step.demand.campaign

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "demand":
            own = within(Campaign.objects.all(), request.user, "content.change")
            kwargs["queryset"] = Demand.objects.filter(campaign__in=own).select_related("campaign")
            kwargs["form_class"] = DemandChoice
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class PictureForm(forms.ModelForm):
    """Takes the upload and has its files made; cuts them anew where the focus moved."""

    upload = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget({"accept": ACCEPT}),
        help_text=_(
            "JPEG, PNG, WebP or AVIF, ideally 2400 pixels wide. All sizes are generated from it; location, "
            "camera and other hidden data are removed."
        ),
    )

    class Meta:
        model = Picture
        fields = ["section", "alt", "caption", "credit", "made_on", "focus_x", "focus_y"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial_key = self.instance.key
        if "upload" in self.fields:  # not there for those who may only look
            self.fields["upload"].required = self.instance.pk is None

    def full_clean(self) -> None:
        """The files are made last: the instance has its new focus then, and nothing is saved yet."""
        super().full_clean()
        if self.is_bound and not self.errors:
            self._develop()

    def _develop(self) -> None:
        upload = self.cleaned_data.get("upload")
        try:
            if upload:
                self.instance.develop(upload.read(), upload.name)
            elif {"focus_x", "focus_y"} & set(self.changed_data):
                self.instance.refocus()
        except PictureRefused as refusal:
            self.add_error("upload", forms.ValidationError(REASONS[refusal.reason], code=refusal.reason))
        except FileNotFoundError:
            self.add_error("upload", _("The files of this picture are missing. Upload it again."))


@admin.register(Picture)
class PictureAdmin(TranslatedAdmin):
    """Each section keeps its own."""

    rights = {"view": "content.view", "add": "content.change", "change": "content.change", "delete": "content.change"}
    section_lookup = "section"
    form = PictureForm
    list_display = ["thumbnail", "caption", "credit", "made_on"]
    list_display_links = ["thumbnail", "caption"]
    search_fields = ["caption", "alt", "credit"]
    list_select_related = ["section"]
    readonly_fields = ["thumbnail"]
    fieldsets = [
        (None, {"fields": ["section", "thumbnail", "upload", ("focus_x", "focus_y")]}),
        (_("Caption and credit"), {"fields": ["alt", "caption", ("credit", "made_on")]}),
    ]

    def section_of(self, obj: Picture) -> Section:
        return obj.section

    def save_model(self, request: HttpRequest, obj: Picture, form: Any, change: bool) -> None:
        before = form.initial_key
        super().save_model(request, obj, form, change)
        if before and before != obj.key:
            Picture.forget_unused(before)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Picture]) -> None:
        """One by one: each takes its files with it."""
        for picture in queryset:
            picture.delete()

    @admin.display(description=_("picture"))
    def thumbnail(self, picture: Picture) -> str:
        return render_to_string("petitions/admin/thumbnail.html", {"picture": picture}) if picture.key else "–"


class CampaignContentForm(forms.ModelForm):
    """Explains what the campaign's constraints would refuse."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        disclosure = self.fields.get("disclosure")
        if isinstance(disclosure, forms.ChoiceField):  # not there for those who may only look
            # An addressee never gets everything (campaign_full_is_for_third_parties), so it is not offered.
            disclosure.choices = [choice for choice in Disclosure.choices if choice[0] != Disclosure.FULL]

    def clean_addressee(self) -> Addressee:
        addressee: Addressee = self.cleaned_data["addressee"]
        if addressee.trusted_third_party:
            raise forms.ValidationError(
                _("This is a trusted third party: it verifies signatures and cannot be a petition’s addressee.")
            )
        return addressee


class DemandInline(GuardedInline):
    model = Demand
    fields = ["position", "text", "explanation"]

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        """What people have signed is corrected, and no demand comes or goes."""
        return super()._may_write(request, obj) and not (obj and was_signed(obj))


class CampaignContentAdmin(TranslatedAdmin):
    """A campaign as content. Registered by signatures/admin/campaigns.py, which knows keys and counts.

    Campaigners write it; when it opens and closes is for moderators.
    """

    rights = {
        "view": "campaign.view", "add": "campaign.add", "change": "campaign.change", "delete": "campaign.delete",
    }  # fmt: skip
    section_lookup = "section"
    #: When it opens and closes is a moderator's to plan. The state changes by steps (petitions/desk/lifecycle.py).
    TIME_FIELDS = ("opens_at", "closes_at")
    #: What is fixed once somebody has signed, demands apart.
    SIGNED = ("title", "pledge", "addressee", "persons_per_mailbox", "language")
    form = CampaignContentForm
    inlines = [DemandInline]
    translated_parts = ("demands",)
    search_fields = ["title", "slug"]
    list_filter = ["state", "topic", "region", "at_risk"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("section", "language"),
                    "title",
                    "slug",
                    "lead",
                    "picture",
                    "background",
                    "pledge",
                    ("topic", "region"),
                ]
            },
        ),
        (_("Addressee and goal"), {"fields": ["addressee", "goal"]}),
        (
            _("Schedule"),
            {
                "fields": ["state", ("launched_on", "last_update_on"), "opens_at", "closes_at"],
                "description": _(
                    "Signing opens and closes automatically at these times, once a moderator has pressed “Open”. "
                    "Until then the page is public and shows when signing opens."
                ),
            },
        ),
        (_("Protection of signers"), {"fields": ["at_risk", "disclosure", "persons_per_mailbox"]}),
        (_("After signing"), {"fields": ["thanks_text", "share_text"]}),
        (_("Responsible organisation"), {"fields": [("responsible", "contact_email"), "donate_url"]}),
    ]

    def section_of(self, obj: Campaign) -> Campaign:
        return obj

    def is_fixed(self, row: Any, field: TranslatedField) -> bool:
        if isinstance(row, Demand):
            return was_signed(row.campaign)
        return field.attname in ("title", "pledge") and was_signed(row)

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return super().has_change_permission(request, obj) or self.may_set_state(request, obj)

    def may_set_state(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return may(request.user, "campaign.open", obj) or may(request.user, "campaign.close", obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        """What this person may only read. An address that people have passed on stays as it is for everybody; and
        who may look at signers does not change under them, so neither does the section."""
        fixed = ["state", "slug", "section"] if obj and obj.is_public else ["state"]
        if obj is None or not self.may_set_state(request, obj):  # a new one begins as a draft
            fixed += self.TIME_FIELDS
        if obj and was_signed(obj):
            fixed += self.SIGNED
        if obj and not self.may_do(request, "change", obj):
            every = flatten_fieldsets(self.get_fieldsets(request, obj))
            fixed += [name for name in every if name not in (*fixed, *self.TIME_FIELDS)]
        return fixed

    def get_prepopulated_fields(self, request: HttpRequest, obj: Campaign | None = None) -> dict[str, tuple[str, ...]]:
        return {} if obj else {"slug": ("title",)}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Who works in one section only is not asked which."""
        sections = sections_of(request.user, "campaign.add")[:2]
        return {"section": sections[0]} if len(sections) == 1 else {}

    def view_on_site(self, campaign: Campaign) -> str | None:
        return campaign.get_absolute_url() if campaign.is_public else None


class UpdateContentAdmin(TranslatedAdmin):
    """An update as content. Registered by signatures/admin/news.py, which can have it sent. A draft may be deleted;
    what was public once can be taken down."""

    rights = {"view": "content.view", "add": "content.change", "change": "content.change", "delete": "content.change"}
    section_lookup = "campaign__section"
    list_display = ["title", "campaign", "kind", "published_at", "taken_down"]
    list_filter = ["kind", ("campaign", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["campaign"]
    search_fields = ["title", "lead"]
    prepopulated_fields = {"slug": ("title",)}
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("campaign", ("kind", "breaking"), ("published_at", "taken_down"), "language", "title", "slug"),
                    *("lead", "picture", "body"),
                ]
            },
        ),
        (_("For the press"), {"fields": ["quote", "quote_by", "media_contact"]}),
    ]

    def section_of(self, obj: Update) -> Campaign:
        return obj.campaign

    def has_delete_permission(self, request: HttpRequest, obj: Update | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.was_public())

    def view_on_site(self, update: Update) -> str | None:
        return update.get_absolute_url() if Update.objects.published().filter(pk=update.pk).exists() else None


class CoverageInline(GuardedInline):
    model = Coverage
    fields = ["title", "summary", ("source", "published_on"), ("credit", "url"), "picture"]


class DossierForm(forms.ModelForm):
    """Offers what one may know of; another section's draft in this dossier stays there, unseen."""

    def clean_campaigns(self) -> QuerySet[Campaign]:
        chosen: QuerySet[Campaign] = self.cleaned_data["campaigns"]
        offered = cast(forms.ModelMultipleChoiceField, self.fields["campaigns"]).queryset
        if not self.instance.pk:
            return chosen
        return chosen | self.instance.campaigns.exclude(pk__in=offered)


@admin.register(Dossier)
class DossierAdmin(TranslatedAdmin):
    """Shared by all sections: it groups campaigns of several."""

    rights = {"view": "content.view", "add": "content.change", "change": "content.change"}
    form = DossierForm
    list_display = ["title", "slug", "taken_down"]
    list_filter = ["taken_down"]
    search_fields = ["title", "lead"]
    prepopulated_fields = {"slug": ("title",)}
    inlines = [CoverageInline]
    translated_parts = ("coverage",)

    def view_on_site(self, dossier: Dossier) -> str | None:
        return None if dossier.taken_down else dossier.get_absolute_url()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Boxes to tick: an organisation has few campaigns, and a select is wider than a phone."""
        known = Q(pk__in=within(Campaign.objects.all(), request.user, "campaign.view")) | Q(
            pk__in=Campaign.objects.public()
        )
        return super().formfield_for_manytomany(
            db_field,
            request,
            queryset=Campaign.objects.filter(known),
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            **kwargs,
        )
