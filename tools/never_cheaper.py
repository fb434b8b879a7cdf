"""Plans ten inventories whole and with fewer GPUs to choose from, and compares what they cost.

    make never-cheaper  ->  docs/never-cheaper.md

No restricted variant may come out more than 0.3 % below the whole: neither an alternative of the
plan that keeps what the plan keeps, nor the inventory planned again over the GPUs that its own plan
uses, or over the two of them that cost most. Where waiting has a price the
alternatives alone are compared, which count it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from inventories import ROOT, TEAMS, Json, inventories, planned, written

PAGE = ROOT / "docs" / "never-cheaper.md"
MOST_BELOW = 0.003
API = "all by API"
"""What a provider of tokens asks for the same work: no restriction, so not compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """An inventory: what the whole costs, how many variants, and the cheapest of them [USD]."""

    name: str
    whole_usd: float
    variants: int
    cheapest: str
    cheapest_usd: float

    @property
    def below(self) -> float:
        """How far the cheapest variant lies below the whole [share]."""
        return 1.0 - self.cheapest_usd / self.whole_usd


def main() -> int:
    """Compare; exit code 1 where a restricted variant is cheaper by more than it may be."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [compared(file, Path(folder)) for file in inventories(Path(folder), TEAMS)]
    PAGE.write_text(page(rows), encoding="utf-8")
    return int(any(row.below > MOST_BELOW for row in rows))


def compared(file: Path, folder: Path) -> Row:
    """An inventory planned whole and restricted."""
    plan = planned(file, folder)
    costs = {
        f"alternative {a['name']}": plan["cheapest_usd"] + a["delta_usd"]
        for a in plan["regret"]
        if a["horizon_usd"] is not None and not a["breaks"] and a["name"] != API
    }
    for name, gpus in narrower(plan).items() if not plan["wait_usd"] else ():
        inventory = yaml.safe_load(file.read_text(encoding="utf-8"))
        if "cloud" not in inventory["supply"]:
            continue
        inventory["supply"]["cloud"]["gpus"] = gpus
        again = planned(written(folder / f"{file.stem}-{name}.yaml", inventory), folder)
        if again["cheapest_usd"] is not None:
            costs[f"cloud with {', '.join(gpus)} alone"] = again["cheapest_usd"]
    best = min(costs, key=lambda n: costs[n])
    row = Row(file.stem, plan["cheapest_usd"], len(costs), best, costs[best])
    print(row, f"{row.below:+.2%}", flush=True)
    return row


def narrower(plan: Json) -> dict[str, list[str]]:
    """GPU types of the plan's cloud lines: all, and the two that cost most."""
    usd: Counter[str] = Counter()
    for line in plan["mix"]:
        if line["purchase"] not in ("buy", "owned"):
            usd[line["gpu"]] += line["usd_per_month"]
    every = sorted(usd)
    most = sorted(name for name, _ in usd.most_common(2))
    return {"own": every} | ({"two": most} if most != every else {}) if every else {}


def page(rows: list[Row]) -> str:
    """The table."""
    lines = [
        "# Fewer choices are not cheaper",
        "",
        f"{date.today():%Y-%m-%d}, `make never-cheaper`: ten inventories planned whole, and with"
        " less to choose from: the plan's alternatives that keep what it keeps, and the inventory"
        " planned again over the cloud GPUs that its plan uses, or the two that cost most. What is"
        " compared is the cheapest plan found (`cheapest_usd`). None may lie more than 0.3 % below"
        " the whole.",
        "",
        "| inventory | whole, USD | variants | the cheapest variant | USD | below the whole |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.name} | {r.whole_usd:,.0f} | {r.variants} | {r.cheapest} | {r.cheapest_usd:,.0f}"
        f" | {r.below:.2%} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
