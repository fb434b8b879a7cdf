"""The mutants: drawn by seed, made where code computes, tried on the tests that reach them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("cosmic_ray", reason="`make mutants` installs what changes code")

import mutants  # noqa: E402
from mutation import trial  # noqa: E402
from mutation.make import by_fragment, by_line, places, sample  # noqa: E402
from mutation.page import Results, page  # noqa: E402
from mutation.reach import pinned_first  # noqa: E402
from mutation.trial import Outcome, Trials  # noqa: E402

CODE = '''"""Two formulas."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    NEVER = 1 + 1

__all__ = ["half"][:1]
SHARE = 0.5


@lru_cache(maxsize=8)
def half(x: "int | float", *, more: float = 0.0) -> "int | float":
    """Half of x: 1 * x / 2."""
    return x * SHARE + more


def spare(x: float) -> str:
    """Reached by no test."""
    return f"{x * 2:.0f}"  # x * 2


def doubled(x: float) -> float:
    """Reached by no test."""
    return 2.0 * x


def compiled_entry(function):
    """As numba would."""
    return function


@compiled_entry
def inner(x: float) -> float:
    """Seen by nothing."""
    return x + 1.0
'''
CALLER = '''"""Calls compiled code."""

from gpumix.perf.formulas import half, inner


def outer(x: float) -> float:
    """Through the entry."""
    return inner(x)
'''
TESTS = """
import pytest
from gpumix.mix.caller import outer
from gpumix.perf.formulas import half

@pytest.fixture(scope="module")
def halves():
    return [half(4.0)]

def test_first(halves):
    assert halves

def test_second(halves):
    assert halves == [2.0]

def test_outer():
    assert outer(1.0) == 2.0

def test_that_fails_as_it_is():
    assert half(1.0) == 7.0
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    package = root / "src" / "gpumix"
    for folder in (package, package / "perf", package / "mix"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    (package / "perf" / "formulas.py").write_text(CODE, encoding="utf-8")
    (package / "mix" / "caller.py").write_text(CALLER, encoding="utf-8")
    (root / "tests").mkdir()
    (root / "tests" / "test_small.py").write_text(TESTS, encoding="utf-8")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def trials(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    return Trials(tree, tmp_path_factory.mktemp("trials"))


def test_only_what_computes_is_changed(tree: Path) -> None:
    path = tree / "src/gpumix/perf/formulas.py"
    lines = CODE.splitlines()
    assert {lines[place.line - 1].strip() for place in places(path)} == {
        "SHARE = 0.5",
        'def half(x: "int | float", *, more: float = 0.0) -> "int | float":',
        "return x * SHARE + more",
        "return 2.0 * x",
        "return x + 1.0",
    }


def test_the_sample_is_that_of_its_seed(tree: Path) -> None:
    files = mutants.rooms(tree)
    drawn = sample(files, 6, seed=1)
    assert drawn == sample(files, 6, seed=1) != sample(files, 6, seed=2)
    assert len({(m.path, m.line, m.after) for m in drawn}) == 6
    assert all(m.text != CODE and m.before != m.after for m in drawn)
    assert (tree / "src/gpumix/perf/formulas.py").read_text(encoding="utf-8") == CODE


def test_named_mutants_are_found_in_the_code() -> None:
    found = mutants.named_mutants(ROOT)
    assert {m.name for m in found} == {name for name, _, _ in mutants.NAMED}
    assert all(m.before in m.path.read_text(encoding="utf-8") for m in found)


def test_a_fragment_that_is_gone_is_an_error(tree: Path) -> None:
    with pytest.raises(ValueError, match="no file holds 'x / SHARE'"):
        by_fragment(mutants.rooms(tree), "gone", "x / SHARE", "x")


@pytest.mark.parametrize(
    "asked", ["src/gpumix/perf/formulas.py:16:x / SHARE->x", "gone.py:1:a->b", "formulas.py"]
)
def test_a_mutant_asked_for_must_be_there(tree: Path, asked: str) -> None:
    with pytest.raises(ValueError, match=r"is not file\.py:LINE:old->new"):
        by_line(tree, asked)


def test_equivalent_mutants_stand_in_the_code() -> None:
    assert all(mutants.equivalents(ROOT).values())


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("x * SHARE", "x / SHARE", "killed"),  # in a fixture: by the second that uses it
        ("SHARE = 0.5", "SHARE = 1.5", "killed"),  # at import: by those that read the name
        ("x + 1.0", "x - 1.0", "killed"),  # compiled: by those that call the entry
        ("+ more", "- more", "survived"),
        ("2.0 * x", "2.0 / x", "not reached"),
    ],
)
def test_a_mutant_meets_the_tests_that_reach_it(
    trials: Trials, old: str, new: str, verdict: str
) -> None:
    (mutant,) = by_fragment(mutants.rooms(trials.clean), "", old, new)
    assert trials.of(mutant).verdict == verdict
    assert mutant.path.read_text(encoding="utf-8") == CODE


HANG = "while 1: pass"
SLEEP = "import time; time.sleep(60)"


@pytest.mark.parametrize(
    ("hang", "limit_s", "per_cpu", "control_s", "verdict"),
    [
        (HANG, 3, 20.0, 30, "timed out"),  # by the processor's seconds
        (SLEEP, 3, 1.0, 30, "timed out"),  # by the clock
        (HANG, 3, 0.01, 3, "survived"),  # too slow without a change too
    ],
)
def test_a_hang_is_dead_unless_nothing_ends_in_time(
    trials: Trials, monkeypatch: pytest.MonkeyPatch, hang: str, limit_s: int, per_cpu: float,
    control_s: int, verdict: str,
) -> None:  # fmt: skip
    for name, value in [
        ("LIMIT_S", limit_s), ("CLOCK_PER_CPU", per_cpu), ("CONTROL_S", control_s)
    ]:  # fmt: skip
        monkeypatch.setattr(trial, name, value)
    files = mutants.rooms(trials.clean)
    (mutant,) = by_fragment(files, "", "return x * SHARE", f"{hang}\n    return x * SHARE")
    assert trials.of(mutant).verdict == verdict


def test_a_change_elsewhere_leaves_the_sample_as_it_is(tree: Path, tmp_path: Path) -> None:
    def lines(files: list[Path]) -> list[tuple[str, str]]:
        return [(m.before, m.after) for m in sample(files, 4, seed=1)]

    files = [tmp_path / path.name for path in mutants.rooms(tree) if path.name != "__init__.py"]
    for path in files:
        path.write_text({"formulas.py": CODE, "caller.py": CALLER}[path.name], encoding="utf-8")
    before = lines(files)
    for path in files:
        path.write_text(f"# A line more.\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert lines(files) == before


def test_what_died_in_an_earlier_run_is_not_tried_again(
    trials: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = [
        mutant
        for old, new in [("x * SHARE", "x / SHARE"), ("+ more", "- more")]
        for mutant in by_fragment(mutants.rooms(trials.clean), "", old, new)
    ]
    first = mutants._tried(trials, drawn)
    dead = mutants.died(capsys.readouterr().out)
    assert [outcome.verdict for outcome in first] == ["killed", "survived"]
    again = mutants._tried(trials, drawn, dead)
    assert [(o.verdict, o.tests > 0) for o in again] == [("killed", False), ("survived", True)]


def test_pinned_numbers_come_first() -> None:
    tests = ["tests/a/test_a.py::one", "tests/test_golden_plans.py::two", "tests/b/test_b.py::six"]
    assert pinned_first(tests) == [tests[1], tests[0], tests[2]]


def test_tests_that_fail_without_a_change_kill_nothing(trials: Trials) -> None:
    assert trials.reach.left_out == ["tests/test_small.py::test_that_fails_as_it_is"]


def test_the_page_counts_the_equivalent_neither_way(tree: Path) -> None:
    files = mutants.rooms(tree)
    (found,) = by_fragment(files, "", "x * SHARE", "x / SHARE")
    (idle,) = by_fragment(files, "", "+ more", "- more")
    (unseen,) = by_fragment(files, "", "2.0 * x", "2.0 / x")
    outcomes = [
        Outcome(found, "killed", 2, 1.0),
        Outcome(idle, "survived", 2, 1.0),
        Outcome(unseen, "not reached", 0, 0.0),
    ]
    reasons = {("src/gpumix/perf/formulas.py", idle.before, idle.after): "more is always 0"}
    results = Results(tree, 9, outcomes[:1], outcomes, reasons)
    assert results.share_killed == 0.5
    text = page(results)
    assert "| perf | 3 | 1 | 0 | 0 | 1 | 1 |" in text
    assert "| `return x * SHARE + more` → `return x * SHARE - more` | more is always 0 |" in text
