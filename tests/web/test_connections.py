"""What is remembered, while the database is away: its absence is found out once, not once for each thing."""

import pytest
from django.db import InterfaceError, OperationalError

from web.connections import forget_away, unless_away


def test_after_one_reading_failed_no_other_is_tried_for_a_moment() -> None:
    tried: list[str] = []

    def fails() -> None:
        tried.append("first")
        raise InterfaceError

    with pytest.raises(InterfaceError):
        unless_away(fails)
    with pytest.raises(OperationalError):
        unless_away(lambda: tried.append("second"))
    forget_away()
    unless_away(lambda: tried.append("third"))
    assert tried == ["first", "third"]


def test_an_error_that_says_nothing_of_the_database_keeps_nobody_from_asking() -> None:
    with pytest.raises(LookupError):
        unless_away(lambda: {}["what is not there"])
    assert unless_away(lambda: "asked") == "asked"
