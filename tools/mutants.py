"""Do the tests notice a wrong formula? Changes the code a little, many times, and looks.

    python tools/mutants.py                      # the named mutants, then a sample of 200
    python tools/mutants.py --count 0            # the named ones alone
    python tools/mutants.py --only "src/gpumix/perf/inference/loads.py:9:1.0 + x->1.0 - x"
    python tools/mutants.py --again lines.txt    # what died in a run that printed these, as dead

`--again` is for tests that were added since: what was killed without them is killed with them.
Run by `make mutants`, which writes docs/mutants.md (`--write`). Exits 1 where a named mutant lives
or fewer than 85 % of the sample die. What no test could notice stands in mutants_equivalent.csv.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from mutation.make import Mutant, by_fragment, by_line, sample
from mutation.page import AIM, Results, page
from mutation.trial import Outcome, Trials

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "perf", "serving", "cost", "mix", "plan", "compare", "simulate", "options", "predict", "supply",
)  # fmt: skip
NAMED = (  # what is wrong; the code that is right; the mutant
    (
        "TTFT of the closed loop",
        "own_prefill_s * (1.0 + together * others)",
        "own_prefill_s / (1.0 + together * others)",
    ),
    ("all-to-all volume", "(ranks - 1.0) / ranks / bus", "(ranks - 1.0) * ranks / bus"),
    ("GiB of training memory", "total_bytes / GIB", "total_bytes * GIB"),
    ("GiB of a chosen layout", "total_bytes[at] / GIB", "total_bytes[at] * GIB"),
    ("high of a run's tokens/s", "tokens_per_s * run.high", "tokens_per_s / run.high"),
    ("high of a scaled estimate", "self.high * factor", "self.high / factor"),
)
SEED = 9
COUNT = 200
WORKERS = 2


def named_mutants(root: Path) -> list[Mutant]:
    """Every place of the code that a named mutant changes."""
    files = sorted((root / "src").rglob("*.py"))
    return [mutant for name, old, new in NAMED for mutant in by_fragment(files, name, old, new)]


def rooms(root: Path) -> list[Path]:
    """The source files that the sample is drawn from."""
    package = root / "src" / "gpumix"
    return [path for room in ROOMS for path in sorted((package / room).rglob("*.py"))]


def equivalents(root: Path) -> dict[tuple[str, str, str], str]:
    """The reason for each mutant that changes no result: by file, line before, line after.

    Raises:
        ValueError: the code does not hold the line any more.
    """
    path = Path(__file__).with_name("mutants_equivalent.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        source = root / row["file"]
        lines = source.read_text(encoding="utf-8").splitlines() if source.is_file() else []
        if row["before"] not in (line.strip() for line in lines):
            raise ValueError(f"{path.name}: {row['file']} does not hold {row['before']!r}")
    return {(row["file"], row["before"], row["after"]): row["reason"] for row in rows}


def _tried(
    trials: Trials, mutants: Sequence[Mutant], dead: Mapping[str, str] = MappingProxyType({})
) -> list[Outcome]:
    def tried(mutant: Mutant) -> Outcome:
        verdict = dead.get(_change(trials, mutant))
        return Outcome(mutant, verdict, 0, 0.0) if verdict else trials.of(mutant)

    outcomes = []
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for outcome in pool.map(tried, mutants):
            print(
                f"{outcome.verdict:11} {outcome.seconds:5.1f} s {outcome.tests:5d} tests  "
                f"{_change(trials, outcome.mutant)}",
                flush=True,
            )
            outcomes.append(outcome)
    return outcomes


def _change(trials: Trials, mutant: Mutant) -> str:
    place = f"{mutant.path.relative_to(trials.clean)}:{mutant.line}"
    return f"{place}  {mutant.before}  ->  {mutant.after}"


def died(lines: str) -> dict[str, str]:
    """The changes that were killed in a run that printed these lines, and how.

    >>> died("killed   4.1 s    12 tests  src/a.py:3  x + 1  ->  x - 1")
    {'src/a.py:3  x + 1  ->  x - 1': 'killed'}
    """
    found = re.findall(r"^(killed|timed out) +[\d.]+ s +\d+ tests  (.*)$", lines, re.MULTILINE)
    return {change: verdict for verdict, change in found}


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=SEED, help="of the sample")
    parser.add_argument("--count", type=int, default=COUNT, help="mutants in the sample")
    parser.add_argument(
        "--only", action="append", default=[], metavar="FILE:LINE:OLD->NEW",
        help="try this mutant instead; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--again", type=Path, metavar="LINES",
        help="lines that a run of this code printed: what died in it is not tried again",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help="write docs/mutants.md")
    return parser.parse_args()


def main() -> int:
    """Try the mutants, print what became of each; 1 where too many live."""
    words = _words()
    if words.only:
        [by_line(ROOT, asked) for asked in words.only]  # a slip is told before the minutes
    else:
        named_mutants(ROOT)
    reasons = equivalents(ROOT)
    with tempfile.TemporaryDirectory(prefix="gpumix-mutants-") as folder:
        trials = Trials(ROOT, Path(folder))
        if trials.reach.left_out:
            print(f"left out, for they do not pass as they are: {trials.reach.left_out}")
        if words.only:
            asked = [by_line(trials.clean, text) for text in words.only]
            return 0 if all(outcome.dead for outcome in _tried(trials, asked)) else 1
        dead = died(words.again.read_text(encoding="utf-8")) if words.again else {}
        named = _tried(trials, named_mutants(trials.clean), dead)
        drawn = sample(rooms(trials.clean), words.count, words.seed)
        results = Results(trials.clean, words.seed, named, _tried(trials, drawn, dead), reasons)
        text = page(results)
    print(text)
    if words.write:
        (ROOT / "docs" / "mutants.md").write_text(text, encoding="utf-8")
    named_live = not all(outcome.dead for outcome in named)
    return 1 if named_live or results.share_killed < AIM else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as wrong:
        sys.exit(f"mutants: {wrong}")
