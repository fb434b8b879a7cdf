"""A fleet whose waste is known: telemetry, a bill, job accounting, and what an audit must find.

    python tools/plant_fleet.py FOLDER --seed 0 --days 28 --step 60

writes `samples.parquet` (the plain table), `bill.csv` (FOCUS 1.2), `sacct.txt`, `declare.json`,
`prices.csv` and `expected.json`. What is planted is counted from the plan of every device and not
from the samples, in whole micro-dollars, by the rule of attribution.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from planting.bill import BILL, PRICES, bill
from planting.expected import expected
from planting.fleet import ZONE, plant
from planting.samples import samples

DECLARED = {
    "schema_version": 1,
    "currency": "USD",
    "sacct_timezone": ZONE,
    "standby": [{"team": "support", "workload": "failover"}],
    "gpu_resources": {"i-dark": {"gpus": 4, "gpu": "l40s-48gb"}},
}
HEADER = (
    "JobID|JobIDRaw|JobName|User|Account|QOS|Partition|State|ExitCode|Submit|Start|End|ElapsedRaw"
    "|AllocTRES|NodeList"
)


def write(
    folder: Path,
    seed: int,
    days: int,
    step_s: int,
    *,
    as_csv: bool = False,
    line_hours: int = 1,
    currencies: Sequence[str] = ("USD",),
) -> None:
    """All files of one planted fleet."""
    folder.mkdir(parents=True, exist_ok=True)
    fleet = plant(seed, days)
    table = pa.concat_tables(samples(fleet, step_s)).sort_by("t")
    if as_csv:
        with pa.CompressedOutputStream(str(folder / "samples.csv.gz"), "gzip") as out:
            pa_csv.write_csv(table, out)
    else:
        pq.write_table(table, folder / "samples.parquet", compression="zstd")
    with (folder / "bill.csv").open("w", newline="") as out:
        rows = csv.DictWriter(out, BILL, lineterminator="\n")
        rows.writeheader()
        rows.writerows(bill(fleet, line_hours, currencies))
    _write_text(folder / "sacct.txt", "\n".join([HEADER, *map("|".join, fleet.jobs)]))
    resources = {n.name: n for n in fleet.nodes}
    slurm = {"gpus": 8, "gpu": "h100-sxm-80gb", "resource_id": resources["hpc-1"].resource}
    declared = {**DECLARED, "slurm_nodes": {"hpc-1": slurm}}
    _write_text(folder / "declare.json", json.dumps(declared, indent=1))
    prices = ["gpu,purchase,usd_per_gpu_hour", *(f"{g},{p},{usd}" for g, p, usd in PRICES)]
    _write_text(folder / "prices.csv", "\n".join(prices))
    _write_text(folder / "expected.json", json.dumps(expected(fleet), indent=1, sort_keys=True))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Write a planted fleet."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--days", type=int, default=28)
    words.add_argument("--step", type=int, default=60, help="seconds between samples")
    words.add_argument("--csv", action="store_true", help="samples.csv.gz instead of Parquet")
    words.add_argument("--line-hours", type=int, default=1, help="hours of a bill's line: 1 or 24")
    words.add_argument("--currencies", default="USD", help="of the bill's lines, comma-separated")
    asked = words.parse_args()
    write(
        asked.folder,
        asked.seed,
        asked.days,
        asked.step,
        as_csv=asked.csv,
        line_hours=asked.line_hours,
        currencies=asked.currencies.split(","),
    )


if __name__ == "__main__":
    main()
