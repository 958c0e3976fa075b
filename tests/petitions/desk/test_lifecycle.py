"""The steps of a campaign's life: who may take which, why not, what they write, and what stands still in a pause."""

from __future__ import annotations

import datetime
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from petitions.desk.lifecycle import (
    STEPS,
    NotNow,
    close_what_is_over,
    pause_site,
    possible_steps,
    resume_site,
    take,
    why_not,
)
from petitions.models import Campaign, Coverage, Demand, Dossier, Standing, Update
from signatures.intake.campaigns import forget_campaigns
from signatures.models import CampaignKey
from signatures.views import pages
from staff.models import AuditEntry, Membership, Role
from tests.support.fixtures import acting_as
from web.maintenance import forget_maintenance
from web.models import Maintenance
from web.page_cache import clear_page_cache

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def moderator(staff: Callable[..., User]) -> User:
    return staff(Role.MODERATOR)


@pytest.fixture
def campaigner(staff: Callable[..., User]) -> User:
    return staff(Role.CAMPAIGNER)


@pytest.fixture
def administrator(staff: Callable[..., User]) -> User:
    return staff(Role.ADMINISTRATOR)


@pytest.fixture
def written(make_campaign: Callable[..., Campaign]) -> Callable[..., Campaign]:
    """A campaign with all that a review asks for."""

    def make(**given: Any) -> Campaign:
        campaign = make_campaign(**{"background": "Why.", **given})
        Demand.objects.create(campaign=campaign, position=1, text="Open it.")
        return campaign

    return make


def go(campaign: Campaign, *steps: tuple[str, User] | tuple[str, User, str]) -> Campaign:
    for name, *who_and_why in steps:
        take(campaign, STEPS[name], *who_and_why)  # type: ignore[arg-type]
    return campaign


def test_a_whole_life(written: Callable[..., Campaign], campaigner: User, moderator: User) -> None:
    campaign = written(state="draft", launched_on=None)
    go(campaign, ("submit", campaigner), ("send_back", moderator, "The lead is too long."))
    assert (campaign.state, campaign.state_reason) == ("draft", "The lead is too long.")
    go(campaign, ("submit", campaigner), ("open", moderator))
    assert (campaign.state, campaign.state_reason) == ("open", "")
    assert campaign.launched_on == timezone.now().date()
    go(campaign, ("close", moderator), ("deliver", moderator), ("archive", moderator))
    assert campaign.state == "archived"
    assert campaign.closes_at
    assert campaign.has_closed()


def test_a_reason_is_kept_whole_or_said_to_be_too_long(written: Callable[..., Campaign], moderator: User) -> None:
    campaign = written()
    with pytest.raises(NotNow, match=r"601 characters long.* 600"):
        go(campaign, ("pause", moderator, "ж" * 601))
    go(campaign, ("pause", moderator, "ж" * 600))
    assert campaign.state_reason == "ж" * 600


def test_campaigners_hand_in_and_only_moderators_decide(
    written: Callable[..., Campaign], campaigner: User, moderator: User
) -> None:
    draft, review = written(state="draft"), written(state="review")
    assert why_not(draft, STEPS["submit"], campaigner) == ""
    assert "campaigners" in why_not(draft, STEPS["submit"], moderator)
    assert "moderators" in why_not(review, STEPS["open"], campaigner)
    with pytest.raises(NotNow, match="moderators"):
        take(review, STEPS["open"], campaigner)
    assert review.state == "review"


def test_whoever_handed_it_in_does_not_open_it(
    written: Callable[..., Campaign], campaigner: User, moderator: User, section: Any
) -> None:
    Membership.objects.create(user=campaigner, section=section, role=Role.MODERATOR)
    both = User.objects.get(pk=campaigner.pk)
    campaign = go(written(state="draft"), ("submit", both))
    assert "someone else" in why_not(campaign, STEPS["open"], both)
    with pytest.raises(NotNow, match="someone else"):
        take(campaign, STEPS["open"], both)
    assert go(campaign, ("open", moderator)).state == "open"


def test_nobody_steps_in_another_section(
    written: Callable[..., Campaign], staff: Callable[..., User], other_section: Any
) -> None:
    stranger = staff(Role.MODERATOR, other_section)
    assert why_not(written(state="review"), STEPS["open"], stranger)


@pytest.mark.parametrize(
    ("change", "word"), [({"background": ""}, "background"), ({"responsible": ""}, "responsible"), ({}, "demand")]
)
def test_what_is_missing_is_said(
    make_campaign: Callable[..., Campaign], campaigner: User, change: dict[str, str], word: str
) -> None:
    campaign = make_campaign(state="draft", **{"background": "Why.", **change})
    if change:
        Demand.objects.create(campaign=campaign, position=1, text="Open it.")
    assert word in why_not(campaign, STEPS["submit"], campaigner)


def test_what_would_be_closed_already_does_not_open(written: Callable[..., Campaign], moderator: User) -> None:
    campaign = written(state="review", closes_at=timezone.now() - HOUR)
    assert "has passed" in why_not(campaign, STEPS["open"], moderator)


@pytest.mark.parametrize("name", [step.name for step in STEPS.values() if step.needs_reason])
def test_refusals_and_pauses_need_a_reason(written: Callable[..., Campaign], moderator: User, name: str) -> None:
    campaign = written(state=next(iter(STEPS[name].before)), closes_at=timezone.now() + HOUR)
    with pytest.raises(NotNow, match="Enter a reason"):
        take(campaign, STEPS[name], moderator, "  ")


def test_of_two_at_once_one_is_told(written: Callable[..., Campaign], moderator: User) -> None:
    campaign = written()
    same = Campaign.objects.get(pk=campaign.pk)
    take(campaign, STEPS["close"], moderator)
    with pytest.raises(NotNow, match="Someone else changed it"):
        take(same, STEPS["pause"], moderator, "Too late.")


def test_a_closed_campaign_may_open_again(written: Callable[..., Campaign], moderator: User) -> None:
    campaign = go(written(), ("close", moderator), ("reopen", moderator))
    assert campaign.is_open()


# --- pauses -----------------------------------------------------------------------------------------------------


def test_a_pause_stops_the_clock_and_moves_the_deadline(
    written: Callable[..., Campaign], moderator: User, time_machine: Any
) -> None:
    start = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)
    time_machine.move_to(start, tick=False)
    campaign = go(written(closes_at=start + HOUR), ("pause", moderator, "The server moves."))
    time_machine.move_to(start + 3 * HOUR, tick=False)
    assert not campaign.is_open()
    assert not campaign.has_closed()
    assert campaign.takes_confirmations()
    go(campaign, ("resume", moderator))
    assert campaign.closes_at == start + 4 * HOUR
    assert campaign.is_open()


def test_halting_the_site_pauses_every_campaign_and_only_those_go_on_with_it(
    written: Callable[..., Campaign], moderator: User, administrator: User, time_machine: Any
) -> None:
    start = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)
    time_machine.move_to(start, tick=False)
    running, over = written(closes_at=start + HOUR), written(closes_at=start - HOUR)
    alone = go(written(), ("pause", moderator, "A question of law."))
    pause_site(administrator, Maintenance.Mode.PAUSED, "We move house.")
    with pytest.raises(NotNow, match="whole site"):
        take(alone, STEPS["resume"], moderator)
    time_machine.move_to(start + 2 * HOUR, tick=False)
    newcomer = go(written(state="review"), ("open", moderator))
    assert newcomer.is_paused
    assert not Campaign.objects.open().exists()
    resume_site(administrator)
    for campaign in (running, over, alone, newcomer):
        campaign.refresh_from_db()
    assert running.closes_at == start + 3 * HOUR
    assert over.closes_at == start - HOUR
    assert alone.is_paused
    assert set(Campaign.objects.open()) == {running, newcomer}


def test_only_administrators_halt_the_site(moderator: User) -> None:
    with pytest.raises(NotNow, match="administrators"):
        pause_site(moderator, Maintenance.Mode.PAUSED, "No.")


def test_method_and_queryset_agree_on_what_is_open(make_campaign: Callable[..., Campaign]) -> None:
    now = timezone.now()
    times = (None, now - HOUR, now + HOUR)
    made = []
    for state, opens_at, closes_at, paused_at in itertools.product(
        Campaign.State.values, (None, now - 2 * HOUR, now + HOUR / 2), times, (None, now - HOUR)
    ):
        if (paused_at and state != "open") or (opens_at and closes_at and closes_at <= opens_at):
            continue
        if state in {"closed", "delivered"} and closes_at is None:
            continue
        note = "Why." if state == "removed" else ""
        given = {"opens_at": opens_at, "closes_at": closes_at, "paused_at": paused_at, "state_reason": note}
        made.append(Campaign(state=state, slug=f"c-{len(made)}", **given))
    _store_with_keys(made, make_campaign(state="draft"))
    said = {campaign.slug for campaign in made if campaign.is_open(now)}
    assert {campaign.slug for campaign in Campaign.objects.open(now)} == said
    assert said
    going_on = {c.slug for c in made if c.state == "open" and not c.has_closed(now) and not c.opens_later(now)}
    assert {campaign.slug for campaign in Campaign.objects.going_on(now)} == going_on
    announced = {campaign.slug for campaign in made if campaign.opens_later(now)}
    assert {campaign.slug for campaign in Campaign.objects.announced(now)} == announced
    assert announced
    over = {campaign.slug for campaign in made if campaign.has_closed(now)}
    assert {campaign.slug for campaign in Campaign.objects.over(now)} == over
    standings, slugs = Campaign.objects.standings(now), dict(Campaign.objects.values_list("pk", "slug"))
    for where, those in ((Standing.GOING_ON, going_on), (Standing.ANNOUNCED, announced), (Standing.OVER, over)):
        assert {slugs[key] for key, standing in standings.items() if standing == where} == those
        assert {campaign.slug for campaign in Campaign.objects.standing(where, now)} == those
    public = {campaign.slug for campaign in made if campaign.is_public}
    assert {campaign.slug for campaign in Campaign.objects.public()} == public


def _store_with_keys(made: list[Campaign], like: Campaign) -> None:
    """What is open has keys: so first as drafts, then keys, then as they are meant to be."""
    meant = [(campaign.state, campaign.paused_at) for campaign in made]
    for campaign in made:
        campaign.section, campaign.addressee = like.section, like.addressee
        campaign.state, campaign.paused_at = Campaign.State.DRAFT, None
    Campaign.objects.bulk_create(made)
    CampaignKey.objects.bulk_create([CampaignKey(campaign=campaign, public_key=b"-") for campaign in made])
    for campaign, (state, paused_at) in zip(made, meant, strict=True):
        campaign.state, campaign.paused_at = state, paused_at
    Campaign.objects.bulk_update(made, ["state", "paused_at"])


@pytest.mark.parametrize(
    "written_by_hand",
    [
        {"state": "closed", "paused_at": timezone.now(), "closes_at": timezone.now()},
        {"paused_with_site": True},
        {"state": "removed"},
        {"state": "delivered", "closes_at": None},
    ],
)
def test_the_database_refuses_what_no_step_writes(campaign: Campaign, written_by_hand: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**written_by_hand)


# --- what the public sees -----------------------------------------------------------------------------------------


def test_what_was_taken_down_is_gone_everywhere(client: Any, written: Callable[..., Campaign], moderator: User) -> None:
    campaign = go(written(), ("take_down", moderator, "A court ordered it."))
    forget_campaigns()
    people = ("campaign", "sign", "thanks", "numbers", "numbers_by_name", "updates", "press", "embed")
    machines = ("tally", "numbers_json", "numbers_csv", "feed", "share_image", "work")
    for page in (*people, *machines):
        answer = client.get(reverse(page, args=[campaign.slug]))
        assert answer.status_code == 410
        assert b"A court ordered it." not in answer.content
    assert client.get("/c/never-there/").status_code == 404
    assert campaign.title not in client.get("/").content.decode()


def test_an_update_that_was_taken_down_is_gone_and_nothing_leads_there(
    client: Any, written: Callable[..., Campaign]
) -> None:
    campaign = written()
    out = {"campaign": campaign, "lead": "They said no.", "published_at": timezone.now() - datetime.timedelta(days=1)}
    kept = Update.objects.create(slug="kept", title="This one stays", **out)
    gone = Update.objects.create(slug="gone", title="This one goes", taken_down=True, **out)
    Update.objects.create(slug="draft", title="A draft", campaign=campaign, lead="Not yet.", taken_down=True)
    forget_campaigns()
    assert client.get(kept.get_absolute_url()).status_code == 200
    assert client.get(gone.get_absolute_url()).status_code == 410
    assert client.get(reverse("news", args=[gone.pk])).status_code == 410
    assert client.get(reverse("update", args=[campaign.slug, "draft"])).status_code == 404
    for page in ("campaign", "updates", "press", "feed", "numbers"):
        told = client.get(reverse(page, args=[campaign.slug])).content.decode()
        assert gone.title not in told, page
    assert kept.title in client.get(reverse("updates", args=[campaign.slug])).content.decode()


def test_a_dossier_that_was_taken_down_is_gone_and_nothing_leads_there(
    client: Any, written: Callable[..., Campaign], campaigner: User, staff_client: Callable[[User], Any]
) -> None:
    written(title="Of another subject")
    campaign, other = written(title="Of the dossier"), written(title="Of the dossier as well")
    kept, going = (Dossier.objects.create(slug=slug, title=f"Those of {slug}", lead="…") for slug in ("ferry", "port"))
    kept.campaigns.add(campaign)
    going.campaigns.add(campaign, other)
    Coverage.objects.create(dossier=going, title="They wrote", summary="…", source="A paper", published_on="2026-01-02")

    def told() -> dict[str, str]:
        clear_page_cache()
        forget_campaigns()
        pages = ("/", "/ar/", "/sitemap.xml", *(reverse(name, args=[campaign.slug]) for name in ("campaign", "thanks")))
        return {page: client.get(page).text for page in pages}

    before, said = told(), (going.title, going.get_absolute_url(), "They wrote", other.title)
    assert client.get(going.get_absolute_url()).status_code == 200
    assert all(going.get_absolute_url() in page for address, page in before.items() if "thanks" not in address)
    assert other.title in before[reverse("thanks", args=[campaign.slug])]

    browser = staff_client(campaigner)
    page = reverse("admin:petitions_dossier_change", args=[going.pk])
    typed = {
        "slug": going.slug, "title": going.title, "lead": going.lead, "language": "en", "picture": "",
        "campaigns": [campaign.pk, other.pk], "taken_down": "on",
        "coverage-TOTAL_FORMS": 0, "coverage-INITIAL_FORMS": 0,
    }  # fmt: skip
    assert going.get_absolute_url() in browser.get(page).text
    assert browser.post(page, typed).status_code == 302
    assert AuditEntry.objects.get(action="dossier.changed").detail["now"]["taken_down"] is True
    assert f'href="{going.get_absolute_url()}"' not in browser.get(page).text
    after = told()
    assert client.get(going.get_absolute_url()).status_code == 410
    assert client.get(f"/ar{going.get_absolute_url()}").status_code == 410
    assert client.get("/d/never-there/").status_code == 404
    for address, text in after.items():
        lists_all = address in ("/", "/ar/", "/sitemap.xml")  # the other petition is one still
        assert not [words for words in said[: 3 if lists_all else 4] if words in text], address
    assert kept.get_absolute_url() in after["/"]
    assert kept.title in after[reverse("campaign", args=[campaign.slug])]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.DELIVERY_OFFICER, Role.PRIVACY_OFFICER])
def test_only_who_writes_takes_a_dossier_down(
    staff: Callable[..., User], staff_client: Callable[[User], Any], role: Role
) -> None:
    dossier = Dossier.objects.create(slug="ferry", title="The ferry", lead="…")
    page = reverse("admin:petitions_dossier_change", args=[dossier.pk])
    assert staff_client(staff(role)).post(page, {"taken_down": "on"}).status_code == 403
    dossier.refresh_from_db()
    assert not dossier.taken_down


def test_the_last_update_is_the_later_of_what_was_changed_and_what_was_told_wherever_it_is_said(
    client: Any, written: Callable[..., Campaign], campaigner: User, staff_client: Callable[[User], Any]
) -> None:
    campaign = written(launched_on=datetime.date(2026, 2, 1))
    written(title="Another one, of the same section")
    changed, told = datetime.date(2026, 3, 1), datetime.datetime(2026, 4, 2, 23, 59, tzinfo=datetime.UTC)
    out = {"campaign": campaign, "lead": "They said no."}
    news = Update(slug="news", title="News", published_at=told, **out)
    Update.objects.create(slug="gone", title="Gone", published_at=told + 24 * HOUR, taken_down=True, **out)
    Update.objects.create(slug="to-come", title="To come", published_at=timezone.now() + HOUR, **out)

    def said() -> dict[str, str]:
        """By each place that says it."""
        clear_page_cache()
        forget_campaigns()
        address = f"http://testserver{campaign.get_absolute_url()}"
        page = client.get(campaign.get_absolute_url()).text
        shown = re.search(r'Last update</dt><dd><time datetime="(.*?)">', page)
        listed = re.search(
            rf'/{campaign.pk}/change/.*?field-updated_on.*?>\s*([^<>]*?)\s*<',
            staff_client(campaigner).get(reverse("admin:petitions_campaign_changelist")).text, re.DOTALL,
        )  # fmt: skip
        assert listed
        feed = client.get(reverse("feed", args=[campaign.slug])).text
        mapped = re.search(rf"<loc>{address}</loc><lastmod>(.*?)</lastmod>", client.get("/sitemap.xml").text)
        data = json.loads(page.partition('application/ld+json">')[2].partition("</script>")[0])
        return {
            "page": shown[1] if shown else "",
            "data": data.get("dateModified", ""),
            "list": listed[1],
            "feed": feed.partition("<updated>")[2][:10],
            "map": mapped[1] if mapped else "",
        }

    launched = "2026-02-01"
    assert said() == {"page": "", "data": "", "list": "-", "feed": launched, "map": launched}
    Campaign.objects.filter(pk=campaign.pk).update(last_update_on=changed)
    assert said() == dict.fromkeys(("page", "data", "feed", "map"), "2026-03-01") | {"list": "1 March 2026"}
    news.save()
    assert said() == dict.fromkeys(("page", "data", "feed", "map"), "2026-04-02") | {"list": "2 April 2026"}
    Campaign.objects.filter(pk=campaign.pk).update(last_update_on=datetime.date(2026, 5, 1))
    assert said() == dict.fromkeys(("page", "data", "feed", "map"), "2026-05-01") | {"list": "1 May 2026"}
    with acting_as(settings.PUBLIC_ROLE), CaptureQueriesContext(connection) as asked:
        assert len([entry.updated_on for entry in Campaign.objects.public().with_updated_on()]) == 2
    assert len(asked) == 1


def test_a_paused_campaign_takes_no_signature_and_says_so(
    client: Any, written: Callable[..., Campaign], moderator: User
) -> None:
    campaign = go(written(), ("pause", moderator, "We check a rumour."))
    forget_campaigns()
    page = client.get(campaign.get_absolute_url()).content.decode()
    assert "paused" in page
    assert "We check a rumour." in page
    form = {"name": "Ada", "email": "ada@example.org", "country": "GB"}
    assert client.post(reverse("sign", args=[campaign.slug]), form).status_code == 409


def test_a_site_that_may_only_be_read_takes_nothing_and_says_why(
    client: Any, written: Callable[..., Campaign], administrator: User
) -> None:
    campaign = written()
    pause_site(administrator, Maintenance.Mode.READ_ONLY, "New disks, back at noon.")
    forget_maintenance()
    assert b"New disks, back at noon." in client.get("/").content
    for path in (reverse("sign", args=[campaign.slug]), f"/confirm/{'A' * 43}/"):
        answer = client.post(path)
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert answer["Cache-Control"] == "no-store"


def test_the_admin_offers_the_steps_and_takes_them(
    staff_client: Callable[[User], Any], written: Callable[..., Campaign], moderator: User
) -> None:
    campaign, browser = written(state="review"), staff_client(moderator)
    page = reverse("admin:petitions_campaign_life", args=[campaign.pk])
    assert browser.get(page).status_code == 200
    assert [step.name for step in possible_steps(campaign)] == ["send_back", "open"]
    answer = browser.post(page, {"step": "send_back"}, follow=True)
    assert "Enter a reason." in answer.content.decode()
    browser.post(page, {"step": "open"})
    campaign.refresh_from_db()
    assert campaign.state == "open"
    assert browser.post(page, {"step": "no-such-step"}).status_code == 404


def test_what_is_over_is_listed_apart_and_found(client: Any, written: Callable[..., Campaign]) -> None:
    running, past = written(title="Running now"), written(title="Long past", closes_at=timezone.now() - HOUR)
    assert list(Campaign.objects.over()) == [past]
    home, over = client.get("/").content.decode(), client.get("/?show=over").content.decode()
    assert home.index("Running now") < home.index("Long past")
    assert "Long past" in over
    assert running.title not in over
    assert "Long past" in client.get("/?show=over&q=long").content.decode()


def test_the_list_has_pages_that_keep_what_was_asked(
    client: Any, written: Callable[..., Campaign], monkeypatch: Any
) -> None:

    monkeypatch.setattr(pages, "PAGE", 2)
    for _ in range(3):
        written(topic="Libraries")
    first = client.get("/?topic=Libraries").content.decode()
    assert "topic=Libraries&amp;page=2" in first
    assert first.count("Read and sign") == 2
    assert client.get("/?topic=Libraries&page=2").content.decode().count("Read and sign") == 1


def test_time_closes_what_is_over_and_a_pause_holds_it_open(make_campaign: Callable[..., Campaign]) -> None:
    now = timezone.now()
    over = make_campaign(slug="over", closes_at=now - HOUR)
    running = make_campaign(slug="running", closes_at=now + HOUR)
    endless = make_campaign(slug="endless")
    paused = make_campaign(slug="paused", closes_at=now - HOUR)
    Campaign.objects.filter(pk=paused.pk).update(paused_at=now - 2 * HOUR)
    draft = make_campaign(slug="draft", state="draft", closes_at=now - HOUR)
    with acting_as(settings.WORKER_ROLE):
        assert close_what_is_over() == 1
        assert close_what_is_over() == 0
    states = {campaign.slug: Campaign.objects.get(pk=campaign.pk).state for campaign in (running, endless, paused)}
    assert states == dict.fromkeys(states, "open")
    over.refresh_from_db()
    draft.refresh_from_db()
    assert (over.state, draft.state) == ("closed", "draft")
    assert over.takes_confirmations(now), "late confirmations count from the planned time"


def test_what_is_announced_opens_at_its_moment_without_anybodys_help(
    client: Any, staff_client: Callable[[User], Any], written: Callable[..., Campaign], moderator: User
) -> None:
    opens_at = timezone.now().replace(microsecond=0) + 3 * HOUR
    campaign = written(title="Keep the ferry", state="review", opens_at=opens_at)
    address, life = campaign.get_absolute_url(), reverse("admin:petitions_campaign_life", args=[campaign.pk])
    with time_machine.travel(opens_at - 2 * HOUR, tick=False):
        assert client.get(address).status_code == 404, "nobody has opened it"
        assert "A campaign never opens without a review" in staff_client(moderator).get(life).text
        go(campaign, ("open", moderator))
        forget_campaigns()  # as two seconds do
        assert "Signing then opens automatically" in staff_client(moderator).get(life).text
        assert "opens for signing on" in client.get(address).text
        assert 'name="email"' not in client.get(f"{address}sign/").text
        for page in ("/", "/?show=announced", "/?show=announced&q=ferry"):
            told = client.get(page).text
            assert address in told, page
            assert "opens for signing on" in told, page
            assert "Read and sign" not in told, page
        assert address not in client.get("/?q=ferry").text, "it is not among those that are open"
        assert address in client.get("/sitemap.xml").text
    clear_page_cache()
    forget_campaigns()
    with time_machine.travel(opens_at, tick=False):
        assert 'name="email"' in client.get(address).text
        assert 'name="email"' in client.get(f"{address}sign/").text
        page = client.get("/").text
        assert address in page
        assert "Opening soon</h2>" not in page


def test_what_opens_next_is_announced_first(client: Any, written: Callable[..., Campaign]) -> None:
    now = timezone.now()
    later = written(title="Later", opens_at=now + 9 * HOUR)
    next_one = written(title="Next", opens_at=now + HOUR)
    for page in ("/", "/?show=announced"):
        told = client.get(page).text
        assert told.index(next_one.get_absolute_url()) < told.index(later.get_absolute_url()), page
    assert "No petitions are open at the moment." in client.get("/").text


def test_what_is_paused_stays_on_the_home_page_and_asks_nobody_to_sign(
    client: Any, written: Callable[..., Campaign], moderator: User
) -> None:
    campaign = go(written(title="Keep the ferry"), ("pause", moderator, "A question of law."))
    page = client.get("/").text
    assert campaign.get_absolute_url() in page
    assert "Read the petition" in page
    assert "Read and sign" not in page
