"""What `gpumix start` answers, in ten lines."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.comparison import ComparedGpu, Comparison, WinnerAt
from gpumix.domain.job import winner
from gpumix.domain.start import Started
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.report.views import comparison as comparison_view
from gpumix.report.views import training as training_view
from gpumix.units import HOURS_PER_MONTH

OTHERS_TOLD = 3
"""GPUs beside the cheapest."""


def lines(started: Started) -> list[str]:
    """The answer, at most ten lines, the cheapest first and the next command last."""
    found = started.found
    told = [f"Wrote {started.file}."]
    if started.assumed:
        told.append(f"Assumed because not stated: {'; '.join(started.assumed)}")
    if isinstance(found, Comparison):
        told += _served(found, started.bill_usd)
    elif found is not None:
        told += _trained(found, started)
    else:
        told.append(f"Nothing to compare: {started.why_not}")
    return [*told, f"Next: gpumix plan {started.file}"]


def _served(found: Comparison, bill_usd: float | None) -> list[str]:
    if not found.at_load:
        return [comparison_view.headline(found)]
    best, *others = found.at_load
    rows = {row.gpu: row for row in found.rows}
    told = [
        f"Cheapest: {_way(best)}, {_usd(_monthly(best))} a month, always on.",
        f"It carries {found.load_words} at {fields.format_value('utilisation', best.load)} load; "
        f"speed {_evidence(rows[best.gpu])}.",
    ]
    told += [f"  then {_way(one)}: {_usd(_monthly(one))}" for one in others[:OTHERS_TOLD]]
    if bill_usd is not None:
        told.append(_against(bill_usd, _monthly(best)))
    return [*told, *found.warnings[:1]]


def _trained(found: TrainingComparison, started: Started) -> list[str]:
    best = winner(found.pareto, 0.0)
    told = [training_view.headline(found)]
    if best is not None and started.runs_per_month is not None:
        monthly = best.usd_per_run * started.runs_per_month
        told.append(f"{started.runs_per_month:g} runs a month: {_usd(monthly)}.")
        if started.bill_usd is not None:
            told.append(_against(started.bill_usd, monthly))
    return [*told, *found.warnings[:1]]


def _against(bill_usd: float, monthly_usd: float) -> str:
    less = bill_usd - monthly_usd
    word = "less" if less >= 0.0 else "more"
    return f"That is {_usd(abs(less))} a month {word} than your bill of {_usd(bill_usd)}."


def _way(one: WinnerAt) -> str:
    return f"{one.replicas * one.tp} x {one.gpu} ({one.precision})"


def _evidence(row: ComparedGpu) -> str:
    predicted = row.output_tokens_per_s_per_gpu or row.sample_s
    if predicted is None:
        return "modelled"
    low, high = predicted.low / predicted.value - 1.0, predicted.high / predicted.value - 1.0
    return f"{predicted.basis.value}, {low:+.0%} to {high:+.0%} (80 %)"


def _monthly(one: WinnerAt) -> float:
    return one.usd_per_hour * HOURS_PER_MONTH


def _usd(usd: float) -> str:
    return fields.format_value("monthly_usd", usd)
