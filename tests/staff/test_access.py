"""The access table: roles hold in their section, and no flag opens what a role does not."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction

from petitions.models import Campaign
from staff.access import RULES, may, sections_of, within, works_here
from staff.models import Membership, Role


@pytest.mark.parametrize("action", RULES)
def test_roles_hold_in_their_own_section_and_in_both_tongues(staff, section, other_section, action):
    for role in Role:
        person = staff(role)
        everywhere = role in Membership.EVERYWHERE
        allowed = role in RULES[action]
        assert may(person, action) == allowed
        assert may(person, action, section) == allowed
        assert may(person, action, other_section) == (allowed and everywhere)
        assert set(sections_of(person, action)) == {s for s in (section, other_section) if may(person, action, s)}


def test_a_campaign_is_where_its_section_is(staff, make_campaign, other_section):
    here, there = make_campaign(), make_campaign(section=other_section)
    campaigner = staff(Role.CAMPAIGNER)
    assert may(campaigner, "campaign.change", here)
    assert not may(campaigner, "campaign.change", there)
    assert list(within(Campaign.objects.all(), campaigner, "campaign.change")) == [here]


def test_whoever_left_may_nothing(staff, section):
    person = staff(Role.MODERATOR)
    person.is_active = False
    assert not may(person, "ruling.make", section)
    assert not sections_of(person, "ruling.make").exists()
    assert not works_here(person)


def test_a_superuser_is_nobody_special(db, section):
    person = User.objects.create_superuser("root", password=None)
    assert not any(may(person, action, section) for action in RULES)
    assert not works_here(person)
    assert not works_here(AnonymousUser())
    assert not may(AnonymousUser(), "campaign.view")


def test_an_action_nobody_wrote_down_is_a_mistake(staff):
    with pytest.raises(KeyError):
        may(staff(Role.CAMPAIGNER), "campaign.burn")


def test_administrators_see_no_person():
    persons = {"reveal", "delivery", "ruling", "tally"}
    assert not [a for a, roles in RULES.items() if Role.ADMINISTRATOR in roles and a.partition(".")[0] in persons]


@pytest.mark.parametrize(
    ("role", "everywhere", "constraint"),
    [
        (Role.MODERATOR, True, "membership_everywhere_for_few"),
        (Role.ADMINISTRATOR, False, "membership_administrator_everywhere"),
    ],
)
def test_who_is_something_everywhere_is_held_by_the_database(section, role, everywhere, constraint):
    person = User.objects.create(username="anna")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Membership.objects.create(user=person, role=role, section=None if everywhere else section)
    assert error.value.__cause__.diag.constraint_name == constraint


def test_the_same_role_twice_is_refused(section):
    person = User.objects.create(username="anna")
    Membership.objects.create(user=person, role=Role.ADMINISTRATOR)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=person, role=Role.ADMINISTRATOR)
