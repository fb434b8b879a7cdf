"""A run as rows of the points contract, with what the command line states about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpumix.catalog import Catalog
from gpumix.errors import Problem
from gpumix.inventory.results.run import Run
from gpumix.inventory.results.setting import Stated, setting_of, with_lengths
from gpumix.units import MS

SERVING = (
    "gpu", "n_gpus", "tp", "pp", "dp", "ep", "model", "weight_precision", "kv_precision", "engine",
    "engine_version", "input_len", "output_len", "load", "load_value", "metric", "dataset", "slo",
)  # fmt: skip
TRAINING = (
    "gpus_per_node", "inter_gbps_per_node", "seq_len", "global_batch", "micro_batch", "cp", "vp",
    "lora_rank", "task", "precision", "stack", "sharding", "activation_ckpt", "intra_link",
    "lora_targets",
)  # fmt: skip
COLUMNS = ("id", *SERVING, *TRAINING, "value", "source")
"""Columns of a measured row: the points contracts' questions, the measured value, the file."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Measured rows of a run; what was assumed, and what must be confirmed before they count."""

    rows: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    counts_gpus: bool = True


def rows_of(run: Run, stated: Stated, catalog: Catalog, problems: list[Problem]) -> Rows:
    """Measured rows of a run; what is missing or contradicts is added to `problems`."""
    known = len(problems)
    run = with_lengths(run, stated, problems)
    setting = setting_of(run, stated, catalog, problems)
    if len(problems) > known:
        return Rows()
    rows = tuple(
        setting.cells | {"metric": metric, "value": f"{value:.9g}"}
        for metric, value in _figures(run)
    )
    return Rows(rows, setting.notes, setting.doubts, setting.counts_gpus)


def _figures(run: Run) -> Iterator[tuple[str, float]]:
    """Metrics of the points contract, in its units: rates per s, latencies in ms."""
    figures = {
        "output_tok_s_total": run.output_tokens_per_s,
        "total_tok_s_total": run.requests_per_s * (run.input_len + run.output_len),
        "requests_s": run.requests_per_s,
        **run.figures,
    }
    for name, values in run.latency_s.items():
        figures |= {f"{name}_ms_{statistic}": value / MS for statistic, value in values.items()}
    for metric, value in figures.items():
        if value > 0.0:
            yield metric, value
