"""System checks that refuse a deployment in which the tiers are not apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config import addresses


@register(Tags.security)
def tiers_are_apart(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """A worker has keys. (That web has none is not a check's business: the settings refuse to load.)"""
    problems: list[CheckMessage] = []
    if settings.ROLE == "worker" and not settings.KEYRING_DIR:
        problems.append(
            Error(
                "KEYRING_DIR is unset: a worker needs it.",
                hint="Give a directory that only workers mount.",
                id="undersigned.E001",
            )
        )
    return problems


@register(Tags.files)
def networks_have_countries(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """A table that cannot be read is told at the start, not only in a log."""
    from web.network_countries import table

    if not settings.NETWORK_COUNTRIES or table(settings.NETWORK_COUNTRIES):
        return []
    hint = "Give a file in MaxMind's format (.mmdb) that the web process may read."
    return [Error("NETWORK_COUNTRIES cannot be read as a table of networks.", hint=hint, id="undersigned.E007")]


@register(Tags.security)
def rates_are_rates(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Told at the start, not to the first who signs or logs in."""
    from web.rate_limits import rate

    for name in ("SIGN_RATE", "SIGN_RATE_WITH_WORK", "MY_SIGNATURES_RATE", "LOGIN_RATE"):
        try:
            rate(getattr(settings, name))
        except ValueError as error:
            yield Error(f"{name}: {error}.", id="undersigned.E008")


@register(Tags.security)
def site_has_an_address(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Links in mails are made of them, browsers' origins are compared with them: neither fails where one would see."""
    hint = "It has to look like https://petitions.example.org, with :port where there is one, and nothing after it."
    for name in ("SITE_URL", "DESK_URL"):
        try:
            addresses.site(getattr(settings, name))
        except ValueError as error:
            yield Error(f"{name} {error}.", hint=hint, id="undersigned.E009")
    if settings.SITE_URL == settings.DESK_URL:
        yield Error("SITE_URL and DESK_URL are the same.", hint="Staff work at another address.", id="undersigned.E010")


@register(Tags.security, deploy=True)
def production_is_configured(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What a demo may leave out and a public site may not."""
    problems: list[CheckMessage] = []
    if settings.DEMO_INBOX:
        problems.append(
            Error(
                "DEMO_MAIL_DIR is set: every e-mail is shown at /inbox/.", hint="Set MAIL_URL.", id="undersigned.E002"
            )
        )
    elif settings.ROLE == "worker" and not settings.MAIL_URL:  # nobody else sends mail
        problems.append(Error("MAIL_URL is unset: no confirmation e-mails would be sent.", id="undersigned.E003"))
    problems += [*_factors_key(), *_unheard_workers(), *_in_clear_over_the_network(), *_senders()]
    if not settings.HTTPS:
        problems.append(Warning("SITE_URL does not use https.", id="undersigned.W001"))
    elif not settings.TRUSTED_PROXIES:
        problems.append(
            Warning(
                "SITE_URL uses https, but TRUSTED_PROXIES is 0.",
                hint="Behind a proxy that terminates TLS, every page would redirect to itself. Set it to the number "
                "of proxies.",
                id="undersigned.W004",
            )
        )
    return problems


def _factors_key() -> Iterator[CheckMessage]:
    """A dump of the database and any SECRET_KEY together let nobody in."""
    if settings.ROLE != "desk":
        return
    if len(settings.FACTORS_KEY) < 50 or settings.FACTORS_KEY == settings.SECRET_KEY:
        yield Error(
            "FACTORS_KEY is unset, short or the same as SECRET_KEY: second factors have no key of their own.",
            hint="`manage.py make_secrets` makes one; then run `reseal_factors` once, as the desk.",
            id="undersigned.E021",
        )


#: To whom workers write of their own accord: the setting, what is lost without it, whose mailbox it should be.
_WORKERS_WRITE_TO: Final = (
    (
        *(
            "undersigned.W005",
            "AUDIT_ANCHOR_TO",
            "whoever controls the database could rewrite the audit trail undetected",
        ),
        "Give a mailbox of your organisation that they cannot access.",
    ),
    (
        *("undersigned.W006", "ALERTS_TO", "nobody is alerted by e-mail when a campaign is under attack"),
        "Give the e-mail addresses of the people to alert, comma-separated.",
    ),
)


def _unheard_workers() -> Iterator[CheckMessage]:
    for key, setting, lost, hint in _WORKERS_WRITE_TO:
        if settings.ROLE == "worker" and not getattr(settings, setting):
            yield Warning(f"{setting} is unset: {lost}.", hint=hint, id=key)


def _senders() -> Iterator[CheckMessage]:
    """The two addresses mails come from: ours, and apart, for the neutral one must not tell of the other."""
    senders = {"MAIL_FROM": settings.DEFAULT_FROM_EMAIL, "MAIL_FROM_NEUTRAL": settings.NEUTRAL_FROM_EMAIL}
    addresses = {name: parseaddr(sender)[1].lower() for name, sender in senders.items()}
    for name, address in addresses.items():
        if f".{address.rpartition('@')[2]}".endswith(".example.org"):
            yield Error(f"{name} is still an example address: {address}", id="undersigned.E005")
    if len(set(addresses.values())) == 1:
        yield Error("MAIL_FROM and MAIL_FROM_NEUTRAL must be different addresses.", id="undersigned.E006")


def _in_clear_over_the_network() -> Iterator[CheckMessage]:
    """Connections to another machine that somebody in between could read or answer."""
    database: dict[str, Any] = settings.DATABASES["default"]
    if _is_remote(database["HOST"]) and database["OPTIONS"].get("sslmode") not in {
        "require",
        "verify-ca",
        "verify-full",
    }:
        yield Warning(
            "DATABASE_URL connects to another machine unprotected: add ?sslmode=verify-full.", id="undersigned.W002"
        )
    redis, mail = urlsplit(settings.REDIS_URL), urlsplit(settings.MAIL_URL)
    if redis.scheme == "redis" and _is_remote(redis.hostname):
        yield Warning("REDIS_URL connects to another machine unencrypted: use rediss://.", id="undersigned.W003")
    if mail.scheme == "smtp+plain" and _is_remote(mail.hostname):
        yield Error(
            "MAIL_URL sends e-mails to another machine unencrypted: use smtp:// or smtps://.", id="undersigned.E004"
        )


def _is_remote(host: str | None) -> bool:
    return bool(host) and not str(host).startswith("/") and host not in {"localhost", "127.0.0.1", "::1"}
