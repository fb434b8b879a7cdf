"""Terms, renewals and rents."""

import pytest

from gpumix.cost.cloud import term_fits, term_note


@pytest.mark.parametrize(
    ("months", "years", "fits"),
    [(0, 0.5, True), (6, 0.5, True), (12, 0.5, False), (12, 1, True), (24, 1, False),
     (36, 2, False), (36, 3, True), (36, 5, True)],
)  # fmt: skip
def test_a_term_longer_than_the_horizon_is_not_offered(months, years, fits):
    assert term_fits(months, years) is fits
    assert term_note(months, years).startswith("not offered") is not fits


def test_when_a_term_may_begin_is_said_only_where_there_is_a_choice():
    assert "may begin in any year" in term_note(12, 3)
    assert "a term of 1 month may" in term_note(1, 3)
    assert term_note(36, 3) == term_note(0, 3) == ""
