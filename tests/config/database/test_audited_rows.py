"""What staff change is in the audit trail, by a page or by plain SQL as the desk's role (A7, A8, A9, A19)."""

import datetime

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Addressee, Dossier, Update
from signatures.models import Mailing, NetworkRule, Ruling
from staff import audit
from staff.models import AuditEntry, Role
from tests.support.fixtures import acting_as
from web.models import Section


@pytest.fixture
def update(campaign):
    return Update.objects.create(
        campaign=campaign, slug="news", title="News", lead="Some", body="More", published_at=timezone.now()
    )


def entries_of(statement, params=()):
    """The entries that a statement of the desk's role makes."""
    before = AuditEntry.objects.count()
    with transaction.atomic(), acting_as(settings.DESK_ROLE), connection.cursor() as cursor:
        cursor.execute(statement, params)
    return list(AuditEntry.objects.order_by("seq")[before:])


#: statement → the entry. {campaign}, {user} and so on are filled in.
BY_SQL = {
    "UPDATE petitions_campaign SET title = 'Another petition' WHERE id = {campaign}": "campaign.changed",
    "UPDATE petitions_campaign SET donate_url = 'https://evil.example/' WHERE id = {campaign}": "campaign.changed",
    "UPDATE petitions_campaign SET persons_per_mailbox = 5 WHERE id = {campaign}": "campaign.changed",
    "UPDATE petitions_campaign SET state = 'closed', closes_at = now() WHERE id = {campaign}": "campaign.changed",
    "INSERT INTO petitions_demand (campaign_id, position, text, explanation, translations)"
    " VALUES ({campaign}, 9, 'More', '', '{{}}')": "demand.added",
    "UPDATE petitions_addressee SET name = 'The Bishop'": "addressee.changed",
    "INSERT INTO petitions_addressee (name, institution, country, address, trusted_third_party, translations)"
    " VALUES ('A notary', '', '', '', true, '{{}}')": "addressee.added",
    "INSERT INTO signatures_mailing (update_id) VALUES ({update})": "mailing.added",
    "INSERT INTO signatures_networkrule (network, verdict, reason, made_by_id, until)"
    " VALUES ('10.0.0.0/8', 'block', 'Bots', {user}, now())": "network_rule.added",
    "INSERT INTO signatures_ruling (campaign_id, verb, query, reason, made_by_id)"
    " VALUES ({campaign}, 'exclude', '{{\"source\": \"web\"}}', 'Bots', {user})": "ruling.added",
    "INSERT INTO signatures_signingrules (campaign_id, proof_of_work) VALUES ({campaign}, 'on')": "signing_rules.added",
    "INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff, is_active,"
    " date_joined) VALUES ('mallory', 'x', '', '', '', false, false, true, now())": "login.added",
    "UPDATE auth_user SET password = 'md5$a$b' WHERE id = {user}": "login.changed",
    "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
    " VALUES ({user}, 'totp', '{{}}', now())": "factor.added",
    "DELETE FROM staff_membership WHERE user_id = {user}": "membership.deleted",
    "INSERT INTO web_section (name, slug) VALUES ('Mine', 'mine')": "section.added",
    "UPDATE web_section SET name = 'Ours'": "section.changed",
}


@pytest.mark.parametrize("statement", BY_SQL)
def test_the_desks_role_changes_nothing_by_sql_without_an_entry(statement, campaign, update, staff):
    there = {"campaign": campaign.pk, "update": update.pk, "user": staff(Role.MODERATOR).pk}
    assert [entry.action for entry in entries_of(statement.format(**there))] == [BY_SQL[statement]]


def test_an_entry_says_what_changed_and_shows_no_address(campaign):
    (entry,) = entries_of(
        "UPDATE petitions_campaign SET lead = %s, contact_email = 'ada@example.org', goal = 5000 WHERE id = %s",
        ["It closes at four. " * 9, campaign.pk],
    )
    assert entry.section == campaign.section
    assert entry.detail["campaign"] == campaign.pk
    assert entry.detail["now"].keys() == {"lead", "contact_email", "goal"}
    assert entry.detail["now"]["goal"] == 5000
    assert entry.detail["now"]["lead"].startswith("sha256 ")
    assert "ada" not in str(entry.detail)


def test_a_password_is_not_shown_and_a_login_alone_is_no_entry(staff):
    person = staff(Role.MODERATOR)
    assert entries_of("UPDATE auth_user SET last_login = now() WHERE id = %s", [person.pk]) == []
    (entry,) = entries_of("UPDATE auth_user SET password = %s WHERE id = %s", ["md5$salt$" + "a" * 32, person.pk])
    assert entry.detail["now"]["password"].startswith("sha256 ")


def test_whoever_acted_before_in_the_same_connection_is_not_named(staff, client, campaign):
    audit.say_who(staff(Role.CAMPAIGNER))
    client.get("/admin/login/")
    (entry,) = entries_of("UPDATE petitions_campaign SET goal = 7 WHERE id = %s", [campaign.pk])
    assert entry.actor is None


def page(name, *args):
    return reverse(f"admin:{name}", args=args)


def done_by(user):
    return {entry.action: entry for entry in AuditEntry.objects.filter(actor=user)}


def test_what_is_done_on_pages_names_who_did_it(staff, staff_client, campaign, update):
    """A8, A9, A19 found each of these without an entry."""
    writer, boss, judge = staff(Role.CAMPAIGNER), staff(Role.ADMINISTRATOR), staff(Role.MODERATOR)
    browser = staff_client(writer)
    third = {"name": "A notary", "institution": "", "country": "", "address": "", "letters_in": "", "language": "en"}
    browser.post(page("petitions_addressee_add"), third | {"trusted_third_party": "on"})
    dossier = {
        "slug": "subject", "title": "Subject", "lead": "Lead", "language": "en", "picture": "",
        "campaigns": [campaign.pk], "coverage-TOTAL_FORMS": 0, "coverage-INITIAL_FORMS": 0,
    }  # fmt: skip
    browser.post(page("petitions_dossier_add"), dossier)
    browser.post(page("petitions_update_mail", update.pk), {"do": "prepare"})
    staff_client(boss).post(page("web_section_add"), {"name": "New", "slug": "new"})
    rows = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    staff_client(boss).post(page("auth_user_add"), {"username": "newcomer", "is_active": "on"} | rows)
    end = (timezone.now() + datetime.timedelta(days=7)).date().isoformat()
    blocked = {"network": "192.0.2.0/24", "verdict": "block", "reason": "Bots", "until_0": end, "until_1": "08:00"}
    staff_client(judge).post(page("signatures_networkrule_add"), blocked)
    assert Addressee.objects.filter(trusted_third_party=True).exists()
    assert Dossier.objects.exists()
    assert Mailing.objects.exists()
    assert NetworkRule.objects.exists()
    assert Section.objects.filter(slug="new").exists()
    assert User.objects.filter(username="newcomer").exists()
    assert done_by(writer).keys() == {"addressee.added", "dossier.added", "dossier_campaign.added", "mailing.added"}
    assert done_by(writer)["mailing.added"].section == campaign.section
    assert done_by(writer)["addressee.added"].detail["now"]["trusted_third_party"] is True
    assert {"section.added", "login.added", "people.link"} <= done_by(boss).keys()
    assert done_by(judge)["network_rule.added"].detail["now"]["network"] == "192.0.2.0/24"


def test_by_sql_an_excluding_ruling_cannot_run_without_an_entry(staff, campaign):
    """A9: the web's role had one run without any."""
    ruling = Ruling.objects.create(
        campaign=campaign, verb="exclude", query={"source": "web"}, reason="Bots", made_by=staff(Role.MODERATOR)
    )
    Ruling.objects.filter(pk=ruling.pk).update(state="ready", would_touch=16)
    (entry,) = entries_of("UPDATE signatures_ruling SET state = 'running' WHERE id = %s", [ruling.pk])
    assert (entry.action, entry.detail["now"]["state"]) == ("ruling.changed", "running")


def test_djangos_own_log_is_nobodys(db):
    with connection.cursor() as cursor:
        for role in (settings.PUBLIC_ROLE, settings.DESK_ROLE, settings.WORKER_ROLE):
            cursor.execute("SELECT has_table_privilege(%s, 'django_admin_log', 'SELECT, INSERT, DELETE')", [role])
            assert cursor.fetchone() == (False,)
