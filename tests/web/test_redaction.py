"""Nothing that a person typed, and no token, reaches a log or an error page, whatever goes wrong."""

import io
import logging
import logging.config

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.views.debug import ExceptionReporter

from signatures.identity import new_token
from web.redaction import DiscreetFilter, DiscreetFormatter, HideEverything, without_tokens

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
