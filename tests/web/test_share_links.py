"""Links to other services carry words and address whole, whatever is in them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from signatures.models.published.channels import CHANNELS
from web.share_links import ways_to_share

ADDRESS = "https://petitions.example/uk/c/library/"


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_is_shared_arrives_whole_and_nothing_of_it_becomes_the_address(words: str) -> None:
    for way in ways_to_share(words, ADDRESS):
        parts = urlsplit(way.url)
        assert parts.scheme == "https"
        assert parts.fragment == ""
        told = " ".join(value for _, value in parse_qsl(parts.query, keep_blank_values=True))
        assert f"{ADDRESS}?via={way.channel}" in told
        if way.channel not in {"facebook", "linkedin"}:  # they read the page instead
            assert words in told


def test_each_service_is_a_channel_that_is_counted() -> None:
    assert {way.channel for way in ways_to_share("Words", ADDRESS)} <= set(CHANNELS)
