"""Everything public, held to the law of figures.py: two histories that it says must look alike are lived through.

In one world people of some countries sign and withdraw as chance has it. Its twin takes the figures that were published
for the exact ones and gives the merged rest to countries that nobody has heard of; the same mailboxes sign and withdraw
at the same moments. So the twin is what somebody who reads everything can never rule out, and it says of each country
below ten something else. Both are lived with real signatures, withdrawals, editions, claims and packets, and at thirty
moments every public address is asked for in each: status, headers and bytes have to be the same.
"""

from __future__ import annotations

import datetime
import json
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.conf import settings as django_settings
from django.utils import timezone, translation

from petitions.models import ClaimSnapshot, Dossier, Update
from signatures.delivery import share_images
from signatures.identity import canonical_mailbox, fingerprint, token_hash, withdrawal_token
from signatures.intake import confirmation, submissions
from signatures.models import Handover, PublishedFigures, Submission, Tally
from signatures.public_figures import figures
from signatures.public_figures.saved_figures import take_snapshot
from signatures.register import admission, publishing, withdrawal
from signatures.register.keyring import keys_of
from tests.support.fixtures import a_person, acting_as
from tests.support.packets import everything_in, plain
from tests.support.public_pages import addresses, answer, differences, undone
from web import page_cache

MOMENTS = 30
#: Some are never shown, some cross ten, some are large.
WEIGHTS = {"PL": 60, "DE": 30, "LT": 12, "GB": 8, "BY": 3, "UA": 3, "MT": 2, "IS": 1, "FJ": 1, "TV": 1}
#: Where the twin's merged rest is from: nine at most of each.
UNHEARD_OF = [f"{a}{b}" for a in "AB" for b in "DEFGILMRSTWZ"] + ["KM", "KI", "LS", "MH", "NR", "PW", "ST", "TO"]
#: What says all that is known is asked for at every moment, everything at every tenth.
MOVING = ("embed", "feed", "numbers_csv", "numbers_json", "tally")


@dataclass
class World:
    """Who signs, from where, and who takes it back: by the order of signing, from 0."""

    countries: list[str]
    #: In the order of withdrawing.
    leavers: list[int]


@dataclass
class Seen:
    """What was published, and every answer: {(moment, address): (status, headers, body)}."""

    editions: list[tuple[int, int, dict[str, int]]] = field(default_factory=list)
    answers: dict[tuple[int, str], tuple[object, ...]] = field(default_factory=dict)
    exact: dict[str, int] = field(default_factory=dict)


def steps(chance):
    """How many sign and how many withdraw before each moment."""
    for moment in range(MOMENTS):
        yield chance.randint(1, 24), chance.choice([0, 0, 1, 2, 5]) if moment > 6 else 0


def by_chance(chance, plan):
    countries, living, leavers = [], [], []
    for come, go in plan:
        new = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=come)
        living += range(len(countries), len(countries) + come)
        countries += new
        for _ in range(go):
            leavers.append(living.pop(chance.randrange(len(living))))
    return World(countries, leavers)


class Twin:
    """Makes the world that published the same: shown figures exact, the rest of countries unheard of."""

    def __init__(self, plan, editions):
        self.plan = plan
        self.editions = editions
        self.rest = Counter()

    def world(self):
        come, go = (sum(numbers) for numbers in zip(*self.plan, strict=True))
        countries, leaving = [], []
        last = (0, 0, {})
        for edition in [*self.editions, (come, go, self.editions[-1][2])]:
            added, removed, shown = edition
            grown = Counter(shown)
            grown.subtract(last[2])
            countries += self._filled([*(+grown).elements()], added - last[0])
            leaving += self._drained([*(-grown).elements()], removed - last[1])
            last = edition
        return World(countries, self._leavers(countries, leaving))

    def _filled(self, known, number):
        assert len(known) <= number, "more is shown than came: no law allows that"
        others = []
        for _ in range(number - len(known)):
            others.append(next(code for code in UNHEARD_OF if self.rest[code] < 9))
            self.rest[others[-1]] += 1
        return known + others

    def _drained(self, known, number):
        assert len(known) <= number, "more is hidden than left: no law allows that"
        others = []
        for _ in range(number - len(known)):
            others.append(max(self.rest, key=lambda code: self.rest[code]))
            self.rest[others[-1]] -= 1
        return known + others

    def _leavers(self, countries, leaving):
        """For each country that somebody leaves, the first of it who is there."""
        leavers, there, asked = [], 0, iter(leaving)
        for come, go in self.plan:
            there += come
            for country in [next(asked) for _ in range(go)]:
                leavers.append(next(n for n in range(there) if countries[n] == country and n not in leavers))
        return leavers


@pytest.fixture
def clock(monkeypatch):
    """Both worlds have the same time; the database's stands still in a test's transaction."""
    now = [timezone.now()]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


class Life:
    """Lives a world through: as web takes and asks, as a worker admits, withdraws and publishes."""

    def __init__(self, campaign, clock, look):
        self.campaign = campaign
        self.clock = clock
        self.look = look
        self.seen = Seen()

    def live(self, world, plan):
        signed, left, start = 0, 0, self.clock[0]
        for moment, (come, go) in enumerate(plan):
            self.clock[0] = start + datetime.timedelta(seconds=moment)
            for number in range(signed, signed + come):
                self._sign(number, world.countries[number])
            signed += come
            with acting_as(django_settings.WORKER_ROLE):
                admission.admit_all(self.campaign)
            for number in world.leavers[left : left + go]:
                self._withdraw(number)
                # One by one: in a test's one transaction all are asked for at the same instant, and their order among
                # each other, which no twin could repeat, would be that of random hashes.
                with acting_as(django_settings.WORKER_ROLE):
                    withdrawal.apply_withdrawals()
            left += go
            with acting_as(django_settings.WORKER_ROLE):
                publishing.publish_figures(self.campaign)
            self.look(self.seen, moment)
        self.clock[0] = start
        editions = PublishedFigures.objects.filter(campaign=self.campaign).order_by("edition")
        self.seen.editions = [(e.added, e.removed, e.countries) for e in editions]
        self.seen.exact = Tally.objects.of(self.campaign).by_country()
        return self.seen

    def _sign(self, number, country):
        via = ("", "mail", "telegram")[number % 3]
        person = a_person(email=f"p{number}@example.org", country=country, signals={"via": via} if via else {})
        with acting_as(django_settings.PUBLIC_ROLE):
            submissions.take(self.campaign, person)
        moment = self.clock[0] + datetime.timedelta(microseconds=number)
        Submission.objects.filter(confirmed_at=None, outcome=None).update(confirmed_at=moment)

    def _withdraw(self, number):
        mac = keys_of(self.campaign).mac
        mailbox = canonical_mailbox(f"p{number}@example.org")
        with acting_as(django_settings.PUBLIC_ROLE):
            confirmation.ask_withdrawal(token_hash(withdrawal_token(mac, fingerprint(mac, mailbox))))


def told_in(files):
    """What a packet's files say, but for the times at which they were made, and what follows from these."""
    manifest = json.loads(files.pop("manifest.json"))
    yield {key: value for key, value in manifest.items() if key not in ("files", "built_at", "signed_by")}
    files.pop("manifest.sig")
    for name, data in everything_in(files):
        if name.endswith((".csv", ".txt", "/content.xml")):
            yield data


def rounded(exact):
    return {country: figures.whole(n) for country, n in exact.items() if n >= figures.CELL}


@pytest.fixture
def published(make_campaign, settings, tmp_path, monkeypatch):
    """A campaign with an update that cites a claim, in a dossier; its share images in a folder of its own."""
    folder = tmp_path / "share"
    options = {**settings.STORAGES["share"], "OPTIONS": {**settings.STORAGES["share"]["OPTIONS"], "location": folder}}
    settings.STORAGES = {**settings.STORAGES, "share": options}
    settings.SITE_URL = "https://petitions.example"
    monkeypatch.setattr(share_images, "LANGUAGES", share_images.LANGUAGES[:1])
    campaign = make_campaign(goal=1000)
    text = "[[then.total]] people, [[then.PL]] in Poland, [[then.BY]] in Belarus, of [[then.countries]] countries"
    Update.objects.create(
        campaign=campaign, slug="news", title="They signed", lead="Many.", body=text, published_at=timezone.now()
    )
    Dossier.objects.create(slug="case", title="The case").campaigns.add(campaign)
    return campaign


def test_at_thirty_moments_nothing_public_tells_a_world_from_its_twin(published, client, clock, deliver, officers):
    chance = random.Random(7)
    plan = list(steps(chance))
    world = by_chance(chance, plan)
    paths = addresses(published)

    def look(seen, moment):
        if moment == MOMENTS // 2:
            with acting_as(django_settings.DESK_ROLE):
                take_snapshot(published, "then")
            ClaimSnapshot.objects.update(taken_at=clock[0])
        if moment == MOMENTS - 1:
            draw_and_deliver(seen)
        page_cache.clear_page_cache()
        for name, path in paths.items():
            if name in MOVING or moment % 10 == 9:
                seen.answers[moment, path] = answer(client, path)

    def draw_and_deliver(seen):
        with acting_as(django_settings.WORKER_ROLE):
            share_images.draw_share_images()
        with translation.override("en"):  # as a worker has it; the last page was in Arabic
            delivery = deliver(published)
        assert delivery.state == "ready", delivery.problem
        Handover.objects.create(delivery=delivery, kind="handed", on=clock[0].date(), recorded_by=officers[0])
        seen.answers[MOMENTS, "packet"] = tuple(told_in(plain(delivery)))

    with undone():
        one = Life(published, clock, look).live(world, plan)
    twin = Twin(plan, one.editions).world()
    with undone():
        other = Life(published, clock, look).live(twin, plan)

    # They are worlds apart, which campaigners see and nobody else …
    assert len(one.editions) > MOMENTS // 2
    assert one.exact["BY"] > 0
    assert "BY" not in other.exact
    assert rounded(one.exact) != rounded(other.exact)  # what most sites publish would tell them apart
    # … and the public looks at real pages.
    last = {path: one.answers[MOMENTS - 1, path] for path in paths.values()}
    assert {status for status, _, _ in last.values()} <= {200, 302, 404}
    assert last[f"/c/{published.slug}/share.png"][0] == 200
    assert dict(differences(one.answers, other.answers)) == {}
    assert one.answers.keys() == other.answers.keys()
