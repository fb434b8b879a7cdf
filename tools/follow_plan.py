"""A fleet that does what a plan says, but for the drifts that are asked for.

    python tools/follow_plan.py PLAN FOLDER --seed 0 --days 28 --drift speed:l40s-48gb:0.8@14

writes `samples.parquet` (the plain table) and `bill.csv` (FOCUS). Demand has the plan's week with
noise of hours, days and weeks; replicas run by the plan's hours, at a speed that lies a little
beside the prediction, as real ones do.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gpumix.catalog import Catalog
from gpumix.domain.launch import Launch
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Workload
from gpumix.predict.inference import predict_inference
from gpumix.verbs.launches import read_launches

START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday."""
HOUR_S, DAY_H, WEEK_H = 3600, 24, 168
BESIDE = 0.06
"""Standard deviation of a layout's speed about its prediction [log]."""
HOURLY, DAILY, WEEKLY, OF_SPEED = 0.10, 0.04, 0.03, 0.02
"""Standard deviations of demand by hour, day and week, and of speed by hour [log]."""
LOADS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512], float)
ENGINE, NEXT_ENGINE = "0.10.2", "0.11.0"
BILL = (
    "BilledCost", "BillingCurrency", "ChargeCategory", "ChargeClass", "ChargePeriodStart",
    "ChargePeriodEnd", "EffectiveCost", "PricingCategory", "ResourceId", "CommitmentDiscountId",
    "CommitmentDiscountStatus",
)  # fmt: skip
KINDS = ("speed", "price", "demand", "prompt", "answer", "version", "gone")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drift:
    """What changes from a day on: speed or price of a GPU type, demand, prompts or answers of a
    workload by a factor; a new engine version of a workload; a node of a GPU type gone."""

    kind: str
    of: str
    factor: float
    day: int


def drift_in(text: str) -> Drift:
    """A drift as the command line has it.

    >>> drift_in("demand:chat:1.5@14")
    Drift(kind='demand', of='chat', factor=1.5, day=14)
    """
    what, _, day = text.partition("@")
    kind, of, factor = (*what.split(":"), "1")[:3]
    if kind not in KINDS:
        raise SystemExit(f"{kind} is none of {', '.join(KINDS)}")
    return Drift(kind, of, float(factor), int(day or 0))


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica of a launch: its place, and in which hours [hours] it is there."""

    launch: Launch
    node: str
    slot: int
    there: npt.NDArray[np.bool_]


class Follower:
    """A fleet over some days; the same seed gives the same fleet."""

    def __init__(
        self, plan: Plan, launches: Sequence[Launch], catalog: Catalog, seed: int, days: int,
        drifts: Sequence[Drift] = (), step_s: int = 600,
    ) -> None:  # fmt: skip
        self.plan, self.catalog, self.drifts, self.step_s = plan, catalog, drifts, step_s
        self.launches = [one for one in launches if one.by_hour and not one.slice]
        self.rng = np.random.default_rng(seed)
        self.hours = days * DAY_H
        self.lines = {line.resource: line for line in plan.mix}
        self.workloads = {w.id: w for w in plan.inventory.workloads} if plan.inventory else {}
        self.replicas = list(self._replicas())

    def samples(self) -> pa.Table:
        """The plain table."""
        rows = [self._rows(*served) for served in self._served()]
        return pa.concat_tables([*rows, *self._empty()])

    def _hour_of_week(self) -> npt.NDArray[np.int64]:
        return np.arange(self.hours) % WEEK_H

    def _factor(self, kind: str, *names: str) -> Floats:
        """What drifts of a kind make of something, by hour."""
        found = np.ones(self.hours)
        for one in self.drifts:
            if one.kind == kind and one.of in names:
                found[one.day * DAY_H :] *= one.factor
        return found

    def _replicas(self) -> Iterator[Replica]:
        week = self._hour_of_week()
        gone = {one.of: one.day for one in self.drifts if one.kind == "gone"}
        taken: dict[str, int] = {}
        for launch in self.launches:
            line = self.lines[launch.resource]
            for number in range(launch.peak_replicas):
                first = taken.get(launch.resource, 0)
                taken[launch.resource] = first + launch.gpus
                node = f"{line.gpu}-{line.purchase}-{first // line.gpus_per_instance}"
                there = np.array(launch.by_hour)[week] > number
                if gone.get(line.gpu) is not None and number == 0:
                    there[gone.pop(line.gpu) * DAY_H :] = False
                yield Replica(launch, node, first % line.gpus_per_instance, there)

    def _served(self) -> Iterator[tuple[Replica, Floats, Floats, Floats]]:
        """Every replica with the requests it runs and its tokens in and out, by hour."""
        for group in {one.launch.workloads: None for one in self.replicas}:
            own = [one for one in self.replicas if one.launch.workloads == group]
            members = [self.workloads[id] for id in group]
            others = [r for r in self.replicas if set(r.launch.workloads) & set(group)]
            weights = [one.launch.units_per_hour * one.there for one in others]
            total = np.maximum(np.sum(weights, axis=0), 1e-9)
            requests, read, written = self._demand(members)
            for replica in own:
                share = replica.launch.units_per_hour * replica.there / total
                mine = requests * share
                running, done = self._running(replica.launch, mine, read, written)
                yield replica, running, done * read, done * written

    def _demand(self, members: Sequence[Workload]) -> tuple[Floats, Floats, Floats]:
        """Requests an hour, and mean tokens of a prompt and of an answer, by hour."""
        names = [one.id for one in members]
        week = self._hour_of_week()
        planned = [np.array(m.demand.units_per_hour)[week] for m in members if m.demand]
        units = np.sum(planned, axis=0)
        days, weeks = self.hours // DAY_H, -(-self.hours // WEEK_H)
        noise = self.rng.normal(0.0, HOURLY, self.hours)
        noise += np.repeat(self.rng.normal(0.0, DAILY, days), DAY_H)
        noise += np.repeat(self.rng.normal(0.0, WEEKLY, weeks), WEEK_H)[: self.hours]
        read = sum(
            u * m.demand.input.mean for u, m in zip(planned, members, strict=True) if m.demand
        )
        written = sum(
            u * m.demand.output.mean for u, m in zip(planned, members, strict=True) if m.demand
        )
        length = np.exp(self.rng.normal(0.0, DAILY / 2.0, self.hours))
        return (
            units * np.exp(noise) * self._factor("demand", *names),
            read / units * length * self._factor("prompt", *names),
            written / units * self._factor("answer", *names),
        )

    def _running(
        self, launch: Launch, requests: Floats, read: Floats, written: Floats
    ) -> tuple[Floats, Floats]:
        """Requests that run at a time, and those that are done an hour."""
        speed = np.exp(self.rng.normal(0.0, BESIDE) + self.rng.normal(0.0, OF_SPEED, self.hours))
        speed *= self._factor("speed", launch.gpu)
        lengths = np.stack([np.round(read, -2), np.round(written, -1)], axis=1)
        distinct, at = np.unique(lengths, axis=0, return_inverse=True)
        running, done = np.zeros(self.hours), np.zeros(self.hours)
        for i, (prompt, answer) in enumerate(distinct.tolist()):
            rates = self._rates(launch, max(prompt, 100.0), max(answer, 10.0))
            known = np.isfinite(rates)
            here = at.reshape(-1) == i
            wanted = requests[here] * written[here] / HOUR_S
            most = speed[here] * rates[known].max()
            given = np.minimum(wanted, most)
            loads = np.concatenate([[0.0], LOADS[known]])
            rising = np.maximum.accumulate(np.concatenate([[0.0], rates[known]]))
            running[here] = np.interp(given / speed[here], rising, loads)
            done[here] = given / written[here] * HOUR_S
        return running, done

    def _rates(self, launch: Launch, prompt: float, answer: float) -> Floats:
        count = len(LOADS)
        asked = {
            "gpu": launch.gpu, "model": launch.model, "n_gpus": launch.gpus, "tp": launch.tp,
            "weight_precision": launch.precision, "kv_precision": launch.kv_precision,
            "engine": launch.engine, "engine_version": ENGINE, "input_len": prompt,
            "output_len": answer, "load": "concurrency", "metric": "output_tok_s_total",
            "dataset": "chats",
        }  # fmt: skip
        points = {name: [value] * count for name, value in asked.items()}
        out = predict_inference(points | {"load_value": LOADS.tolist()}, catalog=self.catalog)
        return np.asarray(out["value"], dtype=float)

    def _rows(self, replica: Replica, running: Floats, read: Floats, written: Floats) -> pa.Table:
        launch, parts = replica.launch, HOUR_S // self.step_s
        hours = np.flatnonzero(replica.there)
        hour = np.repeat(hours, parts)
        t = (
            int(START.timestamp())
            + hour * HOUR_S
            + np.tile(np.arange(parts), len(hours)) * self.step_s
        )
        mean = np.maximum(running[hour], 1e-9)
        workload = self.workloads[launch.workloads[0]]
        cv = workload.demand.arrival_cv if workload.demand else 1.0
        ratio = max(1.0 + (cv**2 - 1.0) / 2.0, 1.001)
        count = self.rng.negative_binomial(mean / (ratio - 1.0), 1.0 / ratio)
        counters = [
            np.cumsum(tokens[hour] / parts * np.exp(self.rng.normal(0.0, 0.05, len(hour))))
            for tokens in (read, written)
        ]
        version = np.full(len(hour), ENGINE, dtype=object)
        for one in self.drifts:
            if one.kind == "version" and one.of in launch.workloads:
                version[hour >= one.day * DAY_H] = NEXT_ENGINE
        tables = []
        for slot in range(replica.slot, replica.slot + launch.gpus):
            is_first = slot == replica.slot
            told = {
                "tokens_in_total": counters[0], "tokens_out_total": counters[1],
                "requests_running": count.astype(float),
            } if is_first else {}  # fmt: skip
            tables.append(
                self._table(replica.node, slot, launch.gpu, t)
                | {"workload": [launch.workloads[0]] * len(t), "model": [launch.model] * len(t)}
                | {
                    "engine_active": np.where(mean > 0.0, 0.9, 0.0),
                    "power_w": np.full(len(t), 400.0),
                }
                | {"team": ["team"] * len(t), "engine_version": version}
                | told
            )
        return pa.concat_tables([pa.table(one) for one in tables], promote_options="default")

    def _empty(self) -> Iterator[pa.Table]:
        """Committed GPUs without a replica: nobody's."""
        parts = HOUR_S // self.step_s
        t = int(START.timestamp()) + np.arange(self.hours * parts) * self.step_s
        for line in self.plan.mix:
            if not Purchase(line.purchase).is_committed:
                continue
            used = {
                (r.node, r.slot + i)
                for r in self.replicas
                if r.launch.resource == line.resource
                for i in range(r.launch.gpus)
            }
            for number in range(line.count):
                node = f"{line.gpu}-{line.purchase}-{number}"
                for slot in range(line.gpus_per_instance):
                    if (node, slot) not in used:
                        told = self._table(node, slot, line.gpu, t)
                        idle = {"engine_active": np.zeros(len(t)), "power_w": np.full(len(t), 60.0)}
                        yield pa.table(told | idle)

    def _table(self, node: str, slot: int, gpu: str, t: npt.NDArray[np.int64]) -> dict[str, object]:
        return {
            "t": t, "gpu": [f"GPU-{node}-{slot}"] * len(t), "node": [node] * len(t),
            "index": np.full(len(t), slot, np.int32), "gpu_name": [gpu] * len(t),
        }  # fmt: skip

    def bill(self) -> Iterator[dict[str, str]]:
        """A line for each node and spell of a day that it is there."""
        for line in self.plan.mix:
            committed = Purchase(line.purchase).is_committed
            price = line.usd_per_gpu_hour * line.gpus_per_instance * self._factor("price", line.gpu)
            nodes: dict[str, npt.NDArray[np.bool_]] = {}
            for replica in self.replicas:
                if replica.launch.resource == line.resource:
                    there = replica.there if not committed else np.ones(self.hours, bool)
                    nodes[replica.node] = nodes.get(replica.node, there) | there
            for node, there in nodes.items():
                for first, after in _spells(there):
                    ends = (
                        datetime.fromtimestamp(START.timestamp() + hour * HOUR_S, UTC).isoformat()
                        for hour in (first, after)
                    )
                    cost = f"{price[first:after].sum():.6f}"
                    way = "Committed" if committed else "Standard"
                    cells = (cost, "USD", "Usage", "", *ends, cost, way, node, "", "")
                    yield dict(zip(BILL, cells, strict=True))


def _spells(there: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First hour and the one after the last of each spell, none over midnight."""
    hours = np.flatnonzero(there)
    parts = np.flatnonzero((np.diff(hours) > 1) | (hours[1:] % DAY_H == 0)) + 1
    for spell in np.split(hours, parts):
        if len(spell):
            yield int(spell[0]), int(spell[-1]) + 1


def write(follower: Follower, folder: Path) -> None:
    """`samples.parquet` and `bill.csv` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(follower.samples(), folder / "samples.parquet")
    with (folder / "bill.csv").open("w", encoding="utf-8", newline="") as handle:
        rows = csv.DictWriter(handle, BILL, lineterminator="\n")
        rows.writeheader()
        rows.writerows(follower.bill())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--step", type=int, default=600)
    parser.add_argument("--drift", type=drift_in, action="append", default=[])
    asked = parser.parse_args()
    read = read_launches(asked.plan)
    write(
        Follower(
            read.plan, read.launches, read.catalog, asked.seed, asked.days, asked.drift, asked.step
        ),
        asked.folder,
    )


if __name__ == "__main__":
    main()
