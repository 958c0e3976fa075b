"""The form of a ruling: single signatures, pasted as a list of those held shows them."""

from __future__ import annotations

from html import unescape

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from signatures.admin.rulings import RulingForm
from signatures.models import Ruling
from signatures.models.screening import MOST_REFERENCES
from staff.models import Role

ADD = reverse("admin:signatures_ruling_add", urlconf="config.desk_urls")


def cleaned(typed: str) -> list[int] | None:
    """The references that the form takes from what was typed; None where it refuses."""
    form = RulingForm({"signatures": typed})
    form.full_clean()
    return None if "signatures" in form.errors else form.cleaned_data["signatures"]


@pytest.fixture
def page(campaign, staff, staff_client):
    client = staff_client(staff(Role.MODERATOR))

    def send(**given):
        return client.post(
            ADD, {"campaign": campaign.pk, "verb": "count", "reason": "A neighbour", **given}, follow=True
        )

    send.client = client
    return send


def test_a_moderator_names_signatures_and_sees_them_named(page):
    answer = page(signatures="#17, 4\n4 ; 23")
    assert Ruling.objects.get().query == {"signatures": [4, 17, 23]}
    assert "4 17 23" in answer.text


def test_the_review_list_leads_to_a_form_that_is_filled_in(page, campaign):
    answer = page.client.get(ADD, {"campaign": campaign.pk, "signatures": "4 17"})
    assert 'value="4 17"' in answer.text
    assert not Ruling.objects.exists()


@pytest.mark.parametrize("typed", ["four", "4 x", "-4", "4.5", "0", "1" * 19, "1e3", "4-7", "٤x"])
def test_what_is_no_reference_is_refused_and_kept(page, typed):
    answer = page(signatures=typed)
    assert not Ruling.objects.exists()
    assert "Enter references only" in answer.text
    assert f'value="{typed}"' in unescape(answer.text)


def test_too_many_at_once_are_refused(page):
    answer = page(signatures=" ".join(map(str, range(1, MOST_REFERENCES + 2))))
    assert not Ruling.objects.exists()
    assert f"at most {MOST_REFERENCES}" in answer.text


@given(
    st.sets(st.integers(1, 10**18 - 1), max_size=MOST_REFERENCES),
    st.sampled_from([" ", ", ", "\n", "\r\n", "\t", ";", " #", "\u00a0", "，", "\u3000"]),
    st.sampled_from(["", " ", ",", "#"]),
)
def test_whatever_stands_between_them_they_are_read_back(references, between, before):
    assert cleaned(before + between.join(map(str, references))) == sorted(references)


@given(st.text(max_size=30))
def test_no_text_is_more_than_a_list_of_references(typed):
    found = cleaned(typed)
    assert found is None or all(0 < one < 10**18 for one in found)
