"""What a public site is refused or warned for, what its proxies' probes get, and which cookies it never sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages.storage import default_storage
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config.checks import production_is_configured
from tests.check import OURS, PRODUCTION

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
