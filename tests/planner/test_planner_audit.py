"""What a reader must be told although the promise, as stated, is kept."""

from __future__ import annotations

from gpumix.domain.plan import Replay, ReplayedSlo
from gpumix.planner.audit import replay_warnings


def replay(worst_s: float, kept: bool = True) -> Replay:
    promise = ReplayedSlo("ttft_p95", 2.0, 0.4, worst_s, 1, kept)
    return Replay(1000, 1000, 0, 0.97, (promise,), 0)


def test_an_hour_beyond_the_limit_is_told() -> None:
    (warning,) = replay_warnings({"copilot": replay(5.649)})
    assert warning == (
        "copilot: ttft_p95 holds over the week, but in its worst hour it is 5,649 ms, "
        "the limit 2,000 ms"
    )


def test_a_good_week_and_a_broken_promise_need_no_such_warning() -> None:
    assert replay_warnings({"copilot": replay(1.9)}) == ()
    assert replay_warnings({"copilot": replay(5.6, kept=False)}) == ()
