"""The log after the fact: what is wrong in it is corrected; what was not handed over is discarded, and not public."""

import contextlib
import datetime

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from signatures.delivery import orphan_cleanup
from signatures.desk import deliveries
from signatures.desk.handovers import record
from signatures.models import Delivery, Handover
from signatures.public_figures.handovers import handover_standing, told_deliveries
from staff.models import AuditEntry, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as
from tests.support.packets import admit, path_of

TODAY = timezone.now().date()
LATER = TODAY + datetime.timedelta(days=1)
EARLIER = TODAY - datetime.timedelta(days=1)


@pytest.fixture
def handed(signed, deliver, officers, as_desk):
    """A packet with one entry, of today."""
    delivery = deliver(signed)
    with as_desk():
        record(Handover(delivery=delivery, kind="handed", on=TODAY, place="Town hall"), officers[0])
    return Handover.objects.get()


def correct(wrong, officer, **values):
    entry = {"delivery": wrong.delivery, "kind": "handed", "on": TODAY, "corrects": wrong, "correction": "Wrong day"}
    record(Handover(**(entry | values)), officer)
    return Handover.objects.get(corrects=wrong)


def delivered(campaign):
    """As the public site reads it."""
    with acting_as(settings.PUBLIC_ROLE):
        return Delivery.objects.handed_over().filter(campaign=campaign).signatures()


def test_a_packet_is_public_from_its_first_entry_on_and_counts_once_it_was_handed_over(
    signed, deliver, officers, client, as_public
):
    delivery = deliver(signed)
    assert told_deliveries(signed) == []
    assert delivered(signed) == 0
    assert delivery.reference not in client.get(f"/c/{signed.slug}/numbers/").content.decode()
    with as_public():
        assert not Delivery.objects.filter(pk=delivery.pk).only("pk").exists()
    record(Handover(delivery=delivery, kind="nobody", on=TODAY), officers[0])
    assert [told.delivery for told in told_deliveries(signed)] == [delivery]
    assert delivered(signed) == 0
    record(Handover(delivery=delivery, kind="handed", on=TODAY, is_public=False), officers[0])
    assert delivered(signed) == 0
    record(Handover(delivery=delivery, kind="handed", on=TODAY), officers[0])
    assert delivered(signed) == 12


def test_what_was_corrected_is_told_nowhere_whether_or_not_the_correction_is(
    handed, signed, officers, client, as_public
):
    first = correct(handed, officers[0], place="Ministry")
    page = client.get(f"/c/{signed.slug}/").content.decode()
    assert "Ministry" in page
    assert "corrected entry" in page
    assert "Town hall" not in page
    second = correct(first, officers[0], is_public=False)
    with as_public():
        assert not Handover.objects.only("pk").exists()
    assert handover_standing(signed).entries == []
    assert delivered(signed) == 0
    assert list(Handover.objects.standing()) == [second]


def test_a_correction_can_say_that_nothing_happened_and_be_corrected_in_turn(handed, signed, officers, client):
    nothing = correct(handed, officers[0], kind="void")
    assert delivered(signed) == 0
    assert "did not happen" not in client.get(f"/c/{signed.slug}/").content.decode()
    correct(nothing, officers[0])
    assert delivered(signed) == 12


@pytest.mark.parametrize(
    "wrong",
    [
        {"on": LATER},
        {"on": EARLIER},
        {"kind": "void"},
        {"correction": "Without an entry that it corrects"},
    ],
)
def test_the_database_refuses_an_entry_that_cannot_be(signed, deliver, officers, as_desk, wrong):
    entry = {"delivery": deliver(signed), "kind": "handed", "on": TODAY, "recorded_by": officers[0]} | wrong
    with pytest.raises(IntegrityError), transaction.atomic(), as_desk():
        Handover.objects.create(**entry)


def test_an_entry_is_corrected_once_with_a_reason_and_by_one_about_the_same_packet(
    handed, signed, deliver, sign, officers, as_desk
):
    with pytest.raises(NotAllowed, match="why"), as_desk():
        correct(handed, officers[0], correction="")
    correct(handed, officers[0])
    with pytest.raises(NotAllowed, match="Correct theirs"), as_desk():
        correct(handed, officers[1])
    sign(signed)
    admit(signed)
    other = deliver(signed)
    with pytest.raises(IntegrityError), transaction.atomic(), as_desk():
        correct(Handover.objects.get(corrects=handed), officers[0], delivery=other)


def test_the_form_says_that_the_packet_was_built_later(signed, deliver, officers):
    with pytest.raises(ValidationError) as refused:
        Handover(delivery=deliver(signed), kind="handed", on=EARLIER, recorded_by=officers[0]).clean()
    assert "The packet was built later" in refused.value.message_dict["on"][0]


def test_entries_and_corrections_stand_in_the_trail(handed, officers):
    correct(handed, officers[1])
    trail = list(AuditEntry.objects.order_by("seq").values_list("action", "actor", "purpose", "detail__packet"))
    assert trail[-2:] == [
        ("delivery.handover", officers[0].pk, "", handed.delivery.reference),
        ("delivery.correct", officers[1].pk, "Wrong day", handed.delivery.reference),
    ]


# --- discarding ---------------------------------------------------------------------------------------------------


def test_a_discarded_packet_frees_its_range_loses_its_file_and_tells_the_next_one_nothing(
    signed, deliver, officers, as_desk, monkeypatch
):
    delivery = deliver(signed)
    with as_desk():
        deliveries.discard_delivery(delivery, officers[0])
    assert AuditEntry.objects.latest("seq").action == "delivery.discard"
    with pytest.raises(NotAllowed):
        deliveries.discard_delivery(delivery, officers[0])
    monkeypatch.setattr(orphan_cleanup, "AGE", -datetime.timedelta(hours=1))
    assert orphan_cleanup.remove_orphans() == 1
    assert not path_of(delivery).exists()
    anew = deliver(signed)
    assert (anew.first_number, anew.last_number, anew.manifest["earlier"]) == (1, 12, [])
    assert anew.manifest["reference"] != delivery.reference
    with pytest.raises(NotAllowed, match="no packet"), as_desk():
        record(Handover(delivery=delivery, kind="handed", on=TODAY), officers[0])


def test_what_was_handed_over_is_not_discarded_until_a_correction_says_that_it_was_not(handed, officers, as_desk):
    delivery = handed.delivery
    assert not deliveries.may_be_discarded(delivery)
    with pytest.raises(NotAllowed, match="handover log"), as_desk():
        deliveries.discard_delivery(delivery, officers[0])
    correct(handed, officers[0], kind="void")
    assert deliveries.may_be_discarded(delivery)
    with as_desk():
        deliveries.discard_delivery(delivery, officers[0])


def test_a_packet_that_another_one_follows_stays(signed, deliver, sign, officers, as_desk):
    first = deliver(signed)
    sign(signed)
    admit(signed)
    second = deliver(signed)
    assert not deliveries.may_be_discarded(first)
    with pytest.raises(NotAllowed, match="later packet"), as_desk():
        deliveries.discard_delivery(first, officers[0])
    with as_desk():
        deliveries.discard_delivery(second, officers[0])
        deliveries.discard_delivery(first, officers[0])


@pytest.mark.parametrize("values", [{"state": "ready"}, {"state": "approved"}, {"problem": "x"}])
def test_discarding_is_for_good_and_changes_nothing_else(signed, deliver, officers, as_desk, values):
    delivery = deliver(signed)
    deliveries.discard_delivery(delivery, officers[0])
    with contextlib.suppress(DatabaseError), transaction.atomic(), as_desk():  # by a guard, or finds no row
        Delivery.objects.filter(pk=delivery.pk).update(**values)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem) == ("discarded", "")


# --- in the desk --------------------------------------------------------------------------------------------------


@pytest.fixture
def officer(staff_client, staff):
    return staff_client(staff(Role.DELIVERY_OFFICER, username="clara"))


def test_an_officer_corrects_an_entry_from_the_packets_page(handed, officer):
    packet = reverse("admin:signatures_delivery_change", args=[handed.delivery_id])
    add = reverse("admin:signatures_handover_add")
    assert f"{add}?corrects={handed.pk}" in officer.get(packet).content.decode()
    form = officer.get(f"{add}?corrects={handed.pk}").context["adminform"].form
    assert form.initial["place"] == "Town hall"
    assert "void" in dict(form.fields["kind"].choices)
    assert "void" not in dict(officer.get(add).context["adminform"].form.fields["kind"].choices)
    said = {"delivery": handed.delivery_id, "kind": "handed", "on": TODAY, "place": "Ministry", "is_public": "on"}
    answer = officer.post(f"{add}?corrects={handed.pk}", said)
    assert set(answer.context["adminform"].form.errors) == {"correction"}
    assert officer.post(f"{add}?corrects={handed.pk}", said | {"correction": "It was there"}).url == packet
    page = officer.get(packet).content.decode()
    assert "<s>Handed over, <bdi>Town hall</bdi></s> · corrected: It was there" in page
    assert Handover.objects.get(corrects=handed).place == "Ministry"
    again = officer.post(f"{add}?corrects={handed.pk}", said | {"correction": "Once more"})
    assert "Correct theirs" in again.content.decode()


def test_an_officer_discards_a_packet_from_its_page(signed, deliver, officer):
    delivery = deliver(signed)
    page = reverse("admin:signatures_delivery_change", args=[delivery.pk])
    assert "Discard this packet" in officer.get(page).content.decode()
    answer = officer.post(reverse("admin:signatures_delivery_discard", args=[delivery.pk]), follow=True)
    assert "Discarded." in answer.content.decode()
    assert "Discard this packet" not in answer.content.decode()
    assert officer.get(reverse("admin:signatures_delivery_download", args=[delivery.pk])).status_code == 404
