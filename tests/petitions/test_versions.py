"""The public page of what was signed: each version, and every word that changed."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Campaign, TextVersion
from petitions.text_changes import change_of
from tests.signatures.register.test_versions import correct

pytestmark = pytest.mark.django_db


@pytest.fixture
def corrected(campaign: Campaign, sign: Any) -> Campaign:
    sign(campaign, confirmed=False)
    correct(campaign, "I ask the Mayor to keep it open all day.")
    return campaign


def test_each_version_is_shown_with_its_reason_and_every_word_that_changed(client: Any, corrected: Campaign) -> None:
    page = client.get(f"/c/{corrected.slug}/versions/").content.decode()
    assert page.index("Version 2") < page.index("Version 1")
    assert "A typo." in page
    assert "<ins>" in page
    assert " all day" in page
    for version in TextVersion.objects.filter(campaign=corrected):
        assert version.hashes["en"] in page


def test_readers_of_another_language_are_told_where_it_changed(client: Any, corrected: Campaign) -> None:
    correct(corrected, "Я прашу.", "be")
    page = client.get(f"/c/{corrected.slug}/versions/").content.decode()
    assert "Nothing changed in this language." in page
    assert "Беларуская" in page
    assert "<ins>" in client.get(f"/be/c/{corrected.slug}/versions/").content.decode()


def test_the_text_is_served_as_it_is_hashed(client: Any, corrected: Campaign) -> None:
    for version in TextVersion.objects.filter(campaign=corrected):
        answer = client.get(f"/c/{corrected.slug}/versions/{version.number}/en.json")
        assert hashlib.sha256(answer.content).hexdigest() == version.hashes["en"]


@pytest.mark.parametrize("path", ["9/en.json", "1/xx.json", "0/en.json", "99999999999/en.json"])
def test_there_is_no_other_text(client: Any, corrected: Campaign, path: str) -> None:
    assert client.get(f"/c/{corrected.slug}/versions/{path}").status_code == 404


def test_a_drafts_text_is_nobodys_business(client: Any, make_campaign: Any) -> None:
    draft = make_campaign(state="draft")
    assert client.get(f"/c/{draft.slug}/versions/").status_code == 404


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_change_says_both_texts_whole(was: str, now: str) -> None:
    change = change_of("x", was, now)
    assert "".join(text for _, text in change.before) == was
    assert "".join(text for _, text in change.after) == now
    same = [[text for kind, text in side if kind == "same"] for side in (change.before, change.after)]
    assert same[0] == same[1]
