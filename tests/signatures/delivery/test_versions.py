"""A packet says how many signed which version of the text, and brings the texts themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from petitions.models import Campaign, TextVersion
from signatures.delivery import verifier
from signatures.public_figures.figures import versions_of_range
from signatures.register.publishing import publish_figures
from tests.signatures.register.test_versions import admit, correct
from tests.support.packets import plain

VERSION = {"number": 1, "published_on": "2026-01-01", "count": 20}


class InMemory(verifier.Packet):
    """A packet that holds this one file."""

    label = "packet"

    def __init__(self, texts: bytes | None) -> None:
        self.texts = texts

    def names(self) -> list[str]:
        return [] if self.texts is None else [verifier.TEXTS]

    def size(self, name: str) -> int:
        return len(self.texts or b"")

    def pieces(self, name: str) -> Any:
        yield self.texts


def said(text: str = "words", texts: bytes | None = None, **manifest: Any) -> list[str]:
    """What is wrong with a packet of 29 signatures, 20 of which are to this text."""
    sha256 = hashlib.sha256(b"words").hexdigest()
    if texts is None:
        texts = json.dumps([{"version": 1, "language": "en", "text": text}]).encode()
    whole = {
        "totals": {"signatures": 29}, "other_versions": 9,
        "by_version": [{**VERSION, "texts": [{"language": "en", "sha256": sha256}]}],
        "files": [{"name": verifier.TEXTS, "bytes": len(texts)}],
    }  # fmt: skip
    return list(verifier.check_versions(InMemory(texts), whole | manifest))


@pytest.mark.django_db
def test_a_packet_splits_its_signatures_by_version_and_brings_the_texts(
    campaign: Campaign, sign: Callable[..., bytes], deliver: Any
) -> None:
    admit(campaign, sign, 12)
    correct(campaign, "I ask the Mayor to keep it open all day.")
    admit(campaign, sign, 18)
    publish_figures(campaign)
    delivery = deliver(campaign)
    manifest = delivery.manifest
    assert [(version["number"], version["count"]) for version in manifest["by_version"]] == [(1, 10), (2, 10)]
    assert manifest["other_versions"] == 10
    files = plain(delivery)
    texts = {text["version"]: text["text"] for text in json.loads(files["texts.json"])}
    for version in TextVersion.objects.filter(campaign=campaign):
        assert texts[version.number] == version.text_in("en")
        (told,) = manifest["by_version"][version.number - 1]["texts"]
        assert hashlib.sha256(texts[version.number].encode()).hexdigest() == told["sha256"] == version.hashes["en"]
    shown = list(verifier.versions_in_words(manifest))
    assert shown[1].startswith("version 2 of the text")
    assert shown[1].endswith("10 signatures")
    assert shown[2] == "not told apart by version: 10"
    # The next of the series tells of those who came since.
    admit(campaign, sign, 20)
    publish_figures(campaign)
    assert versions_of_range(campaign, 31, 50, 20) == {"2": 20}


def test_a_packet_whose_versions_are_right_verifies() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"text": "other words"}, "not those whose hashes"),
        ({"texts": b"[]"}, "not those whose hashes"),
        ({"texts": b"{"}, "damaged"),
        ({"texts": b"[1]"}, "damaged"),
        ({"texts": b'[{"version": 1, "language": "en", "text": 5}]'}, "damaged"),
        ({"files": []}, "missing"),
        ({"other_versions": 8}, "do not add up to 29"),
        ({"other_versions": -1}, "below zero"),
        ({"by_version": [VERSION | {"texts": []}, VERSION | {"count": 0, "texts": []}]}, "there twice"),
        ({"by_version": [], "other_versions": 29}, "not those whose hashes"),
    ],
)
def test_what_is_wrong_with_its_versions_is_named(given: dict[str, Any], problem: str) -> None:
    assert any(problem in line for line in said(**given))
