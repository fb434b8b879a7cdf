"""gpumix beside others on the same rows, none fitted on them -> docs/peers.md, docs/accuracy.md.

gpumix predicts each row with constants fitted without its whole source. aiconfigurator's answers
are in docs/peers.csv (beside_aiconfigurator.py). Part of `make accuracy`; alone it takes minutes
and writes the one section anew.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import fit_left_out  # noqa: E402
import peers  # noqa: E402
from beside_aiconfigurator import ANSWERS, SAMPLES  # noqa: E402
from gpumix.files import read_rows  # noqa: E402

DOCS = ROOT / "docs"
TITLE = "Beside others, none fitted on the rows"
RULES = {("h100", "a100"): ("2 to 3 times", 2.5), ("l40s", "h100"): ("50 to 60 %", 0.55)}
"""Rules of thumb for tokens/s, as said and their middle. Source: "GPU Economics 2026: H100 vs A100
vs L40S", which the project makes real."""

SAME_RUNS = ("source:aic-silicon", "source:inferencex")
"""Sources that hold figures of the same runs: left out together."""

THEIRS = {"tpot": "tpot_ms", "ttft": "ttft_ms"}
PREDICTORS = ("gpumix", "aiconfigurator 0.12.0", "roofline at 100 % of the peaks")
Floats = npt.NDArray[np.float64]


def summary(error: Floats) -> str:
    """`n, median, mean, p90` of relative errors as Markdown cells."""
    if not len(error):
        return "0 | - | - | -"
    middle, high = np.quantile(error, [0.5, 0.9])
    return f"{len(error)} | {middle:.1%} | {error.mean():.1%} | {high:.1%}"


def rooflines() -> Floats:
    """A plain roofline's value of every calibration row; the best layout where none is stated."""
    _, data, _ = fit_left_out.everything()
    metric = np.array([row["metric"].split("_")[0] for row in data.rows])
    sign = np.where(np.isin(metric, ("ttft", "tpot", "itl", "e2e")), -1.0, 1.0)
    best = np.full(len(data.rows), np.nan)
    np.fmax.at(best, data.source, peers.roofline(data.dep, data.questions) * sign[data.source])
    return np.asarray(best * sign)


def same_rows(log_error: Floats, roofline: Floats) -> list[str]:
    """Lines of the table: closed loops that aiconfigurator was asked about."""
    catalog, data, _ = fit_left_out.everything()
    place = {row["id"]: i for i, row in enumerate(data.rows)}
    answers = read_rows(ANSWERS)
    lines = [
        "| figure | source | models | predictor | rows | median | mean | p90 |",
        "|---|---|---|---|" + "---|" * 4,
    ]
    for source, metric, _ in SAMPLES:
        for name in (metric, "ttft") if metric.startswith("tpot") else (metric,):
            twins = (one["id"].replace("|tpot", f"|{name[:4]}") for one in answers)
            found = [
                (place[twin], one)
                for twin, one in zip(twins, answers, strict=True)
                if twin in place and data.rows[place[twin]]["source_id"] == source
            ]
            at = np.array([i for i, _ in found])
            theirs = np.array([_theirs(one, data.rows[i]) for i, one in found])
            values = np.array([np.exp(log_error[at]) * data.measured[at], theirs, roofline[at]])
            known = np.isfinite(values).all(axis=0)
            moe = np.array([catalog.models[data.rows[i]["model"]].is_moe for i in at])
            figure = name[:4].upper() if name[:4] in THEIRS else "throughput"
            kinds = (("dense", known & ~moe), ("MoE", known & moe))
            for models, here in [one for one in kinds if one[1].any()]:
                for who, value in zip(PREDICTORS, values, strict=True):
                    error = np.abs(value / data.measured[at] - 1.0)[here]
                    lines.append(f"| {figure} | {source} | {models} | {who} | {summary(error)} |")
    return lines


def _theirs(answer: Mapping[str, str], row: Mapping[str, str]) -> float:
    name = THEIRS.get(row["metric"].split("_")[0])
    if name:
        return float(answer[name])
    tokens = float(row["output_len"])
    share = (
        (tokens + float(row["input_len"])) / tokens if row["metric"].startswith("total") else 1.0
    )
    return float(answer["output_tok_s"]) * share


def pairs(log_error: Floats, roofline: Floats) -> list[str]:
    """Lines of the table: the same work on two GPUs, and what a rule of thumb says of it."""
    _, data, _ = fit_left_out.everything()
    by_work: dict[tuple[str, str], dict[str, list[int]]] = {}
    for i, row in enumerate(data.rows):
        if row["work_key"] and row["metric"].endswith("_total") and np.isfinite(log_error[i]):
            key = row["work_key"], row["metric"]
            by_work.setdefault(key, {}).setdefault(row["gpu"].split("-")[0], []).append(i)
    lines = ["| pair | predictor | rows | median | mean | p90 |", "|---|---|" + "---|" * 4]
    for (one, other), (said, middle) in RULES.items():
        found = [
            (a, b)
            for gpus in by_work.values()
            for a in gpus.get(one, [])
            for b in gpus.get(other, [])
            if np.isfinite(roofline[a] * roofline[b])
        ]
        a, b = (np.array([pair[side] for pair in found]) for side in (0, 1))
        true = data.measured[a] / data.measured[b]
        for who, guess in (
            ("gpumix", true * np.exp(log_error[a] - log_error[b])),
            (PREDICTORS[2], roofline[a] / roofline[b]),
            (f"rule of thumb: {said}", np.full(len(a), middle)),
        ):
            lines.append(f"| {one}:{other} | {who} | {summary(np.abs(guess / true - 1.0))} |")
    return lines


def section(found: Floats) -> str:
    """The section on others; `found` is gpumix's log error of each row, its source left out."""
    _, _, groups = fit_left_out.everything()
    log_error = found.copy()
    log_error[np.any([groups[name] for name in SAME_RUNS], axis=0)] = fit_left_out.refit_without(
        *SAME_RUNS
    )
    roofline = rooflines()
    return "\n".join(
        [
            "Closed loops; gpumix's constants are fitted without the rows' whole source "
            "(`aic-silicon` and `inferencex`, which share runs, together). Errors "
            "are over the rows that all three answer. `aic-silicon` is aiconfigurator's own "
            "measured sample; of the other two sources neither knows a row. "
            "[How they were asked](peers.md).",
            "",
            *same_rows(log_error, roofline),
            "",
            "Throughput of the same work on two GPUs, as a ratio, precisions as measured:",
            "",
            *pairs(log_error, roofline),
        ]
    )


def page(told: str) -> str:
    """docs/peers.md."""
    answers = read_rows(ANSWERS)
    tpot = np.array([float(row["tpot_ms"]) for row in answers])
    seconds = np.array([float(row["seconds"]) for row in answers])
    asked = ", ".join(f"one closed loop in {every} of {source}" for source, _, every in SAMPLES)
    return (
        "# gpumix beside others\n\nWritten by `benchmarks/beside_peers.py` (part of `make "
        f"accuracy`).\n\n{told}\n\naiconfigurator 0.12.0 was asked once "
        "(`benchmarks/beside_aiconfigurator.py`, in an environment of its own; answers in "
        f"[peers.csv](peers.csv)): {asked}; bf16 and fp8 rows of one replica, H100, H200, B200, "
        f"B300, GB200. It answered {np.isfinite(tpot).sum()} of {len(tpot)} and took "
        f"{np.median(seconds):.0f} s a row (median, on a busy machine of two cores). It gets the "
        "row's model, system, backend, layout, lengths and concurrency (as its batch), its newest "
        "tables, and the widths of a dense model's products; everything else is its default. "
        "Models whose files it would fetch from a network stand as those it ships of the same "
        "shape (Llama 3.1 and 3.3); others without an answer are left out. Its newest tables are "
        "often of a later engine than the row's. Of MiniMax-M2.5 on B200 and B300 it says "
        "1.7 to 2.8 times the measured TPOT (medians by layout); on H100 and H200 1.1 to 1.2. Why "
        "was not looked into: it may be what it is asked.\n"
    )


def main() -> None:
    """Refit without each source, then write both pages' sections."""
    _, data, groups = fit_left_out.everything()
    log_error = np.full(len(data.rows), np.nan)
    for name in groups:
        if name.startswith("source:"):
            log_error[groups[name]] = fit_left_out.refit_without(name)
    write(section(log_error))


def write(told: str) -> None:
    """docs/peers.md, and the section of docs/accuracy.md."""
    (DOCS / "peers.md").write_text(page(told), encoding="utf-8")
    accuracy = DOCS / "accuracy.md"
    parts = accuracy.read_text(encoding="utf-8").split("\n### ")
    parts = [f"{TITLE}\n\n{told}\n" if one.startswith(TITLE) else one for one in parts]
    accuracy.write_text("\n### ".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
