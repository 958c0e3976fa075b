"""Nothing that a person typed, and no token, reaches a log or an error page, whatever goes wrong."""

import io
import logging
import logging.config
import smtplib

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.views.debug import ExceptionReporter

from signatures.delivery.typesetting import NotSet
from signatures.identity import new_token
from signatures.register import mailing
from signatures.register.keyring import KeysDamaged
from signatures.register.relay import Away
from tests.signatures.register.test_mailing import make_due, smtp
from web.redaction import DiscreetFilter, DiscreetFormatter, HideEverything, SafeWords, describe, without_tokens

__all__ = ["smtp"]

TYPED = {"name": "Zebediah Quuxley", "email": "zebediah@example.org", "comment": "Plugh plover"}
WORDS = ("zebediah", "quuxley", "plugh")


def _fails_with_words(request):
    raise ValueError(f"cannot encode {request.POST['name']}")


def _fails_with_a_cause(request):
    try:
        _fails_with_words(request)
    except ValueError as error:
        raise RuntimeError(f"while signing for {request.POST['email']}") from error


def _fails_in_the_database(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE diary (entry text UNIQUE)")
        for _ in range(2):
            cursor.execute("INSERT INTO diary VALUES (%s)", [request.POST["email"]])


def _logs_by_itself(request, token):
    logging.getLogger("somewhere").warning("odd request %s", request.get_full_path(), extra={"request": request})
    return HttpResponse("ok")


urlpatterns = [
    path("words/", _fails_with_words),
    path("cause/", _fails_with_a_cause),
    path("database/", _fails_in_the_database),
    path("confirm/<token>/", _logs_by_itself),
]


@pytest.fixture
def logged():
    """What the handler that settings.LOGGING describes writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(DiscreetFilter())
    handler.setFormatter(DiscreetFormatter("{asctime} {levelname} {name}: {message}", style="{"))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def told(text):
    return [word for word in WORDS if word in text.casefold()]


def test_every_handler_of_the_site_is_discreet():
    for handler in django_settings.LOGGING["handlers"].values():
        assert "discreet" in handler["filters"]
        assert handler["formatter"] == "line"
    assert django_settings.LOGGING["formatters"]["line"]["()"] == "web.redaction.DiscreetFormatter"
    for name, logger in django_settings.LOGGING["loggers"].items():
        assert logger.get("handlers", []) == [], name


@pytest.mark.parametrize("where", ["words", "cause", "database"])
@override_settings(ROOT_URLCONF=__name__, DEBUG=False)
def test_neither_the_log_nor_the_page_repeats_what_was_typed(db, logged, where):
    response = Client(raise_request_exception=False).post(f"/{where}/?name=Zebediah", TYPED)
    assert response.status_code == 500
    assert told(response.content.decode()) == []
    log = logged.getvalue()
    assert told(log) == []
    # Still of use: what kind of error, and where.
    assert f"_fails_{ {'words': 'with_words', 'cause': 'with_a_cause', 'database': 'in_the_database'}[where] }" in log
    assert {"words": "ValueError", "cause": "RuntimeError", "database": "IntegrityError [23505]"}[where] in log


@override_settings(ROOT_URLCONF=__name__)
def test_a_token_in_an_address_is_cut_out_of_every_line(db, logged):
    token = new_token()
    Client().get(f"/confirm/{token}/")
    assert token not in logged.getvalue()
    assert "/confirm/…" in logged.getvalue()


@pytest.mark.parametrize("kind", ["confirm", "withdraw"])
@pytest.mark.parametrize(
    "around", ["{}", "GET {} HTTP/1.1", "Not Found: {}", '"{}"', "http://a.example{}?x=1", "/ru{}"]
)
def test_tokens_are_cut_wherever_they_stand(kind, around):
    token = new_token()
    line = around.format(f"/{kind}/{token}/")
    assert token not in without_tokens(line)
    assert f"/{kind}/…" in without_tokens(line)
    assert without_tokens("/c/keep-the-library-open/") == "/c/keep-the-library-open/"


def test_an_exception_that_is_logged_with_its_words_as_a_message_is_the_callers_to_avoid(logged):
    """No call of ours does: each logs the type alone."""
    try:
        raise ValueError(TYPED["name"])
    except ValueError:
        logging.getLogger("somewhere").exception("failed")
    assert told(logged.getvalue()) == []
    assert "ValueError" in logged.getvalue()


def test_a_stack_that_is_asked_for_holds_no_value(logged):
    name = TYPED["name"]
    logging.getLogger("somewhere").warning("odd", stack_info=True)
    assert told(logged.getvalue()) == []
    assert name


def test_a_database_error_is_known_by_its_state_alone(db, logged):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE diary (entry text UNIQUE)")
        cursor.execute("INSERT INTO diary VALUES (%s)", [TYPED["email"]])
        with pytest.raises(IntegrityError) as refused:
            cursor.execute("INSERT INTO diary VALUES (%s)", [TYPED["email"]])
    logging.getLogger("somewhere").error("failed", exc_info=refused.value)
    assert told(f"{refused.value}")  # the driver does quote it
    assert told(logged.getvalue()) == []
    assert "IntegrityError [23505]" in logged.getvalue()


def test_an_error_report_would_show_neither_fields_nor_variables():
    request = RequestFactory().post("/", TYPED)
    reporter = HideEverything()
    assert told(str(reporter.get_post_parameters(request))) == []
    assert reporter.get_post_parameters(request).keys() == TYPED.keys()
    try:
        name = TYPED["name"]
        raise ValueError("odd")
    except ValueError as error:
        assert name
        frames = ExceptionReporter(request, type(error), error, error.__traceback__).get_traceback_data()["frames"]
    assert all(not frame["vars"] for frame in frames)


# --- words that are safe --------------------------------------------------------------------------------------------


class _Ours(SafeWords):
    pass


def test_words_of_our_own_are_shown(logged):
    for kind in (_Ours, NotSet, KeysDamaged, Away):
        try:
            raise kind("list.typ took longer than 600 s")
        except kind:
            logging.getLogger("somewhere").exception("failed")
        assert f"{kind.__name__}: list.typ took longer than 600 s" in logged.getvalue()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "x", "/run/keyring/plugh.json"), "PermissionError: Permission denied in /run/keyring"),
        (PermissionError(13, "x", b"/run/keyring/plugh.json"), "PermissionError: Permission denied in /run/keyring"),
        (FileNotFoundError(2, "plugh"), "FileNotFoundError: No such file or directory"),
        (OSError(28, "plugh", "/srv/spool/plugh"), "OSError: No space left on device in /srv/spool"),
        (ConnectionRefusedError(111, "plugh"), "ConnectionRefusedError: Connection refused"),
        (OSError("plugh"), "OSError"),
        (smtplib.SMTPDataError(554, b"5.7.1 plugh"), "SMTPDataError [554]"),
        (smtplib.SMTPRecipientsRefused({"zebediah@example.org": (550, b"plugh")}), "SMTPRecipientsRefused"),
        (smtplib.SMTPServerDisconnected("plugh"), "SMTPServerDisconnected"),
        (UnicodeEncodeError("ascii", "plugh", 0, 1, "plugh"), "UnicodeEncodeError"),
        (KeyError("plugh"), "KeyError"),
        (ValueError("plugh"), "ValueError"),
    ],
)
def test_of_other_errors_only_what_cannot_be_a_persons(error, words):
    assert describe(error) == words


def test_a_failed_task_is_told_with_safe_words(logged):
    """As Celery logs it: the exception's own words in the message."""
    try:
        raise NotSet("letter.typ ended with 1 MemoryError")
    except NotSet as error:
        said = {"name": "signatures.build", "exc": f"{error} Plugh", "traceback": "Plugh"}
        logging.getLogger("celery.app.trace").error(
            "Task %(name)s raised: %(exc)s\n%(traceback)s", said, exc_info=error
        )
    assert "raised: NotSet: letter.typ ended with 1 MemoryError" in logged.getvalue()
    assert told(logged.getvalue()) == []


def test_a_keyring_that_cannot_be_read_is_not_called_a_mail_server(campaign, sign, smtp, keyring, logged, monkeypatch):
    sign(campaign, confirmed=False)
    make_due()

    def unreadable(*args):
        raise PermissionError(13, "x", "/run/keyring/a.json")

    monkeypatch.setattr("signatures.register.keyring.Keyring.keys_of", unreadable)
    with pytest.raises(PermissionError):
        mailing.send_batch()
    assert "mail server" not in logged.getvalue()


# --- Redis ------------------------------------------------------------------------------------------------------


class Trap:
    """Unpickled, it would run something."""

    def __reduce__(self):
        return (_sprung.append, (1,))


_sprung: list[int] = []


def test_who_controls_redis_runs_nothing_in_the_web(db):
    """Django's own serializer unpickles whatever Redis answers, and /readyz asks it for a key."""
    import pickle

    client = cache._cache.get_client(write=True)
    for key in ("ready", "rl:any"):
        client.set(cache.make_and_validate_key(key), pickle.dumps(Trap()))
    assert Client().get("/readyz").status_code == 200
    with pytest.raises(ValueError, match=r".*"):
        cache.get("rl:any")
    assert _sprung == []


def test_the_cache_keeps_numbers_and_counts_them():
    cache.set("n", 3, 10)
    assert cache.incr("n") == 4
    assert cache.get("n") == 4
    cache.set("text", {"a": ["б", 1, None, True]}, 10)
    assert cache.get("text") == {"a": ["б", 1, None, True]}


def test_workers_take_no_orders_but_tasks_and_no_pickles():
    from config.celery import app

    assert app.conf.worker_enable_remote_control is False
    assert app.conf.accept_content == ["json"]
