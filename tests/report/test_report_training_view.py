"""What the view of a training comparison says, beyond how it is drawn."""

from __future__ import annotations

from dataclasses import replace

import training_fixture

from gpumix.report.views import training as view


def test_the_headline_names_the_winner_at_the_users_value_of_a_day() -> None:
    free = view.headline(training_fixture.comparison(0.0))
    assert free.startswith("Cheapest: 64 x a100-sxm-80gb")
    assert "h100" not in free
    dear = view.headline(training_fixture.comparison(2000.0))
    assert dear.startswith("Cheapest: 64 x a100-sxm-80gb")
    assert "best at your value of a day: 64 x h100-sxm-80gb" in dear
    # below the value at which it turns, the cheapest stays the only answer
    assert view.headline(training_fixture.comparison(1600.0)) == free


def test_nothing_in_time_and_nothing_at_all_read_differently() -> None:
    found = training_fixture.comparison()
    assert view.headline(replace(found, pareto=())) == "No GPU type and count can finish in time."
    misfits = tuple(run for run in found.runs if not run.fits)
    assert view.headline(replace(found, pareto=(), runs=misfits)) == "It fits on no GPU."


def test_the_question_tells_limit_programme_and_value_of_a_day() -> None:
    told = view.question(training_fixture.comparison())
    for part in ("30.0B tokens", "P90 finish within", "programme_factor 1.5", "a day is worth"):
        assert part in told
    assert "a day is worth" not in view.question(training_fixture.comparison(0.0))


def test_without_a_value_of_time_its_break_even_is_not_drawn() -> None:
    with_time = view.ratio_table(training_fixture.comparison())
    without = view.ratio_table(training_fixture.comparison(0.0))
    assert len(with_time.columns) == len(without.columns) + 1


def test_a_late_run_is_marked_and_spot_has_its_own_table() -> None:
    found = training_fixture.comparison()
    tables = [str(table) for table in view.cost_tables(found)]
    assert "late" in tables[0]
    (on_spot,) = (text for text in tables if "spot" in text.partition("\n")[0].lower())
    assert "h100-sxm-80gb" in on_spot
    assert "a100-sxm-80gb" not in on_spot


def test_misfits_tell_what_would_make_them_fit() -> None:
    assert "128 GPUs" in str(view.unfit_table(training_fixture.comparison()))
