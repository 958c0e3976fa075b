"""Erasing somebody who may be in packets: parts go, what nobody fetched is discarded, what somebody has stays."""

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.utils import timezone

from signatures.delivery.forgetting import forget_in_packets
from signatures.delivery.parts import build_part, plan_parts
from signatures.models import Delivery, Handover
from staff import audit
from staff.models import AuditEntry
from tests.support.fixtures import a_delivery, acting_as


def forget(campaign, *numbers):
    with acting_as(django_settings.WORKER_ROLE):
        return forget_in_packets((campaign.pk, number) for number in numbers)


def spooled(packets):
    return [path for path in (packets.parent / "spool").rglob("*") if path.is_file()]


def test_parts_of_an_unfinished_packet_go_with_what_was_spooled(signed, packets, officers, identity):
    delivery = a_delivery(signed, *officers, profile="named", first_number=1, last_number=12)
    with acting_as(django_settings.WORKER_ROLE):
        plan_parts(delivery)
        while build_part(delivery):
            pass
    assert spooled(packets)
    assert forget(signed, 13) == 0
    assert forget(signed, 3) == delivery.parts.count()
    assert not spooled(packets)
    assert not delivery.parts.exclude(digest=None).exists()


def test_a_packet_that_nobody_fetched_is_discarded(signed, deliver, identity, django_capture_on_commit_callbacks):
    delivery = deliver(signed, "named")
    assert delivery.state == Delivery.State.READY
    with django_capture_on_commit_callbacks(execute=True):
        assert forget(signed, 1) == 1
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.DISCARDED
    assert not storages["packets"].exists(delivery.archive)
    assert AuditEntry.objects.filter(action="delivery.discard", actor=None).count() == 1
    assert forget(signed, 1) == 0


@pytest.mark.parametrize("how", ["downloaded", "handed over", "totals only"])
def test_what_somebody_has_stays(signed, deliver, identity, officers, how):
    delivery = deliver(signed, "count" if how == "totals only" else "named")
    if how == "downloaded":
        audit.append(officers[0], "delivery.download", signed.section, detail={"delivery": delivery.pk})
    elif how == "handed over":
        Handover.objects.create(delivery=delivery, kind="handed", on=timezone.now().date(), recorded_by=officers[0])
    assert forget(signed, 1) == 0
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.READY
