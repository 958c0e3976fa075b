"""Full-text search over what campaigners write, in every language it is written in.

One configuration for all of them: words as they are, without accents ("Zürich" is found by "zurich"), no stemming, for
a text may be in any of nine languages. Words are found by their beginnings. The vector is a column that the database
keeps (config/database/search.sql): title, lead, background and pledge, with all their translations. It is no field of
the model, because nobody reads it and Django would fetch it with every campaign.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import F
from django.db.models.expressions import Col

_CONFIG: Final = "undersigned"
_WORD: Final = re.compile(r"\w+")
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


def words_of(question: str) -> list[str]:
    """The words that somebody typed, without signs: whatever they type is a question, never an error."""
    return _WORD.findall(question)[:MOST_WORDS]


def beginning_with(word: str) -> Any:
    """A query for texts in which a word begins so."""
    return SearchQuery(f"'{word}':*", config=_CONFIG, search_type="raw")
