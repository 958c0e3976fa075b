"""What was won: campaigns whose demands are all met, by the latest step of each; and what the home page says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from petitions.models import Campaign, Demand, DemandStep, won


@pytest.fixture
def demanded(make_campaign: Callable[..., Campaign]) -> Callable[..., Campaign]:
    """A campaign with a demand for each history: the states of its steps, day by day."""

    def make(*histories: str, **given: Any) -> Campaign:
        campaign = make_campaign(**given)
        for position, history in enumerate(histories, start=1):
            demand = Demand.objects.create(campaign=campaign, position=position, text="Open it.")
            for day, state in enumerate(history.split(), start=1):
                DemandStep.objects.create(demand=demand, state=state, on=f"2026-05-{day:02}", evidence="Seen.")
        return campaign

    return make


def test_all_demands_have_to_stand_as_met(demanded: Callable[..., Campaign]) -> None:
    all_met = demanded("promised met", "met")
    later_met = demanded("met unmet met")
    demanded("met", "")
    demanded("met", "partly")
    demanded("met unmet")
    demanded()
    found = won(Campaign.objects.public())
    assert set(found) == {all_met, later_met}
    # The same by the rule that pages read.
    standing = {campaign: [demand.standing for demand in campaign.demands.all()] for campaign in Campaign.objects.all()}
    said = {c for c, steps in standing.items() if steps and all(step and step.state == "met" for step in steps)}
    assert said == set(found)


def test_the_home_page_tells_victories_from_what_is_only_over(client: Any, demanded: Callable[..., Campaign]) -> None:
    over = {"state": "closed", "closes_at": "2026-06-01T00:00Z"}
    demanded("met", title="The ferry runs", **over)
    demanded("unmet", title="The bridge is shut", **over)
    page = client.get("/").text
    victories, others = page.index("Victories"), page.index("Delivered, answered or closed")
    assert victories < page.index("The ferry runs") < others < page.index("The bridge is shut")
    assert page.count("The ferry runs") == 1
