"""What a reader must be told of the replay."""

from __future__ import annotations

from gpumix.domain.proof import Replay, ReplayedSlo
from gpumix.plan.assumptions import replay_warnings


def replay(worst_s: float, kept: bool = True) -> Replay:
    promise = ReplayedSlo("ttft_p95", 2.0, 0.4, worst_s, 1, kept)
    return Replay(1000, 1000, 0, 0.97, (promise,), 0, 1.2, 0.1, 0.0, "measured")


def test_a_promise_broken_in_an_hour_is_told() -> None:
    (warning,) = replay_warnings({"copilot": replay(5.649, kept=False)}, ())
    assert warning == (
        "copilot: ttft_p95 is not kept: in the worst hour of the replay it is 5,649 ms (standard "
        "error 0), the limit 2,000 ms; over the first week 400 ms"
    )


def test_a_kept_promise_needs_no_warning() -> None:
    assert replay_warnings({"copilot": replay(1.9)}, ()) == ()
    assert replay_warnings({"copilot": replay(2.01)}, ()) == ()


def test_rates_that_no_simulation_bears_out_are_told() -> None:
    (warning,) = replay_warnings({}, ("copilot",))
    assert warning.startswith("copilot: in simulation no option keeps the promises at any load")
