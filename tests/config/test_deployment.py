"""What a public site is refused or warned for, what its proxies' probes get, and which cookies it never sets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages.storage import default_storage
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config.checks import production_is_configured
from signatures.identity import new_token
from tests.check import OURS, PRODUCTION
from tests.support.fixtures import SiteClient

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def public_site(settings: Any) -> Any:
    """A site that the deployment checks say nothing about."""
    settings.DEMO_INBOX, settings.HTTPS, settings.TRUSTED_PROXIES = False, True, 1
    settings.MAIL_URL = "smtp://mail.undersigned.test"
    settings.DEFAULT_FROM_EMAIL = "Petitions <petitions@undersigned.test>"
    settings.NEUTRAL_FROM_EMAIL = "post@undersigned.test"
    assert _found() == []
    return settings


def _found() -> list[str | None]:
    return [message.id for message in production_is_configured(None)]


def test_https_without_a_trusted_proxy_is_a_warning(public_site: Any) -> None:
    public_site.TRUSTED_PROXIES = 0
    assert _found() == ["undersigned.W004"]


@pytest.mark.parametrize("sender", ["post@example.org", "Post <post@mail.EXAMPLE.org>"])
@pytest.mark.parametrize("name", ["DEFAULT_FROM_EMAIL", "NEUTRAL_FROM_EMAIL"])
def test_a_sender_at_example_org_is_refused(public_site: Any, name: str, sender: str) -> None:
    setattr(public_site, name, sender)
    assert _found() == ["undersigned.E005"]


def test_one_sender_for_both_kinds_of_mail_is_refused(public_site: Any) -> None:
    public_site.NEUTRAL_FROM_EMAIL = "petitions@undersigned.test"
    assert _found() == ["undersigned.E006"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_by_address_and_without_https_is_answered(settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["petitions.undersigned.test"]
    client = Client(headers={"Host": "10.0.0.5:8000"})
    answer = client.get(path)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert client.post(path).status_code == 405
    assert client.get("/").status_code == 400


def test_a_message_sets_no_cookie() -> None:
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    storage = default_storage(request)
    storage.add(20, "Saved.")
    response = HttpResponse()
    storage.update(response)
    assert not response.cookies
    assert request.session


@pytest.mark.parametrize(("given", "whole"), [({}, False), ({"HSTS_WHOLE_DOMAIN": "1"}, True)])
def test_other_names_are_held_to_https_only_where_asked(given: dict[str, str], whole: bool) -> None:
    production = {name: value for name, value in PRODUCTION.items() if name != "HSTS_WHOLE_DOMAIN"}
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    say = "from config import settings as s; print(s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"
    done = subprocess.run(
        [sys.executable, "-c", say], cwd=ROOT, env={**others, **production, **given}, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [str(whole)] * 2


def test_a_new_web_process_has_loaded_what_its_first_visitors_need() -> None:
    say = "import config.wsgi, sys; print(*{'signatures.views.signing', 'config.celery'} - sys.modules.keys())"
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    done = subprocess.run(
        [sys.executable, "-c", say], cwd=ROOT, env={**others, **PRODUCTION}, capture_output=True, check=True
    )
    assert done.stdout.split() == []


@pytest.fixture
def read_only_session(transactional_db: None) -> Iterator[None]:
    """A connection whose session may only read, as one that began while the database did."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    yield
    connection.close()


def test_a_session_that_only_reads_is_told_of_once_and_left(read_only_session: None) -> None:
    client = SiteClient()
    client.by_role = False
    assert (client.get("/readyz").status_code, client.get("/readyz").status_code) == (503, 200)


@pytest.mark.parametrize("path", ["/withdraw/{}/", "/unsubscribe/{}/"])
def test_what_cannot_be_written_is_a_503_and_then_works(read_only_session: None, path: str) -> None:
    client, link = SiteClient(), path.format(new_token())
    client.by_role = False
    answer = client.post(link)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "10", "no-store")
    assert client.post(link).status_code in (200, 303)


def test_what_fails_before_any_view_is_a_503_too(transactional_db: None) -> None:
    """Staff's login notes that somebody is there: a write outside of any view."""
    user = User.objects.create(username="anna")
    client = SiteClient(raise_request_exception=False)
    client.by_role = False
    client.force_login(user)
    session = client.session
    session["login.began"], session["login.seen"] = time.time(), time.time() - 300
    session.save()
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert client.get("/admin/").status_code == 503
    assert client.get("/admin/").status_code == 403  # no role, and that is said
    connection.close()


def test_what_is_broken_of_itself_stays_a_500(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> None:
        raise ValueError

    monkeypatch.setattr("signatures.views.links.parse_token", fails)
    client = SiteClient(raise_request_exception=False)
    client.by_role = False
    assert client.get("/confirm/x/").status_code == 500
