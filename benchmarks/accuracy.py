"""Predictions against measurements -> docs/accuracy.md and its plots. Run by `make accuracy`.

Every section is a function returning Markdown; a module `accuracy_<engine>.py` beside this file
with `section(catalog) -> str` adds its own.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import beside_peers  # noqa: E402
import fit_inference  # noqa: E402
import fit_left_out  # noqa: E402
import fit_priors  # noqa: E402
import peers  # noqa: E402
from gpumix.catalog import Catalog, load  # noqa: E402
from gpumix.domain.measurement import Shrinkage  # noqa: E402
from gpumix.perf.calibrate import Places, shift  # noqa: E402
from gpumix.perf.inference.engines import engine_generation  # noqa: E402
from gpumix.perf.interval import interval, lean_of, tier_sigma  # noqa: E402
from gpumix.predict.inference import predict_inference  # noqa: E402
from gpumix.predict.rows import asked_of  # noqa: E402
from measured import read_rows  # noqa: E402

DOCS = ROOT / "docs"
RATES = ("output_tok_s_total", "total_tok_s_total", "requests_s", "prefill_tok_s")
ASKED = (
    "throughput of a burst", "TPOT and ITL, closed loop", "TTFT, closed loop", "TTFT, open load",
    "decode step (static batch)", "TTFT of a prefill (static batch)", "TPOT of a single stream",
)  # fmt: skip
PLOTTED_EVERY = 4
"""Every so many rows become a point, so that the drawings stay small."""

Rows = list[dict[str, str]]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def summary(error: Floats) -> str:
    """`n, median, mean, p90` of relative errors as Markdown cells; empty where there is none."""
    known = error[np.isfinite(error)]
    if not len(known):
        return "0 | - | - | -"
    middle, high = np.quantile(known, [0.5, 0.9])
    return f"{len(known)} | {middle:.1%} | {known.mean():.1%} | {high:.1%}"


class Measured:
    """The usable rows, what is predicted for them, and masks to slice them by."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        everything = read_rows("inference.csv.gz")
        self.rows: Rows = [row for row in everything if row["usable"] == "yes"]
        columns = {name: [row[name] for row in self.rows] for name in self.rows[0]}
        self.out = predict_inference(columns, catalog=catalog)
        self.value = np.array([float(row["value"]) for row in self.rows])
        self.error = np.abs(self.out["value"] / self.value - 1.0)
        self.model = [catalog.models[row["model"]] for row in self.rows]
        self.media = np.array([model.is_denoiser for model in self.model])
        self.rate = self.where(lambda r: r["metric"] in RATES) & ~self.media
        self.dev = self.where(lambda r: r["split"] == "dev")
        self.generation = [
            engine_generation(
                r["engine"], r["engine_version"], r["weight_precision"],
                catalog.gpus[r["gpu"]].vendor, catalog.gpus[r["gpu"]].architecture,
            )[0]
            for r in self.rows
        ]  # fmt: skip
        self.modern = np.array([name in fit_priors.MODERN for name in self.generation])

    def where(self, test: Callable[[dict[str, str]], bool]) -> Mask:
        """Rows that pass a test."""
        return np.array([test(row) for row in self.rows])

    def line(self, name: str, mask: Mask, target: str) -> str:
        """One line of the table."""
        return f"| {name} | {target} | {summary(self.error[mask])} |"

    def held(self, name: str, mask: Mask) -> str:
        """One line of the table of intervals."""
        inside = (self.value >= self.out["low"]) & (self.value <= self.out["high"])
        return f"| {name} | {mask.sum()} | {inside[mask].mean():.1%} |"


def reached(m: Measured) -> str:
    """The table of issue 3 on the public predictions."""
    tpot = m.where(
        lambda r: r["load"] == "concurrency" and r["metric"].split("_")[0] in ("tpot", "itl")
    )
    step = m.where(lambda r: r["load"] == "static_batch" and r["metric"].startswith("tpot"))
    first = m.where(lambda r: r["load"] == "static_batch" and r["metric"].startswith("ttft"))
    alone = m.where(lambda r: r["load"] == "concurrency" and r["metric"].startswith("ttft"))
    running = m.out["limit"] != "kv_memory"
    lines = [
        f"Coverage: {np.isfinite(m.out['value']).mean():.1%} of {len(m.rows)} usable rows.",
        "",
        "| slice | target | rows | median | mean | p90 |",
        "|---|---|---|---|---|---|",
        m.line("throughput, dev", m.rate & m.dev, "6 / 12 / 28 %"),
        m.line("throughput, calib", m.rate & ~m.dev, ""),
        m.line("throughput, modern engines, dev", m.rate & m.dev & m.modern, ""),
        m.line("throughput, modern engines, calib", m.rate & ~m.dev & m.modern, ""),
        m.line("TPOT and ITL, closed loop", tpot, "12 %"),
        m.line("decode step (static batch)", step, "12 %"),
        m.line("TTFT of a prefill (static batch)", first, "10 %"),
        m.line("TTFT, closed loop, nothing waiting for memory", alone & running, ""),
        m.line("samples/s, media, dev", m.media & m.dev, "20 %"),
        m.line("samples/s, media, calib", m.media & ~m.dev, "20 %"),
        "",
        "| 80 % interval holds | rows | share |",
        "|---|---|---|",
        m.held("dev rows", m.dev & ~m.media),
        m.held("dev rows, throughput", m.dev & m.rate),
        m.held("dev rows, throughput, modern engines", m.dev & m.rate & m.modern),
        m.held("all usable rows, media included", np.ones(len(m.rows), dtype=bool)),
    ]
    return "\n".join(lines)


def slices(m: Measured) -> str:
    """Throughput by source, GPU, engine, family, length and batch: worst first."""

    def lengths(row: dict[str, str]) -> str:
        total = float(row["input_len"] or 0) + float(row["output_len"] or 0)
        return next(
            f"<= {edge} tokens" for edge in (512, 2048, 8192, 10**9) if total <= edge
        ).replace(str(10**9), "any")

    def batch(row: dict[str, str]) -> str:
        size = float(row["load_value"] or 0)
        return next(
            name
            for edge, name in (
                (0, "queue"),
                (4, "1-4"),
                (32, "5-32"),
                (128, "33-128"),
                (1e9, ">128"),
            )
            if size <= edge
        )

    keys: dict[str, list[str]] = {
        "source": [row["source_id"] for row in m.rows],
        "GPU": [row["gpu"] for row in m.rows],
        "engine": m.generation,
        "family": [model.family for model in m.model],
        "length": [lengths(row) for row in m.rows],
        "batch": [batch(row) for row in m.rows],
        "load": [row["load"] for row in m.rows],
    }
    out = []
    for name, values in keys.items():
        column = np.array(values)
        found = [
            (float(np.nanmedian(m.error[here])), value, here)
            for value in np.unique(column[m.rate])
            if (here := (column == value) & m.rate).sum() >= 5
        ]
        out += ["", f"| {name} | rows | median | mean | p90 |", "|---|---|---|---|---|"]
        ranked = sorted(found, key=lambda one: -one[0])
        out += [f"| {value} | {summary(m.error[here])} |" for _, value, here in ranked]
    return "\n".join(out)


def misses(m: Measured) -> str:
    """What is predicted of rows whose whole group no constant has seen, by what is asked."""
    data = fit_left_out.everything()[1]
    found = fit_left_out.left_out_errors()

    def rows(test: Callable[[dict[str, str]], bool]) -> Mask:
        return np.array([test(dict(row)) for row in data.rows])

    rate = rows(lambda r: r["metric"] in RATES)
    moe = rows(lambda r: m.catalog.models[r["model"]].is_moe)
    asked = [
        ("throughput", rate),
        ("throughput, dense", rate & ~moe),
        ("throughput, MoE", rate & moe),
    ]
    words = np.array([asked_of(row["metric"], row["load"]) for row in data.rows])
    asked += [(name, words == name) for name in ASKED]
    lines = [
        "Median, mean and 90th percentile of the error; each group is predicted by constants "
        "fitted to all others.",
        "",
        "| asked | left out | rows | median | mean | p90 |",
        "|---|---|---|---|---|---|",
    ]
    for name, mask in asked:
        for kind in fit_left_out.KINDS:
            error = np.abs(np.expm1(found[kind][mask]))
            lines.append(f"| {name} | {kind} | {summary(error)} |")
    return "\n".join(lines)


def left_out(m: Measured) -> str:
    """Whole GPUs, families and sources left out of the fit, and how often the interval holds."""
    data = fit_left_out.everything()[1]
    found = fit_left_out.left_out_errors()
    rate = np.array([row["metric"] in RATES for row in data.rows])
    gpu, source = (np.array([row[name] for row in data.rows]) for name in ("gpu", "source_id"))
    moe = np.array([m.catalog.models[row["model"]].is_moe for row in data.rows])

    def line(name: str, target: str, kind: str, mask: Mask) -> str:
        return f"| {name} | {target} | {summary(np.abs(np.expm1(found[kind][mask])))} |"

    lines = [
        "Every refit starts at the priors and runs until steps with fresh slopes gain less than "
        "0.03 % of the loss. The "
        "width of the intervals is set on these same rows: that of engines known on GPUs, families "
        "and sources left out, that of unknown ones on engines left out. Pages that print one "
        "command for all the set-ups they compare (gpustack's without an engine version) are "
        "neither fitted nor judged here, but below. `aic-silicon` and `inferencex` share runs of "
        "MiniMax-M2.5, so each alone is not wholly unseen; above, beside others, they are left out "
        "together.",
        "",
        "| left out | target | rows | median | mean | p90 |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("a100-sxm-80gb", "a100-sxm-40gb", "h200-sxm-141gb", "l40s-48gb", "b200-sxm-180gb",
                 "h100-sxm-80gb", "mi300x-192gb", "b300-sxm-268gb", "rtx4090-24gb"):  # fmt: skip
        lines.append(line(f"GPU {name}", "14 %", "gpu", (gpu == name) & rate))
    lines.append(line("one dense model family", "11 %", "family", ~moe & rate))
    lines.append(line("one MoE model family", "18 %", "family", moe & rate))
    lines.append(line("one source, all", "15 %", "source", rate))
    for what, target, kind in ((", throughput", "14 %", rate), (", latencies", "", ~rate)):
        for name in np.unique(source[kind & np.isfinite(found["source"])]):
            lines.append(line(f"source {name}{what}", target, "source", (source == name) & kind))
    lines += ["", coverage(data, found, m.catalog, gpu)]
    return "\n".join(lines)


def coverage(
    data: fit_inference.Bench,
    found: dict[str, Floats],
    catalog: Catalog,
    gpu: npt.NDArray[np.str_],
) -> str:
    """Share of left-out rows inside their 80 % interval, overall, by kind of group and by GPU."""
    labels = fit_left_out.labels_of(data, catalog)
    tables, routed = catalog.coefficients.inference, labels["model"] == "moe"
    held = {}
    for kind, error in found.items():
        engine = np.full(len(gpu), "other") if kind == "engine" else labels["engine"]
        sigma = tier_sigma(tables, labels["quantity"], labels["architecture"], engine, routed)
        low, high = interval(np.ones(len(gpu)), sigma, lean_of(tables, labels["quantity"]))
        held[kind] = (np.exp(-error) >= low) & (np.exp(-error) <= high)
    everywhere = np.ones(len(gpu), dtype=bool)
    names: list[tuple[str, tuple[str, ...], Mask]] = [
        ("all left-out rows", tuple(found), everywhere),
        *((f"one {kind} left out", (kind,), everywhere) for kind in found),
        *((label, tuple(found), np.char.startswith(gpu, label.lower()))
          for label in ("H100", "A100", "L40S")),
    ]  # fmt: skip
    lines = ["| 80 % interval holds | rows | share |", "|---|---|---|"]
    for name, kinds, mask in names:
        inside = np.concatenate([held[kind][mask & np.isfinite(found[kind])] for kind in kinds])
        lines.append(f"| {name} | {len(inside)} | {inside.mean():.1%} |")
    return "\n".join(lines)


def pairs(m: Measured) -> str:
    """The same work on two GPUs: error of the predicted ratio, and who wins."""
    by_work: dict[tuple[str, str, str], dict[str, list[int]]] = {}
    for i, row in enumerate(m.rows):
        if m.rate[i] and row["work_key"]:
            key = (row["work_key"], row["weight_precision"], row["metric"])
            by_work.setdefault(key, {}).setdefault(row["gpu"].split("-")[0], []).append(i)
    lines = ["| pair | target | rows | median | mean | p90 | right winner |", "|---|" + "---|" * 6]
    for one, other, target in (("h100", "a100", "5 %"), ("l40s", "h100", "8 %"),
                               ("l40s", "a100", "6 %")):  # fmt: skip
        error, right = [], []
        for (work, _, metric), gpus in by_work.items():
            found = gpus.get(one, [])
            there = [
                i
                for (w, _, k), g in by_work.items()
                if w == work and k == metric
                for i in g.get(other, [])
            ]
            for a in found:
                for b in there:
                    true = m.value[a] / m.value[b]
                    guess = m.out["value"][a] / m.out["value"][b]
                    error.append(abs(guess / true - 1.0))
                    if abs(true - 1.0) > 0.1:
                        right.append((guess > 1.0) == (true > 1.0))
        share = f"{np.mean(right):.1%}" if right else "-"
        lines.append(f"| {one}:{other} | {target} | {summary(np.array(error))} | {share} |")
    return "\n".join(lines)


def three_points(m: Measured, prior: Shrinkage, seed: int = 0) -> str:
    """Three measurements of a deployment given, the rest of it predicted."""
    random = np.random.default_rng(seed)
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, row in enumerate(m.rows):
        if m.rate[i] and np.isfinite(m.out["value"][i]):
            names = (
                "source_id",
                "gpu",
                "model",
                "n_gpus",
                "tp",
                "weight_precision",
                "engine_version",
            )
            groups.setdefault(tuple(row[n] for n in names), []).append(i)
    before, after = [], []
    for key, members in groups.items():
        if len(members) < 6:
            continue
        given = random.choice(members, 3, replace=False)
        rest = [i for i in members if i not in given]
        log_error = np.log(m.value[given] / m.out["value"][given])
        known, targets = (_places(m, rows, "|".join(key)) for rows in (given, rest))
        moved = shift(known, log_error, targets, np.full(len(rest), 0.25), prior)
        before += m.error[rest].tolist()
        predicted = m.out["value"][rest] * np.exp(moved.log_factor)
        after += np.abs(predicted / m.value[rest] - 1.0).tolist()
    return "\n".join(
        [
            "| three points of one deployment given | target | rows | median | mean | p90 |",
            "|---|---|---|---|---|---|",
            f"| before | | {summary(np.array(before))} |",
            f"| after | 7 % | {summary(np.array(after))} |",
        ]
    )


def _places(m: Measured, rows: Sequence[int], deployment: str) -> Places:
    def number(name: str, other: float) -> npt.NDArray[np.float64]:
        return np.array([float(m.rows[i][name] or other) for i in rows])

    return Places(
        engine=np.array([m.generation[i] for i in rows]),
        gpu=np.array([m.rows[i]["gpu"] for i in rows]),
        deployment=np.full(len(rows), deployment),
        quantity=np.full(len(rows), "throughput"),
        input_len=number("input_len", 1.0),
        output_len=number("output_len", 1.0),
        batch=number("load_value", 256.0),
    )


def beside_roofline(m: Measured) -> str:
    """gpumix and a plain roofline on the same rows, in one run."""
    text = np.flatnonzero(~m.media)
    rows = [m.rows[i] for i in text]
    data = fit_inference.bench(rows, m.catalog, m.catalog.coefficients)
    metric = np.array([row["metric"].split("_")[0] for row in rows])
    sign = np.where(np.isin(metric, ("ttft", "tpot", "itl", "e2e")), -1.0, 1.0)
    best = np.full(len(rows), np.nan)
    np.fmax.at(best, data.source, peers.roofline(data.dep, data.questions) * sign[data.source])
    error = np.abs(best * sign / m.value[text] - 1.0)
    ours = np.where(np.isfinite(error), m.error[text], np.nan)
    lines = ["| slice | predictor | rows | median | mean | p90 |", "|---|---|---|---|---|---|"]
    for name, mask in (
        ("throughput, dev", (m.rate & m.dev)[text]),
        ("throughput, calib", (m.rate & ~m.dev)[text]),
        ("TPOT and ITL", np.isin(metric, ("tpot", "itl"))),
        ("TTFT", metric == "ttft"),
    ):
        lines.append(f"| {name} | gpumix | {summary(ours[mask])} |")
        lines.append(f"| {name} | roofline at 100 % of the peaks | {summary(error[mask])} |")
    return "\n".join(lines)


def power(catalog: Catalog) -> str:
    """GPU watts while serving, and joules per output token."""
    rows = [
        row
        for row in read_rows("energy.csv.gz")
        if row["usable"] == "yes"
        and row["power_scope"].startswith("GPU")
        and row["source_id"] != "argonne-lib"
        and row["model"] in catalog.models
        and row["avg_power_w"]
    ]
    lines = ["| power | target | rows | median | mean | p90 |", "|---|---|---|---|---|---|"]
    for name, metric, column, target in (
        ("GPU power", "avg_power_w", "avg_power_w", "10 %"),
        ("joules per output token", "joules_per_output_token", "joules_per_output_token", "15 %"),
    ):
        for label, denoiser in (("text", False), ("media", True)):
            here = [
                row
                for row in rows
                if row[column] and catalog.models[row["model"]].is_denoiser == denoiser
            ]
            if not here:
                continue
            points: dict[str, Sequence[object]] = {
                name: [row.get(name, "") for row in here] for name in here[0]
            }
            points = {**points, "metric": [metric] * len(here)}
            value = predict_inference(points, catalog=catalog)["value"]
            error = np.abs(value / np.array([float(row[column]) for row in here]) - 1.0)
            lines.append(f"| {name}, {label} | {target} | {summary(error)} |")
    return "\n".join(lines)


def plots(m: Measured) -> str:
    """Predicted against measured by GPU; error by length and batch. Two SVG files in docs/."""
    import vl_convert

    points = [
        {
            "measured": m.value[i],
            "predicted": float(m.out["value"][i]),
            "gpu": row["gpu"].split("-")[0],
            "error": float(np.log(m.out["value"][i] / m.value[i])),
            "tokens": float(row["input_len"] or 1) + float(row["output_len"] or 1),
            "batch": row["load"] if not row["load_value"] else "given",
        }
        for i, row in enumerate(m.rows)
        if m.rate[i] and np.isfinite(m.out["value"][i]) and i % PLOTTED_EVERY == 0
    ]
    log = {"type": "log"}
    against = {
        "data": {"values": points}, "width": 420, "height": 320,
        "mark": {"type": "point", "size": 8, "opacity": 0.5},
        "encoding": {
            "x": {"field": "measured", "type": "quantitative", "scale": log,
                  "title": "measured tokens/s"},
            "y": {"field": "predicted", "type": "quantitative", "scale": log,
                  "title": "predicted tokens/s"},
            "color": {"field": "gpu", "type": "nominal", "title": "GPU"},
        },
    }  # fmt: skip
    spread = {
        "data": {"values": points}, "width": 420, "height": 240,
        "mark": {"type": "boxplot", "extent": 1.5, "outliers": {"size": 3}},
        "transform": [{"calculate": "pow(2, round(log(datum.tokens) / log(2)))", "as": "size"}],
        "encoding": {
            "x": {"field": "size", "type": "ordinal", "title": "input + output tokens"},
            "y": {"field": "error", "type": "quantitative", "title": "log(predicted / measured)",
                  "scale": {"domain": [-1, 1], "clamp": True}},
            "color": {"field": "batch", "type": "nominal", "title": "load"},
        },
    }  # fmt: skip
    for name, spec in (("accuracy-gpus", against), ("accuracy-lengths", spread)):
        drawn = vl_convert.vegalite_to_svg(json.dumps(spec))
        (DOCS / f"{name}.svg").write_text(drawn, encoding="utf-8")
    return (
        "![Predicted against measured throughput by GPU](accuracy-gpus.svg)\n\n"
        "![Error by length and kind of load](accuracy-lengths.svg)"
    )


def inference(catalog: Catalog) -> str:
    """The whole section on inference."""
    m = Measured(catalog)
    parts = [
        ("Misses first: what nothing like it was fitted on", misses(m)),
        (beside_peers.TITLE, beside_peers.section(fit_left_out.left_out_errors()["source"])),
        ("Left out of the fit", left_out(m)),
        ("Reached", reached(m)),
        ("The same work on two GPUs", pairs(m)),
        ("With three measurements of your own", three_points(m, catalog.shrinkage["inference"])),
        ("Beside a plain roofline, fitted rows", beside_roofline(m)),
        ("Power", power(catalog)),
        ("Plots", plots(m)),
        ("Slices, worst first", slices(m)),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def main() -> None:
    """Write docs/accuracy.md."""
    catalog = load()
    DOCS.mkdir(exist_ok=True)
    parts = [
        "# Accuracy: predictions against measurements",
        "Error = |predicted - measured| / measured over usable rows. Written by `make accuracy`.",
        f"Constants: {catalog.coefficients.fitted_on}.",
        "## Inference",
        inference(catalog),
    ]
    for extra in sorted(Path(__file__).parent.glob("accuracy_*.py")):
        title = extra.stem.removeprefix("accuracy_").capitalize()
        parts += [f"## {title}", importlib.import_module(extra.stem).section(catalog)]
    text = "\n\n".join(parts) + "\n"
    (DOCS / "accuracy.md").write_text(text, encoding="utf-8")
    told = next(one for one in text.split("\n### ") if one.startswith(beside_peers.TITLE))
    beside_peers.write(told.removeprefix(beside_peers.TITLE).strip())
    print(text)


if __name__ == "__main__":
    main()
