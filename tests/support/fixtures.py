"""What most tests stand on: roles, keys, a campaign, and the two ends of a signature's way."""

from __future__ import annotations

import datetime
import functools
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.models import F
from django.test import Client, override_settings
from django.utils import timezone, translation
from redis import Redis
from whitenoise.middleware import WhiteNoiseMiddleware

from petitions.models import Addressee, Campaign, Disclosure
from signatures.intake import campaigns, submissions
from signatures.models import Delivery, Recipient, Submission
from signatures.register import keyring as keyrings
from signatures.register.mailing import confirmation_mail
from signatures.register.unsealing import Opener
from signatures.sealing import Person
from staff.models import Membership, Proposal, Role
from tests.support.tiers import DESK, PUBLIC, Tiers, tier_of
from web import counters, page_cache
from web.connections import forget_away
from web.identities import forget_identities
from web.maintenance import forget_maintenance
from web.models import Section, StandingPage
from web.network_key import forget_network_key


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """The test's connection with the rights of that role and no others."""
    with connection.cursor() as cursor:
        cursor.execute(f'SET ROLE "{role}"')
    try:
        yield
    finally:
        # A failed transaction takes no RESET; its end brings the owner back.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


#: {tier: the database role it has}.
ROLES = {DESK: settings.DESK_ROLE, PUBLIC: settings.PUBLIC_ROLE}


class SiteClient(Client):
    """Requests are answered by the tier whose path it is, with its database role, as on the site."""

    #: Whether with the tiers' roles; else as the owner.
    by_role = True

    def __init__(self, enforce_csrf_checks: bool = False, **defaults: Any) -> None:
        super().__init__(enforce_csrf_checks, **defaults)
        self.handler = Tiers(enforce_csrf_checks)

    def force_login(self, user: User, backend: str | None = None, *, second_factor: bool = True) -> None:
        """Logged in a moment ago, by password and second factor unless told otherwise."""
        super().force_login(user, backend)
        session, now = self.session, time.time()
        records: list[dict[str, Any]] = [{"method": "password", "at": now}]
        if second_factor:
            records.append({"method": "mfa", "type": "totp", "at": now})
        session["account_authentication_methods"] = records
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()

    def request(self, **request: Any) -> Any:
        role = ROLES[tier_of(request.get("PATH_INFO", "/"))]
        with acting_as(role) if self.by_role else nullcontext():
            return super().request(**request)


@pytest.fixture
def client(db: None) -> SiteClient:
    return SiteClient()


@pytest.fixture
def as_public(db: None) -> Callable[[], Any]:
    return lambda: acting_as(settings.PUBLIC_ROLE)


@pytest.fixture
def as_desk(db: None) -> Callable[[], Any]:
    return lambda: acting_as(settings.DESK_ROLE)


@pytest.fixture
def as_worker(db: None) -> Callable[[], Any]:
    return lambda: acting_as(settings.WORKER_ROLE)


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """Hashing a password takes half a second, on purpose; tests make a hundred people."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


#: As the site compresses its pages, for tests that weigh them.
QUALITY = page_cache.QUALITY


@pytest.fixture(autouse=True, scope="session")
def _quick_compression() -> None:
    """Compressing a page as well as can be takes longer than making it."""
    page_cache.QUALITY = 1  # type: ignore[misc]


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_looked_at_once() -> Iterator[None]:
    """WhiteNoise looks at a thousand files for each client that is made, which takes longer than most pages."""
    look, seen = WhiteNoiseMiddleware.update_files_dictionary, dict[tuple[Any, ...], dict[str, Any]]()

    def remember(self: WhiteNoiseMiddleware, root: str, prefix: str) -> None:
        key = (root, prefix, self.max_age, self.allow_all_origins, self.charset)
        if key not in seen:
            look(self, root, prefix)
            seen[key] = dict(self.files)
        self.files.update(seen[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "update_files_dictionary", remember)
        yield


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    """A process remembers its language, pages, campaigns and session keys; a test must not see the last one's."""
    kept = (translation.deactivate, page_cache.clear_page_cache, forget_maintenance, forget_identities, forget_away)
    more = (campaigns.forget_campaigns, submissions.forget_session_keys, counters.counting_again, forget_network_key)
    for forget in (*kept, *more):
        forget()
    _patient_redis(settings.CACHES["default"]["LOCATION"]).flushdb()


@functools.cache
def _patient_redis(url: str) -> Redis:
    """The cache gives up after half a second, as it should where people wait: not where tests get their turn."""
    return Redis.from_url(url, socket_timeout=60)


@pytest.fixture
def keyring(tmp_path: Path, settings: Any) -> keyrings.Keyring:
    settings.KEYRING_DIR = tmp_path / "keyring"
    keyrings.keyring().make()
    return keyrings.keyring()


@pytest.fixture
def section(db: None) -> Section:
    """The section that campaigns of the tests belong to, unless told otherwise; with the pages that it must have."""
    found = Section.objects.get_or_create(slug="international", defaults={"name": "International"})[0]
    pages = [StandingPage(section=found, kind=kind, text="It says so.") for kind in ("privacy", "imprint")]
    StandingPage.objects.bulk_create(pages, ignore_conflicts=True)
    return found


@pytest.fixture
def other_section(db: None) -> Section:
    return Section.objects.create(name="Elsewhere", slug="elsewhere")


#: The password of everybody that `staff` makes.
PASSWORD = "correct horse battery staple"


@pytest.fixture
def staff(section: Section) -> Callable[..., User]:
    """Makes somebody who works here: `staff(Role.MODERATOR)`, `staff(Role.CAMPAIGNER, other_section, "anna")`.

    Without a section in the one of the tests; administrators and privacy officers everywhere.
    """

    def make(role: Role, where: Section | None = None, username: str = "") -> User:
        username = username or f"{role.value}-{uuid.uuid4().hex[:6]}"
        user, made = User.objects.get_or_create(username=username)
        if made:
            user.set_password(PASSWORD)
            user.save()
        where = where or (None if role in Membership.EVERYWHERE else section)
        Membership.objects.create(user=user, role=role, section=where)
        return user

    return make


@pytest.fixture
def staff_client(db: None) -> Callable[[User], SiteClient]:
    """A browser of this person's own, logged in a moment ago."""

    def open_one(user: User) -> SiteClient:
        client = SiteClient()
        client.force_login(user)
        return client

    return open_one


@pytest.fixture
def make_campaign(section: Section, keyring: keyrings.Keyring) -> Callable[..., Campaign]:
    """Makes campaigns with keys, open unless told otherwise."""

    def make(**given: Any) -> Campaign:
        addressee = given.pop("addressee", None) or Addressee.objects.create(name="The Mayor", country="GB")
        state = given.pop("state", Campaign.State.OPEN)
        values: dict[str, Any] = {
            "slug": f"c-{uuid.uuid4().hex[:12]}",
            "title": "Keep the library open",
            "lead": "It closes at four.",
            "pledge": "I ask the Mayor to keep it open.",
            "disclosure": Disclosure.NAMED,
            "launched_on": timezone.now().date(),
            "responsible": "Friends of the Library",
            "contact_email": "friends@example.org",
        }
        campaign = Campaign.objects.create(addressee=addressee, **({"section": section} | values | given))
        keyrings.provision_campaigns()
        campaign.state = state
        campaign.save()
        return Campaign.objects.select_related("key", "addressee").get(pk=campaign.pk)

    return make


@pytest.fixture
def campaign(make_campaign: Callable[..., Campaign]) -> Campaign:
    return make_campaign()


def a_person(**given: Any) -> Person:
    """A supporter; every call another mailbox."""
    values: dict[str, Any] = {"name": "Ada Example", "email": f"{uuid.uuid4().hex}@example.org", "country": "GB"}
    return Person(**(values | given))


def a_proposal(kind: str, subject: dict[str, Any], asked_by: User, approved_by: User | None = None) -> Proposal:
    """As somebody asked for it, and, if so, somebody else approved it: no rule of ours, only the database's."""
    section = Section.objects.first()
    made = Proposal.objects.create(kind=kind, section=section, subject=subject, requested_by=asked_by)
    if approved_by is not None:
        decided = {"state": "approved", "decided_by": approved_by, "decided_at": timezone.now()}
        Proposal.objects.filter(pk=made.pk).update(**decided)
        made.refresh_from_db()
    return made


def a_delivery(campaign: Campaign, requested_by: User, approved_by: User | None = None, **given: Any) -> Delivery:
    """A delivery to the campaign's addressee that was requested, and approved if somebody approved it."""
    state = "requested" if approved_by is None else "approved"
    made = Delivery(**({"campaign": campaign, "addressee": campaign.addressee, "state": state} | given))
    made.proposal = a_proposal("delivery", made.agreed_terms, requested_by, approved_by)
    made.save()
    return made


def aged(proposal: Proposal, by: datetime.timedelta) -> Proposal:
    """The same, as if it had been asked for that much earlier; only the owner can say so."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE staff_proposal DISABLE TRIGGER proposal_guard")
        Proposal.objects.filter(pk=proposal.pk).update(requested_at=F("requested_at") - by)
        cursor.execute("ALTER TABLE staff_proposal ENABLE TRIGGER proposal_guard")
    proposal.refresh_from_db()
    return proposal


@pytest.fixture
def sign() -> Callable[..., bytes]:
    """Takes one signature as web does, confirmed unless told otherwise; returns its token hash."""

    def take(campaign: Campaign, *, confirmed: Any = True, **person: Any) -> bytes:
        before = set(Submission.objects.values_list("token_hash", flat=True))
        with acting_as(settings.PUBLIC_ROLE):
            submissions.take(campaign, a_person(**person))
        (hashed,) = set(Submission.objects.values_list("token_hash", flat=True)) - before
        if confirmed:
            moment = timezone.now() if confirmed is True else confirmed
            Submission.objects.filter(token_hash=hashed).update(confirmed_at=moment)
        return bytes(hashed)

    return take


@pytest.fixture
def mail_of() -> Callable[[Campaign, bytes], dict[str, str]]:
    """The links in the confirmation mail of a submission, as paths."""

    def read(campaign: Campaign, hashed: bytes) -> dict[str, str]:
        submission = Submission.objects.get(pk=hashed)
        opener = Opener(campaign)
        opener.know([submission.sealing_key_id])
        person = opener.open(submission.sealing_key_id, submission.sealed, hashed)
        body = str(confirmation_mail(campaign, person, opener).body)
        return {kind: re.search(rf"(?:/\w\w)?/{kind}/[\w-]+/", body)[0] for kind in ("confirm", "withdraw")}  # type: ignore[index]

    return read


def a_key(officer: User, **given: Any) -> Recipient:
    """A key of that officer that is in use, for what the desk says of it; no worker has pinned it."""
    identity = pyrage.x25519.Identity.generate()
    values = {"state": "pinned", "by_hand": True, "pinned_at": timezone.now()} | given
    return Recipient.objects.create(officer=officer, recipient=str(identity.to_public()), **values)
