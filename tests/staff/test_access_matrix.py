"""The role matrix: every address of the site, as every role, in the own section and in another one.

Made from the URL configuration, so a new page without a rule fails here. To mend that, say who may: in `rights` or
`pages` of its GuardedAdmin, or in staff/access_matrix.py; and make one of its objects in MAKERS below.
"""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import pyrage
import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from petitions.models import Addressee, Campaign, Demand, DemandStep, Dossier, Letterhead, Picture, Update
from signatures.admin.home import DOORS
from signatures.models import (
    AddresseeKey,
    Case,
    Delivery,
    Destruction,
    Handover,
    Monitor,
    NetworkRule,
    Purpose,
    Recipient,
    Register,
    Reveal,
    Ruling,
)
from staff.access import RULES, Who, may
from staff.access_matrix import PUBLIC, access_table, all_pages
from staff.audit import append
from staff.guarded_admin import GuardedAdmin
from staff.management.commands.write_access_table import PLACE
from staff.models import AuditEntry, Membership, Proposal, Role
from tests.support.fixtures import SiteClient
from web.models import Identity, Maintenance, Section, StandingPage

PAGES = list(all_pages())


def a_delivery(campaign):
    from signatures.desk.deliveries import request_delivery

    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    officer = User.objects.create(username=f"asked-{campaign.pk}")
    Membership.objects.create(user=officer, section=campaign.section, role=Role.DELIVERY_OFFICER)
    return request_delivery(campaign, campaign.addressee, "count", officer)


def a_picture(campaign):
    shapes = ("wide", "wide.jpg", "square", "square.jpg", "whole")
    return Picture.objects.create(
        section=campaign.section,
        alt="A door",
        caption="The door",
        credit="Somebody",
        made_on="2026-01-01",
        key=f"{campaign.pk:024x}",
        width=1600,
        height=900,
        widths={shape: [640] for shape in shapes},
    )


def an_entry(campaign):
    append(None, "tried", campaign.section)
    return AuditEntry.objects.filter(section=campaign.section).first()


def a_step(campaign):
    demand = Demand.objects.get(campaign=campaign)
    return DemandStep.objects.create(demand=demand, state="unmet", on="2026-01-01", evidence="Nothing was said.")


def a_handover(campaign):
    delivery = Delivery.objects.get(campaign=campaign)
    officer = User.objects.create(username=f"carried-{campaign.pk}")
    return Handover.objects.create(delivery=delivery, kind="handed", on="2026-01-01", recorded_by=officer)


def a_key(campaign):
    return Recipient.objects.create(
        officer=User.objects.create(username=f"keeper-{campaign.pk}"),
        recipient=str(pyrage.x25519.Identity.generate().to_public()),
        by_hand=True,
    )


def an_addressees_key(campaign):
    officer = User.objects.create(username=f"entered-{campaign.pk}")
    proposal = Proposal.objects.create(kind="their_key", subject={"campaign": campaign.pk}, requested_by=officer)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    return AddresseeKey.objects.create(
        addressee=Addressee.objects.create(name="A notary"), recipient=recipient, agreement="NDA", proposal=proposal
    )


def a_letterhead(campaign):
    return Letterhead.objects.get_or_create(section=campaign.section, defaults={"png": b"x", "width": 1, "height": 1})[
        0
    ]


def a_look(campaign):
    asked = {"kind": "number", "number": 1, "purpose": Purpose.FAULT, "reason": "Case 1"}
    officer = User.objects.create(username=f"looked-{campaign.pk}")
    return Reveal.objects.create(officer=officer, section=campaign.section, campaign=campaign, **asked)


def a_maintenance(campaign):
    """The whole site's: there is one, or none."""
    return Maintenance.objects.get_or_create(defaults={"mode": "paused", "note": "N", "since": timezone.now()})[0]


def a_network_rule(campaign):
    maker, _ = User.objects.get_or_create(username="keeps-networks")
    given = {"verdict": "block", "reason": "R", "made_by": maker, "until": timezone.now()}
    return NetworkRule.objects.get_or_create(network="192.0.2.0/24", defaults=given)[0]


def a_ruling(campaign):
    maker, _ = User.objects.get_or_create(username="ruled")
    return Ruling.objects.create(campaign=campaign, verb="hold", query={"source": "web"}, reason="R", made_by=maker)


def a_watch(campaign):
    figures = {"taken": [0] * 60, "confirmed": [0] * 60, "screened": 0, "held": 0, "networks": [], "domains": []}
    more = {"mails_waiting": 0, "usual": 60}
    return Monitor.objects.create(campaign=campaign, at=timezone.now(), figures=figures | more)


def a_case(campaign):
    officer, _ = User.objects.get_or_create(username="opened-a-case")
    given = {"kind": "access", "reference": "1", "received_on": timezone.now().date(), "opened_by": officer}
    return Case.objects.create(section=campaign.section, **given)


def a_destruction(campaign):
    return Destruction.objects.get_or_create(on=timezone.now().date(), rule="expired")[0]


def with_a_demand(campaign):
    """First: what somebody has signed gets no other demands."""
    Demand.objects.create(campaign=campaign, position=1, text="Open it")
    return campaign


#: model → one of it that belongs to a campaign, or to everybody.
MAKERS = {
    Campaign: with_a_demand,
    Update: lambda campaign: Update.objects.create(campaign=campaign, slug="u", title="U", lead="L"),
    Addressee: lambda campaign: Addressee.objects.create(name=f"Nobody {campaign.pk}"),
    Picture: a_picture,
    Dossier: lambda campaign: Dossier.objects.create(slug=f"d-{campaign.pk}", title="D", lead="L"),
    Section: lambda campaign: campaign.section,
    User: lambda campaign: User.objects.create(username=f"somebody-{campaign.pk}"),
    Delivery: a_delivery,
    Proposal: lambda campaign: Proposal.objects.get(subject__campaign=campaign.pk),  # the delivery's
    AuditEntry: an_entry,
    DemandStep: a_step,
    Handover: a_handover,
    Recipient: a_key,
    AddresseeKey: an_addressees_key,
    Letterhead: a_letterhead,
    Reveal: a_look,
    Maintenance: a_maintenance,
    StandingPage: lambda campaign: StandingPage.objects.get_or_create(section=campaign.section, kind="imprint")[0],
    Identity: lambda campaign: Identity.objects.get_or_create(section=campaign.section, defaults={"name": "N"})[0],
    NetworkRule: a_network_rule,
    Ruling: a_ruling,
    Monitor: a_watch,
    Case: a_case,
    Destruction: a_destruction,
}


@pytest.fixture
def things(make_campaign, other_section):
    """{(model, whether in one's own section): an object}."""
    here, there = make_campaign(), make_campaign(section=other_section)
    return {(model, own): make(here if own else there) for model, make in MAKERS.items() for own in (True, False)}


@contextmanager
def undone():
    """Whatever a page does has not happened for the next one."""
    point = transaction.savepoint_create()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def is_refused(response):
    """Told that it is not there (by Django's admin: with a way home), not allowed, or asked who one is."""
    elsewhere = response.get("Location", "")
    return (
        response.status_code in (403, 404)
        or elsewhere == "/admin/"
        or elsewhere.startswith(("/admin/login/", "/admin/second-factor/"))
    )


def ask(client, page, thing=None):
    """GET, or POST with an empty form where the page takes no GET."""
    parameters = {"object_id": thing.pk if thing else None, "kind": "membership"}
    url = reverse(page.name, kwargs={name: value for name, value in parameters.items() if f":{name}>" in page.route})
    with undone():
        response = client.get(url)
        if response.status_code == 405:
            response = client.post(url)
        return response


def asked(page, things):
    """(own section?, object) for each way to ask for the page."""
    if not page.has_object:
        return [(True, None)]
    return [(own, things[page.model, own]) for own in (True, False)]


def may_delete(person, shown):
    return "delete" in shown.rights and may(person, shown.rights["delete"])


#: What a role alone does not open: a packet that is there, a role that is held, a site that is not at a maintenance
#: yet, a draft. Refusals are tried.
NEEDS_MORE = {
    "admin:petitions_campaign_delete",
    "admin:signatures_delivery_download",
    "admin:signatures_handover_file",
    "admin:web_maintenance_add",
}
#: Whose rows say themselves for whom they are: whoever made them, or decides on them. Refusals by role are tried.
PERSONAL = {Proposal, Recipient, Reveal}
MODEL_PAGES = [page for page in PAGES if page.model is not None]


def test_every_address_has_a_rule():
    assert [f"{page.name} /{page.route}" for page in PAGES if page.rule is None] == []


def test_every_rule_names_an_action_of_the_table():
    assert {action for page in PAGES for action in page.actions()} <= RULES.keys()


def test_every_public_name_is_an_address():
    demo_only = {"inbox", "mail"}
    assert PUBLIC - demo_only == {page.name for page in PAGES if page.name in PUBLIC - demo_only}


def test_only_what_the_table_guards_is_in_the_admin():
    assert [model for model, shown in admin.site._registry.items() if not isinstance(shown, GuardedAdmin)] == []


def test_every_model_of_the_admin_is_tried():
    assert {page.model for page in MODEL_PAGES} - MAKERS.keys() == set()


@pytest.mark.parametrize("role", Role)
def test_pages_open_to_the_roles_of_the_table_in_their_sections_only(role, staff, staff_client, things):
    person = staff(role)
    client = staff_client(person)
    wrong = []
    for page in MODEL_PAGES:
        for own, thing in asked(page, things):
            in_sections = thing is None or admin.site.get_model_admin(page.model).section_of(thing) is not None
            allowed = role in page.roles() and (own or not in_sections or role in Membership.EVERYWHERE)
            response = ask(client, page, thing)
            if isinstance(page.rule, Who) and page.rule is not Who.NOBODY:
                continue  # each object says itself for whom it is; strangers are tried below
            more_is_needed = page.name in NEEDS_MORE or (thing is not None and page.model in PERSONAL)
            if is_refused(response) == allowed and not (allowed and more_is_needed):
                wrong.append(f"{page.name} {'own' if own else 'other'}: {response.status_code}, {allowed=}")
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("kind", ["stranger", "without a second factor", "without a role", "dismissed", "superuser"])
def test_nobody_else_gets_in(kind, staff, things):
    client = SiteClient()
    if kind == "without a second factor":
        client.force_login(staff(Role.CAMPAIGNER), second_factor=False)
    elif kind == "superuser":
        client.force_login(User.objects.create_superuser("root"))
    elif kind != "stranger":
        person = staff(Role.CAMPAIGNER)
        client.force_login(person)
        Membership.objects.filter(user=person).delete()
        User.objects.filter(pk=person.pk).update(is_active=kind == "without a role")
    site_wide = [page for page in PAGES if page.rule is Who.WORKS_HERE and "<" not in page.route]
    let_in = [
        page.name
        for page in [*MODEL_PAGES, *site_wide]
        for _own, thing in asked(page, things)[:1]
        if not is_refused(ask(client, page, thing))
    ]
    assert let_in == []


@pytest.mark.parametrize("role", Role)
def test_lists_show_ones_own_section_and_offer_no_action_that_is_not_allowed(role, staff, staff_client, things, rf):
    person = staff(role)
    client = staff_client(person)
    request = rf.get("/")
    request.user = person
    for model, shown in admin.site._registry.items():
        offered = set(shown.get_actions(request)) - shown.pages.keys()
        assert offered <= ({"delete_selected"} if may_delete(person, shown) else set()), model
        if not shown.has_view_permission(request):
            continue
        page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        if model in PERSONAL or model is Monitor:  # a dashboard, not a list
            continue
        listed = set(page.context["cl"].result_list)
        assert things[model, True] in listed
        scoped = shown.section_of(things[model, False]) is not None and role not in Membership.EVERYWHERE
        assert (things[model, False] in listed) != scoped, model


def test_every_list_has_a_door_on_the_first_page(staff, staff_client):
    named = [model for _heading, names in DOORS for model in names]
    assert sorted(named) == sorted(model.__name__ for model in admin.site._registry)
    page = staff_client(staff(Role.ADMINISTRATOR)).get("/admin/").content.decode()
    assert ">Users<" in page
    assert "Rulings" not in page


def test_the_first_page_and_the_side_menu_call_a_list_by_one_name():
    models = {model.__name__: model for model in admin.site._registry}
    for _heading, names in DOORS:
        for model, name in names.items():
            assert str(name) == capfirst(models[model]._meta.verbose_name_plural), model


@pytest.mark.parametrize(("entries", "said"), [(0, "0 entries"), (1, "1 entry"), (1234, "1,234 entries")])
def test_lists_count_entries(entries, said):
    shown = render_to_string("unfold/helpers/pagination_default.html", {"cl": SimpleNamespace(result_count=entries)})
    assert re.sub(r"<[^>]*>", "", shown).strip() == said


def test_the_table_in_the_documents_is_what_the_code_says():
    assert PLACE.read_text(encoding="utf-8") == access_table(), "run manage.py write_access_table"
