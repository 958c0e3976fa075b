"""Where addresses lead: in every language to the same view, remembered for a campaign's pages and for no token."""

from __future__ import annotations

import pytest
from django.urls import Resolver404, resolve, reverse
from django.utils import translation

from config.url_tables import Translated
from signatures.identity import new_token
from web.i18n.languages import BY_CODE, path_in


@pytest.mark.parametrize("language", BY_CODE)
def test_an_address_leads_to_the_same_view_in_every_language(language: str):
    for path in ("/", "/c/rights/", "/c/rights/sign/", "/c/rights/numbers/by-name/", "/d/rights/", "/verify.py"):
        own = resolve(path)
        for thread in BY_CODE:  # whatever the thread speaks: the address alone decides
            with translation.override(thread):
                found = resolve(path_in(language, path))
            assert (found.func, found.kwargs, found.url_name) == (own.func, own.kwargs, own.url_name)
        with translation.override(language):
            assert reverse(own.url_name, kwargs={k: v for k, v in own.kwargs.items() if k != "order"}) == path_in(
                language, path
            )


@pytest.mark.parametrize("path", ["/ru", "/en/", "/xx/c/rights/", "/ru/ru/c/rights/", "/ru/admin/", "/c/", "/c/a b/"])
def test_what_is_no_address_leads_nowhere(path: str):
    with pytest.raises(Resolver404):
        resolve(path)


def test_an_answer_that_changes_what_it_was_given_changes_nobody_elses():
    first = resolve("/c/rights/sign/")
    first.kwargs["slug"] = "another"
    assert resolve("/c/rights/sign/").kwargs == {"slug": "rights"}


def test_no_address_with_a_token_in_it_and_none_longer_than_ours_is_remembered():
    resolve("/c/remembered/sign/")
    remembered = Translated._remembered.cache_info().currsize
    for place in ("confirm", "withdraw", "unsubscribe"):
        resolve(f"/{place}/{new_token()}/")
        resolve(f"/ru/{place}/{new_token()}/")
    resolve(f"/c/{'a' * 1000}/sign/")  # nor one that a stranger made up to fill the memory
    assert Translated._remembered.cache_info().currsize == remembered > 0
