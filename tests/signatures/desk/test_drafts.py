"""Deleting drafts of petitions: by the desk, whole, and never one that anybody but staff has had to do with."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign, Demand, DemandStep, Dossier, Update
from signatures.desk.deliveries import request_delivery
from signatures.desk.drafts import REFUSALS
from signatures.models import CampaignKey, Mailing, Purpose, Register, Reveal, Ruling, SigningRules
from signatures.public_figures.saved_figures import take_snapshot
from signatures.register import admission
from signatures.register.keyring import provision_campaigns
from staff.models import AuditEntry, Role
from tests.support.fixtures import acting_as


@pytest.fixture
def draft(make_campaign):
    """One with all that a draft may have of its own."""
    made = make_campaign(state="draft")
    demand = Demand.objects.create(campaign=made, position=1, text="Open it")
    DemandStep.objects.create(demand=demand, state="unmet", on="2026-01-01", evidence="Nothing was said.")
    Update.objects.create(campaign=made, slug="u", title="U", lead="L")
    Dossier.objects.create(slug="d", title="D", lead="L").campaigns.add(made)
    SigningRules.objects.create(campaign=made)
    return made


@pytest.fixture
def campaigner(staff):
    return staff(Role.CAMPAIGNER)


def url(campaign):
    return reverse("admin:petitions_campaign_delete", args=[campaign.pk])


def delete(campaign, client):
    return client.post(url(campaign), {"post": "yes"}, follow=True)


def delete_by_sql(campaign, role):
    with suppress(DatabaseError), transaction.atomic(), acting_as(role), connection.cursor() as cursor:
        cursor.execute("SELECT delete_draft(%s)", [campaign.pk])


def test_a_campaigner_deletes_a_draft_with_all_that_is_its_own(draft, campaigner, staff_client):
    client = staff_client(campaigner)
    assert client.get(reverse("admin:petitions_campaign_change", args=[draft.pk])).text.count(url(draft)) == 1
    asked = client.get(url(draft))
    assert draft.title in asked.text
    assert Campaign.objects.exists()
    assert delete(draft, client).status_code == 200
    left = (Campaign, Demand, DemandStep, Update, SigningRules, CampaignKey, Register)
    assert [model.__name__ for model in left if model.objects.exists()] == []
    assert Dossier.objects.get().campaigns.count() == 0
    entry = AuditEntry.objects.get(action="campaign.delete")
    assert (entry.actor, entry.section) == (campaigner, draft.section)
    assert entry.detail == {"campaign": draft.pk, "slug": draft.slug}
    assert AuditEntry.objects.filter(action="campaign.deleted", actor=campaigner).count() == 1
    assert provision_campaigns() == 0


def test_its_address_is_free_again(draft, campaigner, staff_client, make_campaign):
    delete(draft, staff_client(campaigner))
    assert make_campaign(slug=draft.slug).slug == draft.slug


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CAMPAIGNER])
def test_nobody_else_deletes_one(draft, staff, staff_client, role):
    delete(draft, staff_client(staff(role)))
    assert Campaign.objects.exists()


def test_nobody_deletes_one_of_another_section(make_campaign, other_section, campaigner, staff_client):
    there = make_campaign(state="draft", section=other_section)
    assert delete(there, staff_client(campaigner)).status_code in (403, 404)
    assert Campaign.objects.exists()


@pytest.mark.parametrize("role", [settings.PUBLIC_ROLE, settings.WORKER_ROLE])
def test_neither_the_site_nor_a_worker_can(draft, role):
    delete_by_sql(draft, role)
    assert Campaign.objects.exists()


@pytest.mark.parametrize("state", [state for state in Campaign.State if state != Campaign.State.DRAFT])
def test_nothing_but_a_draft_is_deleted(make_campaign, campaigner, staff_client, state):
    campaign = make_campaign(state=state, closes_at=timezone.now(), state_reason="Why")
    delete(campaign, staff_client(campaigner))
    delete_by_sql(campaign, settings.DESK_ROLE)
    assert Campaign.objects.exists()


def test_what_was_public_once_is_no_draft_by_being_called_one(campaign, campaigner, staff_client):
    Campaign.objects.filter(pk=campaign.pk).update(state="draft")
    delete(campaign, staff_client(campaigner))
    delete_by_sql(campaign, settings.DESK_ROLE)
    assert Campaign.objects.exists()


def a_signature(campaign, sign, by):
    sign(campaign)


def a_pending_submission(campaign, sign, by):
    sign(campaign, confirmed=False)


def a_counted_signature(campaign, sign, by):
    sign(campaign)
    admission.admit_everything()


def a_delivery(campaign, sign, by):
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    request_delivery(campaign, campaign.addressee, "count", by)


def a_ruling(campaign, sign, by):
    Ruling.objects.create(campaign=campaign, verb="hold", query={"source": "web"}, reason="R", made_by=by)


def a_lookup(campaign, sign, by):
    asked = {"kind": "number", "number": 1, "purpose": Purpose.FAULT, "reason": "Case 1"}
    Reveal.objects.create(officer=by, section=campaign.section, campaign=campaign, **asked)


def a_mailing(campaign, sign, by):
    update = Update.objects.create(campaign=campaign, slug="sent", title="U", lead="L")
    Mailing.objects.create(update=update)


def a_saved_figure(campaign, sign, by):
    take_snapshot(campaign, "november")


TRACES = [a_signature, a_pending_submission, a_counted_signature, a_delivery, a_ruling, a_lookup, a_mailing,
          a_saved_figure]  # fmt: skip


@pytest.mark.parametrize("leave", TRACES)
def test_one_with_a_trace_of_anybody_stays_whole_and_says_why(draft, campaigner, staff, staff_client, sign, leave):
    leave(draft, sign, staff(Role.DELIVERY_OFFICER))
    before = Demand.objects.count(), Update.objects.count()
    answer = delete(draft, staff_client(campaigner))
    assert str(REFUSALS["draft_has_traces"]) in answer.text
    assert Campaign.objects.filter(pk=draft.pk).exists()
    assert (Demand.objects.count(), Update.objects.count()) == before
    assert not AuditEntry.objects.filter(action="campaign.delete").exists()


def test_the_database_says_which_rule_refused(campaign):
    with pytest.raises(IntegrityError, match="what was public stays"), transaction.atomic(), connection.cursor() as c:
        c.execute("SELECT delete_draft(%s)", [campaign.pk])
