"""LOG_FORMAT=json: each record is one line of JSON, and as discreet as the other format."""

import json
import logging
import re

import pytest
from django.conf import settings
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from web.redaction import DiscreetFilter, JsonFormatter
from web.request_ids import name_request, request_id

TOKEN = "A" * 43


@pytest.fixture(autouse=True)
def _outside_of_a_request():
    yield
    name_request(RequestFactory().get("/"))


def line(message, *args, error=None):
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("web.x", logging.WARNING, __file__, 1, message, args, info)
    DiscreetFilter().filter(record)
    return JsonFormatter().format(record)


def test_a_line_says_when_where_and_what():
    said = json.loads(line("%d mails wait", 3))
    assert (said["level"], said["logger"], said["message"]) == ("warning", "web.x", "3 mails wait")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", said["time"])
    assert "request" not in said


@given(st.text())
def test_whatever_is_said_is_one_line_of_json(text):
    made = line("%s", text)
    assert "\n" not in made
    assert json.loads(made)["message"] is not None


def test_it_repeats_no_token_and_no_words_of_an_error():
    try:
        raise ValueError("Ada Lovelace <ada@example.org>")
    except ValueError as error:
        made = line("GET /be/confirm/%s/", TOKEN, error=error)
    for secret in ("Ada", "ada@", TOKEN):
        assert secret not in made
    assert json.loads(made)["error"].endswith("ValueError")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [("4f2e6a0c9b1d4e3f8a7b6c5d4e3f2a1b", True), ("7f6e-11", False), ("abcdef12", True), ("a" * 65, False),
     ("ada@example.org", False), ('x"}\n{"level":"', False), ("", False)],
)  # fmt: skip
def test_only_a_proxys_name_of_a_request_is_repeated(given_name, kept):
    name_request(RequestFactory().get("/", headers={"X-Request-ID": given_name}))
    assert request_id() == (given_name if kept else "")
    assert json.loads(line("x")).get("request", "") == (given_name if kept else "")


def test_each_request_has_its_own_name(client):
    client.get("/healthz", headers={"X-Request-ID": "of-the-first"})
    client.get("/healthz")
    assert request_id() == ""
    assert settings.LOG_FORMAT == "line"
