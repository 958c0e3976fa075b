"""Forms that ask for what takes two people: each becomes a proposal, and changes nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from django import forms
from django.contrib.auth.models import User
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from petitions.models import Campaign, Disclosure
from signatures.desk.disclosure import propose_disclosure
from signatures.desk.reissues import request_reissue
from signatures.desk.shredding import propose_shredding
from signatures.models import Delivery
from staff import approvals
from staff.access import may, sections_of, within
from staff.factors import propose_forgetting
from staff.memberships import propose_membership
from staff.models import Proposal, Role
from staff.refusals import NotAllowed
from web.models import Section


class AskingForm(forms.Form):
    """Asks for one thing, and says why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=1000, widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=_("The approver reads it, and it stays in the audit trail. No names or addresses of signers."),
    )  # fmt: skip

    field_order = ["campaign", "delivery", "user", "role", "section", "disclosure", "at_risk", "reason"]

    def __init__(self, by: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("maxlength", None)  # as Uncut (petitions/guarding.py)
        self.by = by
        self.narrow_choices()

    def narrow_choices(self) -> None:
        """Offer only what this person may ask for."""

    def propose(self, said: dict[str, Any]) -> Proposal:
        raise NotImplementedError

    def ask(self) -> Proposal | None:
        """The proposal, of a valid form; None where it is refused, and the form says why."""
        try:
            return self.propose(self.cleaned_data)
        except NotAllowed as refusal:
            self.add_error(None, str(refusal))
            return None


def _campaigns(form: AskingForm, action: str) -> None:
    field = cast(forms.ModelChoiceField, form.fields["campaign"])
    field.queryset = within(Campaign.objects.all(), form.by, action)


class ShreddingForm(AskingForm):
    campaign = forms.ModelChoiceField(Campaign.objects.none(), label=_("Campaign"), widget=UnfoldAdminSelectWidget)

    def narrow_choices(self) -> None:
        _campaigns(self, "shred.request")

    def propose(self, said: dict[str, Any]) -> Proposal:
        return propose_shredding(said["campaign"], self.by, said["reason"])


class DisclosureForm(AskingForm):
    campaign = forms.ModelChoiceField(Campaign.objects.none(), label=_("Campaign"), widget=UnfoldAdminSelectWidget)
    disclosure = forms.ChoiceField(
        label=_("Most that may be disclosed to the addressee"), widget=UnfoldAdminSelectWidget,
        choices=[(choice.value, choice.label) for choice in Disclosure if choice != Disclosure.FULL],
    )  # fmt: skip
    at_risk = forms.BooleanField(label=_("Signers are at risk"), required=False, widget=UnfoldBooleanSwitchWidget)

    def narrow_choices(self) -> None:
        _campaigns(self, "disclosure.request")

    def propose(self, said: dict[str, Any]) -> Proposal:
        return propose_disclosure(said["campaign"], said["disclosure"], said["at_risk"], self.by, said["reason"])


class MembershipForm(AskingForm):
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"), label=_("User"), widget=UnfoldAdminSelectWidget
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)
    section = forms.ModelChoiceField(
        Section.objects.all(), label=_("Section"), required=False, widget=UnfoldAdminSelectWidget,
        help_text=_("Leave empty for all sections. Only possible for privacy officers and administrators."),
    )  # fmt: skip

    def propose(self, said: dict[str, Any]) -> Proposal:
        return propose_membership(said["user"], said["role"], said["section"], self.by, said["reason"])


class FactorsForm(AskingForm):
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"), label=_("User"), widget=UnfoldAdminSelectWidget
    )

    def propose(self, said: dict[str, Any]) -> Proposal:
        return propose_forgetting(said["user"], self.by, said["reason"])


class ReissueForm(AskingForm):
    delivery = forms.ModelChoiceField(Delivery.objects.none(), label=_("Packet"), widget=UnfoldAdminSelectWidget)

    def narrow_choices(self) -> None:
        own = Delivery.objects.filter(campaign__section__in=sections_of(self.by, "delivery.reissue"))
        packets = own.ready().exclude(profile=Disclosure.COUNT).select_related("campaign", "proposal")
        cast(forms.ModelChoiceField, self.fields["delivery"]).queryset = packets

    def propose(self, said: dict[str, Any]) -> Proposal:
        return request_reissue(said["delivery"], self.by, said["reason"])


@dataclass(frozen=True, slots=True)
class Asking:
    """One thing to ask for, as the page offers it."""

    kind: str
    label: Promise
    note: Promise
    form: type[AskingForm]


ASKING: Final = {
    asking.kind: asking
    for asking in (
        Asking(
            Proposal.Kind.DISCLOSURE.value,
            _("Reduce disclosure"),
            _("Once someone has signed, disclosure to the addressee can only be reduced, and never increased again."),
            DisclosureForm,
        ),
        Asking(
            Proposal.Kind.MEMBERSHIP.value,
            _("Assign a role"),
            _(
                "Assigning a role takes two administrators, and the user needs a second factor. One "
                "administrator can remove it, on the user’s page."
            ),
            MembershipForm,
        ),
        Asking(
            Proposal.Kind.FACTORS.value,
            _("Remove second factors"),
            _(
                "For a user who has lost their second factor and their recovery codes. The password stays; they "
                "set up a new second factor at the next login."
            ),
            FactorsForm,
        ),
        Asking(
            Proposal.Kind.SHREDDING.value,
            _("Shred a campaign"),
            _("Destroys its keys: nobody can ever read again who signed, not even from a backup. Totals stay."),
            ShreddingForm,
        ),
        Asking(
            Proposal.Kind.REISSUE.value,
            _("Encrypt a packet anew"),
            _(
                "For a packet that names people, when a key to it was lost: a worker encrypts the same content to the "
                "keys that you, the approver and the addressee have in use then."
            ),
            ReissueForm,
        ),
    )
}


def askable_by(user: User) -> list[Asking]:
    """What this person may ask for somewhere."""
    return [asking for asking in ASKING.values() if may(user, approvals.RULES[asking.kind].request)]
