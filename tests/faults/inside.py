"""What a test does inside the site's own processes, through `manage.py shell`: where the product's code runs."""

from __future__ import annotations

import datetime
import json
import secrets
from typing import Any

from tests.faults.crowd import MARK, NAME, an_address
from tests.stack import Stack


def run(stack: Stack, function: str, *arguments: Any) -> Any:
    """Call one of the functions below in a process of the site; returns what it returned."""
    call = f"import json; from tests.faults import inside; print(json.dumps(inside.{function}(*{arguments!r})))"
    return json.loads(stack.manage("shell", "--no-imports", "-c", call).splitlines()[-1])


def flood(slug: str, people: int, doubled: int = 0) -> None:
    """Put that many confirmed submissions into the database, sealed as intake seals them.

    Each of the first `doubled` people signs once more, later and with another spelling of the address.
    """
    from django.db import connection
    from django.utils import timezone

    from petitions.models import Campaign
    from signatures.collect.intake import seal
    from signatures.demo.filling import COPY_SUBMISSIONS
    from signatures.identity import new_token
    from signatures.models import Source
    from signatures.sealing import Person

    campaign = Campaign.objects.select_related("key").get(slug=slug)
    addresses = [an_address() for _ in range(people)]
    addresses += [address.upper() for address in addresses[:doubled]]
    begin = timezone.now() - datetime.timedelta(minutes=10)
    rows = []
    for position, address in enumerate(addresses):
        # No two places alike: a packet that compresses to nothing is written in one moment.
        place = f"{MARK} {secrets.token_hex(40)}"
        person = Person(name=NAME, email=address, country="GB", place=place, share_name="named-1")
        sealed = seal(campaign, person, new_token())
        moment = begin + datetime.timedelta(milliseconds=position)
        rows.append((sealed.token_hash, campaign.pk, sealed.key_id, sealed.box, Source.WEB.value, moment, None))
    with connection.cursor() as cursor, cursor.copy(COPY_SUBMISSIONS) as copy:
        for row in rows:
            copy.write_row(row)


def approved_delivery(slug: str, profile: str) -> int:
    """A delivery of what is new, requested by one officer and approved by the other; its key."""
    from django.contrib.auth.models import User

    from petitions.models import Campaign
    from signatures.collect.deliveries import approve_delivery, request_delivery

    campaign = Campaign.objects.select_related("addressee").get(slug=slug)
    one, two = (User.objects.get(username=f"officer-{number}") for number in (1, 2))
    delivery = request_delivery(campaign, campaign.addressee, profile, one)
    approve_delivery(delivery, two)
    return delivery.pk
