"""Full-text search over what campaigners write, in every language it is written in.

One normal form for what is indexed and what is asked, made by the database (config/database/search.sql), the same on
any server's locale: no case, no accents ("Zürich" is found by "zurich"), no vowel points, hamzas or strokes of Arabic,
any apostrophe as any other or as none; and no stemming, for a text may be in any of nine languages. Words are found
by their beginnings. The vector is a column that the database keeps: title, lead, background and pledge, with all their
translations. It is no field of the model, because nobody reads it and Django would fetch it with every campaign.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import F, Func
from django.db.models.expressions import Col, Combinable

#: What has a letter or a digit in it; the marks between them are for the database to judge.
_WORD: Final = re.compile(r"[^\s\0]*[^\W_][^\s\0]*")
#: Of a question; more would only cost.
MOST_WORDS: Final = 10


class CampaignText(F):
    """The vector of a campaign's texts, in a query on campaigns, also where that is part of another."""

    def __init__(self) -> None:
        super().__init__("search")

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Col:
        """As F of a field would be, but that the column is no field of the model."""
        column: SearchVectorField = SearchVectorField()
        column.set_attributes_from_name("search")
        column.model = query.model
        return Col(query.get_initial_alias(), column)


class TextVector(Func):
    """The vector of any text, made while one waits: for the few hundred addressees there are."""

    function = "search_vector"
    output_field = SearchVectorField()

    def __init__(self, text: Combinable) -> None:
        super().__init__(text)


class _Beginnings(SearchQuery):
    """The words of a text as a query, in the normal form."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.function = "search_query"


def words_of(question: str) -> list[str]:
    """The words that somebody typed: whatever they type is a question, never an error."""
    return _WORD.findall(question.encode(errors="replace").decode())[:MOST_WORDS]


def beginning_with(word: str) -> Any:
    """A query for texts in which a word begins so."""
    return _Beginnings(word)
