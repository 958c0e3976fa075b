"""What a campaign knows of its own times, on unsaved objects."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from petitions.models import CONFIRMATION_GRACE, Campaign

NOW = timezone.now()
HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("state", "closes_at", "closed", "confirms"),
    [
        ("draft", NOW - HOUR, False, False),
        ("open", None, False, True),
        ("open", NOW + HOUR, False, True),
        ("open", NOW, True, True),
        ("open", NOW - CONFIRMATION_GRACE, True, False),
        ("closed", NOW - HOUR, True, True),
        ("closed", NOW - CONFIRMATION_GRACE, True, False),
        ("archived", NOW - HOUR, True, True),
        ("archived", NOW - CONFIRMATION_GRACE, True, False),
        ("archived", None, True, False),
    ],
)
def test_confirmations_count_for_a_day_after_closing(
    state: str, closes_at: datetime.datetime | None, closed: bool, confirms: bool
) -> None:
    campaign = Campaign(state=state, closes_at=closes_at)
    assert campaign.has_closed(NOW) is closed
    assert campaign.takes_confirmations(NOW) is confirms


@pytest.mark.parametrize("state", Campaign.State.values)
@pytest.mark.parametrize("opens_at", [None, NOW - HOUR, NOW, NOW + HOUR])
@pytest.mark.parametrize("closes_at", [None, NOW, NOW + 2 * HOUR])
def test_what_is_public_is_open_closed_or_opens_later(
    state: str, opens_at: datetime.datetime | None, closes_at: datetime.datetime | None
) -> None:
    campaign = Campaign(state=state, opens_at=opens_at, closes_at=closes_at)
    said = [campaign.is_open(NOW), campaign.has_closed(NOW), campaign.opens_later(NOW)]
    if campaign.is_public:
        assert any(said)
        assert not (said[0] and any(said[1:]))
    else:
        assert not any(said)
