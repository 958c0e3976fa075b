from hypothesis import given
from hypothesis import strategies as st

from signatures.public_figures.milestones import next_milestone


def test_milestones_are_round_numbers() -> None:
    assert [next_milestone(total) for total in (0, 99, 100, 250, 999, 1000, 191_000)] == [
        *(100, 100, 250, 500, 1000, 2500, 250_000)
    ]


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_milestone_is_ahead_and_never_moves_back(one: int, other: int) -> None:
    assert next_milestone(one) > one
    assert one > other or next_milestone(one) <= next_milestone(other)
