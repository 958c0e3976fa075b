"""Addresses in the environment: read as they were meant, or refused in one line that shows nothing of a password."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config import addresses
from config.checks import site_has_an_address
from tests.check import OURS, PRODUCTION

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "xyzzyplugh"
#: Where in the password something stands that an address reads otherwise; {} is the rest of it.
BROKEN = ["{}/{}", "{}#{}", "{}?{}", "{}[{}", "{}]{}", "2525/{}", "25?{}", "25#{}", "{} {}", "{}\t{}", "/{}", "{}/@{}"]
MAIL = dict.fromkeys(("smtp", "smtps", "smtp+plain"), "/?")


def run(command: list[str], role: str = "worker", **env: str) -> Any:
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    keyring = {"KEYRING_DIR": "/run/keyring"} if role == "worker" else {}
    given = {**others, **PRODUCTION, "ROLE": role, **keyring, **env}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=given, capture_output=True, text=True, check=False)


ADDRESSES = {
    "MAIL_URL": "smtp://akiax:{}@mail.undersigned.test:587",
    "DATABASE_URL": "postgres://undersigned_public:{}@database.undersigned.test:5432/undersigned?sslmode=verify-full",
    "REDIS_URL": "rediss://:{}@redis.undersigned.test:6379/0",
}


@pytest.mark.parametrize("setting", ADDRESSES)
def test_a_password_that_was_not_escaped_is_refused_in_one_line(setting: str) -> None:
    for broken in ("{}/{}", "2525/{}"):
        address = ADDRESSES[setting].format(broken.format(SECRET, SECRET))
        done = run(["manage.py", "check", "--deploy"], **{setting: address})
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"Not configured: {setting} cannot be read. Write / ? #")
        assert len(done.stderr.splitlines()) == 1
        assert SECRET not in done.stderr


@pytest.mark.parametrize("command", [["-c", "import config.wsgi"], ["-m", "celery", "-A", "config.celery", "report"]])
def test_web_and_workers_say_it_in_one_line_too(command: list[str]) -> None:
    address = ADDRESSES["REDIS_URL"].format(f"{SECRET}/{SECRET}")
    done = run(command, role="public" if "config.wsgi" in command[1] else "worker", REDIS_URL=address)
    assert done.returncode != 0
    assert "Not configured: REDIS_URL cannot be read." in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


SCHEMES = {
    "MAIL_URL": MAIL,
    "DATABASE_URL": {"postgres": "/[^/:]*|"},
    "REDIS_URL": {"rediss": r"(/\d*)?"},
}


@pytest.mark.parametrize("setting", ADDRESSES)
@pytest.mark.parametrize("broken", BROKEN)
def test_whatever_splits_an_address_elsewhere_is_refused(setting: str, broken: str) -> None:
    address = ADDRESSES[setting].format(broken.replace("{}", SECRET))
    with pytest.raises(ImproperlyConfigured) as refused:
        addresses.service(setting, address, SCHEMES[setting])
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_address_that_once_passed_with_another_host_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured):
        addresses.service("MAIL_URL", "smtp://akiax:2525/xx@host:587", MAIL)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_password_that_is_escaped_is_read_as_it_is(user: str, password: str) -> None:
    try:
        escaped = [quote(text, safe="") for text in (user, password)]
    except UnicodeEncodeError:  # a lone surrogate: nobody types one
        return
    parts = addresses.service("MAIL_URL", "smtp://{}:{}@host:587".format(*escaped), MAIL)
    assert (parts.hostname, parts.port) == ("host", 587)
    assert [unquote(parts.username or ""), unquote(parts.password or "")] == [user, password]


@given(st.text(max_size=30))
def test_any_password_is_read_as_it_is_or_refused(password: str) -> None:
    try:
        parts = addresses.service("MAIL_URL", f"smtp://user:{password}@host:587", MAIL)
    except ImproperlyConfigured:
        return
    assert (parts.username, parts.password, parts.hostname, parts.port) == ("user", password, "host", 587)


@pytest.mark.parametrize(
    "address", ["smtp://user@host", "smtp://:pw@host", "smtp://user:pw@", "smtp://host?x=1", "ftp://host"]
)
def test_mail_with_half_a_login_or_no_host_is_refused(address: str) -> None:
    done = run(["-c", "import config.settings"], MAIL_URL=address)
    assert "ImproperlyConfigured: MAIL_URL" in done.stderr


@pytest.mark.parametrize(
    "address", ["redis://h", "redis://h:6379", "redis://h:6379/", "redis://h/3", "unix:///run/redis.sock?db=2"]
)
def test_other_spellings_are_fine(address: str) -> None:
    schemes = {"redis": r"(/\d*)?", "unix": "/.+"}
    assert addresses.service("REDIS_URL", address, schemes).scheme in schemes


# --- the site's own address ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://petitions.example.org", "https://petitions.example.org"),
        ("https://Petitions.Example.ORG/", "https://petitions.example.org"),
        ("https://петиция.бел", "https://xn--e1agazqz8d.xn--90ais"),
        ("https://ПЕТИЦИЯ.бел:8443", "https://xn--e1agazqz8d.xn--90ais:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://عريضة.example", "https://xn--ogbppk0g.example"),
        ("https://petitions.example.org:443", "https://petitions.example.org"),
        ("http://petitions.example.org:80/", "http://petitions.example.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_the_sites_address_is_read_as_browsers_write_it(written: str, read: str) -> None:
    assert addresses.site(written) == read
    assert addresses.site(read) == read


REFUSED = [
    "https://example.org/petitions", "https://example.org/?x=1", "https://example.org?x=1", "https://example.org/#a",
    "https://example.org?", "https://user@example.org", "https://user:pw@example.org", " https://example.org",
    "https://example.org ", "https://exa mple.org", "https://", "example.org", "//example.org", "ftp://example.org",
    "https://example.org:port", "https://example.org:99999", "https://exa_mple.org", "https://-a.example", "",
    "https://example.org.", "https://example..org", "https://[::1", "https://example.org\\evil", "https://a%2fb.example",
    "https://example.org\t", "https://\u2100.example", "https://a\u200bb\u2028.example",
]  # fmt: skip


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_no_address_of_a_site_is_refused_by_a_check(written: str, settings: Any) -> None:
    settings.SITE_URL = written
    (found,) = site_has_an_address(None)
    assert found.id == "undersigned.E009"
    assert found.msg.startswith("SITE_URL ")


@given(st.text(max_size=40))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    try:
        read = addresses.site(f"https://{text}")
    except ValueError:
        return
    assert read.isascii()
    assert addresses.site(read) == read


@pytest.mark.parametrize("role", ["public", "desk", "worker"])
def test_a_deployment_below_a_path_is_refused_in_a_clear_line(role: str) -> None:
    done = run(["manage.py", "check", "--deploy"], role=role, SITE_URL="https://example.org/petitions")
    assert done.returncode == 1
    assert "SITE_URL has something after the host" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_international_name_is_one_name_everywhere() -> None:
    say = "from config import settings as s; print(s.SITE_URL, s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS, s.HTTPS)"
    done = run(["-c", say], SITE_URL="https://Петиция.бел/", ALLOWED_HOSTS="петиции.бел,.example.org,*")
    name = "https://xn--e1agazqz8d.xn--90ais"
    hosts = ["xn--e1agazqz8d.xn--90ais", "xn--e1agaa5at3a.xn--90ais", ".example.org", "*"]
    assert done.stdout.strip() == f"{name} {hosts} ['{name}'] True"
    told = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], SITE_URL="https://петиция.бел").stderr
    # No database, Redis or folders of that name are here (config/tier_checks.py).
    assert {*re.findall(r"\w+\.[EW]\d+", told)} <= {
        f"undersigned.{no}" for no in ("E011", "E014", "E018", "W007", "W008")
    }
