"""The way from an empty installation to the first delivery, as the desk's home page shows it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from signatures.desk.first_day import first_day_of
from signatures.models import Handover
from staff import audit
from staff.models import Role
from tests.support.fixtures import a_key


def done(user):
    return [step.done for step in first_day_of(user)]


def test_each_step_is_ticked_when_it_is_done(staff, section):
    admin = staff(Role.ADMINISTRATOR, username="ada")
    assert done(admin) == [False] * 8
    staff(Role.ADMINISTRATOR, username="bea")
    section.postal_address = "Box 7"
    section.save()
    officers = [staff(Role.DELIVERY_OFFICER, username=name) for name in ("clara", "dora")]
    assert done(admin) == [True, True, True, *[False] * 5]
    for officer in officers:
        a_key(officer)
    audit.append(None, "keyring.export", None, detail={"files": 3})
    assert done(officers[0]) == [True] * 5 + [False] * 3


def test_it_is_gone_once_a_packet_was_handed_over(signed, deliver, officers, staff, staff_client):
    officer = staff(Role.DELIVERY_OFFICER, username="clara")
    delivery = deliver(signed)
    assert done(officer)[5:] == [True, True, False]
    home = staff_client(officer).get(reverse("admin:index")).content.decode()
    assert "First steps" in home
    Handover.objects.create(delivery=delivery, kind="handed", on=timezone.now().date(), recorded_by=officer)
    assert first_day_of(officer) == []


@pytest.mark.parametrize("role", [Role.CAMPAIGNER, Role.MODERATOR, Role.PRIVACY_OFFICER])
def test_it_is_for_who_sees_to_it(staff, role):
    assert first_day_of(staff(role)) == []
