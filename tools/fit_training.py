"""Fit the constants of the training engine to measured rows -> `training` of coefficients.json.

Only rows with split == calib and usable == yes are read. Constants are few and physical: a
fraction of peak per architecture and precision, a speed and a traffic per software stack, an
efficiency per link. Each starts from a published or known value and is pulled back towards it
(a Gaussian prior on its logarithm), so that a stack with three rows does not run away.

Called by tools/fit.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from gpumix.catalog.evidence import load_memory_terms
from gpumix.perf.training.job import LINKS
from gpumix.perf.training.memory import memory
from gpumix.perf.training.step import step
from gpumix.predict.training import interval_slices, vision_kind, vision_seconds
from gpumix.predict.training_rows import Table, resolve
from gpumix.units import GIB
from measured import recipes

Section = dict[str, dict[str, dict[str, float]]]
Fit = Callable[["Rows", Section, np.ndarray], Section]
"""Constants from rows, a start and the rows to take."""


def _stack(base: Mapping[str, float], **changed: float) -> dict[str, float]:
    return {**base, **changed}


def _part(bf16: float, fp8: float, fp4: float, attention: float, watts: float) -> dict[str, float]:
    return {
        "bf16": bf16, "fp8": fp8, "fp4": fp4, "attention": attention, "watts_per_tflop": watts,
    }  # fmt: skip


_MEGATRON = {
    "factor": 1.0, "touches": 1.0, "host_s_per_layer": 2e-4, "collective_s": 2e-5,
    "attention": 1.7, "dequantise_bytes": 8.0, "weight_bytes": 2.0, "gradient_bytes": 4.0,
    "optimizer_bytes": 12.0, "logit_bytes": 6.0, "activation_scale": 1.0,
    "sequence_parallel": 1.0, "model_parallel": 1.0, "interleaves": 1.0, "shards_weights": 0.0,
    "tuned": 1.0, "imbalance": 0.25, "base_bytes": 1.5e9, "adapter_bytes": 16.0,
    "selective_ckpt": 1.0, "fused_attention": 1.0, "exposed": 0.6,
    "moe_factor": 1.0, "sends_once": 0.0,
}  # fmt: skip
_FSDP = _stack(
    _MEGATRON, attention=1.0, gradient_bytes=4.0, weight_bytes=4.0, optimizer_bytes=8.0,
    logit_bytes=10.0, model_parallel=0.0, interleaves=0.0, shards_weights=1.0,
)  # fmt: skip
_PLAIN = _stack(
    _MEGATRON, factor=0.8, touches=2.5, host_s_per_layer=4e-3, attention=0.8,
    dequantise_bytes=25.0, weight_bytes=4.0, optimizer_bytes=14.0, logit_bytes=12.0,
    sequence_parallel=0.0, model_parallel=0.0, interleaves=0.0, shards_weights=-1.0, tuned=0.0,
    base_bytes=3e9, adapter_bytes=30.0, selective_ckpt=0.0,
)  # fmt: skip
# software before flash attention and fused kernels: Megatron-LM 2021, Megatron-DeepSpeed 2021
_LEGACY = _stack(
    _MEGATRON, factor=0.7, host_s_per_layer=5e-3, collective_s=1e-4, attention=0.7,
    sequence_parallel=0.0, interleaves=0.0, imbalance=0.1, tuned=0.0, base_bytes=4.5e9,
    selective_ckpt=0.0, fused_attention=0.0, exposed=1.0,
)  # fmt: skip

START: Section = {
    "architecture": {
        # bf16, fp8: measured maximum achievable matmul (ml-engineering, compute/accelerator);
        # watts_per_tflop: the SXM part's TDP over its dense 16-bit peak
        "Ampere": _part(0.869, 0.869, 0.869, 0.40, 1.282),
        "Hopper": _part(0.803, 0.709, 0.709, 0.27, 0.7075),
        "Ada Lovelace": _part(0.75, 0.70, 0.70, 0.35, 0.9667),
        "Blackwell": _part(0.75, 0.74, 0.60, 0.20, 0.4444),
        "Blackwell Ultra": _part(0.78, 0.745, 0.45, 0.30, 0.4889),
        "CDNA3": _part(0.514, 0.50, 0.50, 0.25, 0.5737),
        "unknown": _part(0.72, 0.68, 0.50, 0.27, 0.7),
    },
    "stack": {
        "megatron": dict(_MEGATRON),
        "megatron-bridge": _stack(_MEGATRON, sends_once=1.0),
        "nemo": dict(_MEGATRON),
        "mlperf": dict(_MEGATRON),
        "megatron-deepspeed": dict(_LEGACY),
        "paxml": _stack(_FSDP), "maxtext": _stack(_FSDP), "fsdp": _stack(_FSDP),
        "fsdp-composer": _stack(_FSDP), "litgpt-fsdp": _stack(_FSDP),
        "torchtitan": _stack(_FSDP, model_parallel=1.0),
        "nemo-automodel": _stack(_FSDP, model_parallel=1.0, sends_once=1.0),
        "torchtune": _stack(
            _FSDP, factor=0.9, host_s_per_layer=1e-3, shards_weights=-1.0, weight_bytes=2.0,
            gradient_bytes=1.0, optimizer_bytes=2.0, logit_bytes=0.5, base_bytes=7e8,
            selective_ckpt=0.0,
        ),
        "litgpt": _stack(_PLAIN), "hf-peft": _stack(_PLAIN), "hf-deepspeed": _stack(_PLAIN),
        "unknown": _stack(_FSDP, factor=0.75, model_parallel=1.0, shards_weights=-1.0),
    },
    "link": {
        "pcie": {"tensor": 0.32, "ring": 0.5, "exchange": 0.4},
        "nvlink-bridge": {"tensor": 0.45, "ring": 0.6, "exchange": 0.5},
        "nvlink": {"tensor": 0.6, "ring": 0.7, "exchange": 0.5},
        "nvlink-nvl72": {"tensor": 0.6, "ring": 0.7, "exchange": 0.5},
    },
    "kernel": {
        "all": {
            "touches": 8.0, "gemm_roofline": 1.5, "grouped_roofline": 0.7,
            "power_exponent": 0.25, "selective": 0.1, "lora_touches": 0.5, "fused_touches": 0.7,
            "logit_width": 1.0, "copy_touches": 1.0, "state_touches": 1.0,
            "moe_host_s_per_layer": 2e-3, "moe_stall": 0.2, "exchange_exposed": 0.4,
            "host_power": 4.0,
            "network_efficiency": 0.7, "expert_exchanges": 4.0, "expert_exchanges_once": 4.0,
            "straggler": 0.01,
            "optimizer_bytes": 26.0, "encoder_fill": 0.5, "calibration_trust": 0.4,
            "memory_fragmentation": 0.06, "memory_usable": 0.97,
            "working_layers": 2.0, "selective_kept": 0.5, "qlora_logits": 0.7,
        },
    },
    "vision": {
        "cnn": {"efficiency": 0.5, "bytes_per_flop": 0.042, "fp32_share": 0.5},
        "denoiser": {"efficiency": 0.5, "bytes_per_flop": 0.02, "fp32_share": 0.5},
    },
    "interval": {
        key: {"low": 0.8, "high": 1.25}
        for key in ("dense", "moe", "adapter tuned", "plain", "encoder", "vision", "memory")
    },
}  # fmt: skip
"""Where the fit starts, and what it is pulled back towards."""

TIME_SPREADS = {
    "architecture": {"bf16": 0.08, "fp8": 0.12, "fp4": 0.25, "attention": 0.25},
    "stack": {"factor": 0.2, "touches": 0.2, "host_s_per_layer": 0.7, "collective_s": 0.7,
              "attention": 0.2, "dequantise_bytes": 0.7, "imbalance": 0.5, "exposed": 0.4},
    "link": {"tensor": 0.4, "ring": 0.4, "exchange": 0.4},
    "kernel": {"touches": 0.5, "gemm_roofline": 0.7,
               "power_exponent": 0.5, "selective": 0.5, "lora_touches": 0.7,
               "fused_touches": 0.3, "logit_width": 0.5,
               "host_power": 0.5,
               "network_efficiency": 0.4, "straggler": 0.5,
               "optimizer_bytes": 0.5, "encoder_fill": 0.3},
}  # fmt: skip
EXPERT_SPREADS = {
    "stack": {"moe_factor": 0.15},
    "kernel": {"grouped_roofline": 0.7, "copy_touches": 0.5, "state_touches": 0.5,
               "moe_host_s_per_layer": 0.7, "moe_stall": 0.5, "exchange_exposed": 0.5,
               "expert_exchanges": 0.5, "expert_exchanges_once": 0.5},
}  # fmt: skip
MEMORY_SPREADS = {
    "stack": {"weight_bytes": 0.3, "gradient_bytes": 0.3, "logit_bytes": 0.4,
              "activation_scale": 0.4, "base_bytes": 0.5,
              "adapter_bytes": 0.7},
    "kernel": {"memory_fragmentation": 0.5, "working_layers": 0.5,
               "selective_kept": 0.4, "qlora_logits": 0.3},
}  # fmt: skip
VISION_SPREADS = {"efficiency": 0.4, "bytes_per_flop": 0.4}
"""How far a constant may leave its start: standard deviation of its logarithm."""

Path3 = tuple[str, str, str]


def free_parameters(
    start: Section, spreads: Mapping[str, Mapping[str, float]], keys: set[tuple[str, str]]
) -> list[tuple[Path3, float]]:
    """(table, key, constant) and spread of every constant that the rows can say something about."""
    return [
        ((table, key, name), spread)
        for table, names in spreads.items()
        for key in start[table]
        if table == "kernel" or (table, key) in keys
        for name, spread in names.items()
    ]


def with_values(section: Section, paths: Sequence[Path3], values: np.ndarray) -> Section:
    """A copy of `section` with the constants at `paths` set."""
    out = copy.deepcopy(section)
    for (table, key, name), value in zip(paths, values, strict=True):
        out[table][key][name] = float(value)
    return out


def solve(
    section: Section,
    parameters: Sequence[tuple[Path3, float]],
    predict: Callable[[Section], np.ndarray],
    measured: np.ndarray,
    weights: np.ndarray,
) -> Section:
    """Robust least squares of log(predicted / measured), with the priors as extra residuals."""
    paths = [p for p, _ in parameters]
    spread = np.array([s for _, s in parameters])
    centre = np.log([START[t][k][n] for t, k, n in paths])
    begin = np.log([section[t][k][n] for t, k, n in paths])

    def residuals(x: np.ndarray) -> np.ndarray:
        predicted = predict(with_values(section, paths, np.exp(x)))
        rows = residuals_of(predicted, measured, weights)
        return np.concatenate([rows, (x - centre) / spread])

    floor = np.array([FLOORS.get(n, -np.inf) for _, _, n in paths])
    ceiling = np.array([CEILINGS.get(n, np.inf) for _, _, n in paths])
    begin = np.clip(begin, floor + 1e-3, ceiling - 1e-3)
    found = least_squares(residuals, begin, bounds=(floor, ceiling), x_scale=spread,
                          max_nfev=EVALUATIONS, xtol=1e-5, ftol=1e-5)  # fmt: skip
    if not found.success:
        raise RuntimeError(f"the fit did not converge in {EVALUATIONS} evaluations")
    return with_values(section, paths, np.exp(found.x))


EVALUATIONS = 100
"""More than any fit needs to converge (10 to 40); one that does not is refused."""

NOISE = 0.06
"""Spread of repeats of one configuration, as a logarithm (2 to 7 % by the data's README)."""

FLOORS = {"host_power": np.log(1.0)}
CEILINGS = {name: np.log(1.0) for name in (
    "bf16", "fp8", "fp4", "tensor", "ring", "exchange", "network_efficiency", "encoder_fill",
    "exposed", "exchange_exposed")}  # fmt: skip
"""Logarithms of physical bounds: nothing overlaps less than not at all, nothing beats its peak."""


def residuals_of(predicted: np.ndarray, measured: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted residuals; their squares grow linearly for outliers: 2 (sqrt(1 + z^2) - 1)."""
    ratio = np.log(predicted / measured)
    loss = 2.0 * (np.sqrt(1.0 + (ratio / NOISE) ** 2) - 1.0)
    return np.asarray(np.sign(ratio) * np.sqrt(loss) * weights)


class Rows:
    """Measured rows resolved into jobs once, then predicted again and again."""

    def __init__(self, catalog: Any, columns: Mapping[str, Sequence[str]], section: Section,
                 metric: str = "") -> None:  # fmt: skip
        self.columns = dict(columns)
        if metric:
            self.columns = {**self.columns, "metric": [metric] * len(columns["id"])}
        self.table = Table(self.columns)
        self.resolved = resolve(self.table, catalog, section)
        at = self.resolved.rows
        name = metric or "value"
        self.metric = np.array([self.columns["metric"][r] for r in at])
        self.measured = np.array([float(columns[name][r]) for r in at])
        self.group = np.array([
            f"{columns['model'][r]} {columns['gpu'][r]} {columns['precision'][r]}" for r in at
        ])  # fmt: skip
        self.source = np.array([columns["source"][r].split()[0] for r in at])
        jobs = self.resolved.jobs
        self.stack = np.array(jobs.stacks)[jobs.stack]
        self.architecture = jobs.architecture
        same = [f"{g} {columns['n_gpus'][r]} {columns['task'][r]} {columns['stack'][r]}"
                for g, r in zip(self.group, at, strict=True)]  # fmt: skip
        _, inverse, counts = np.unique(same, return_inverse=True, return_counts=True)
        self.weight = counts[inverse] ** -0.25

    def keys(self, mask: np.ndarray) -> set[tuple[str, str]]:
        """Architectures, stacks and links that the rows of `mask` use."""
        jobs = self.resolved.jobs.take(mask)
        return (
            {("architecture", jobs.architectures[i]) for i in set(jobs.parts.architecture.tolist())}
            | {("stack", jobs.stacks[i]) for i in set(jobs.stack.tolist())}
            | {("link", LINKS[i]) for i in set(jobs.link.tolist())}
        )

    def predict(self, section: Section, mask: np.ndarray | None = None) -> np.ndarray:
        """Predictions of the rows of `mask`, in each row's own metric."""
        jobs, metric = self.resolved.jobs, self.metric
        if mask is not None:
            jobs, metric = jobs.take(mask), metric[mask]
        if (metric == "mem_gib_per_gpu").all():
            return memory(jobs, section).total_bytes / GIB
        time = step(jobs, section)
        return np.select(
            [metric == "samples_s_per_gpu", metric == "tflops_per_gpu"],
            [time.tokens_per_s_per_gpu / jobs.seq_len, time.tflops_per_gpu],
            time.tokens_per_s_per_gpu,
        )


def fit_times(rows: Rows, section: Section, mask: np.ndarray) -> Section:
    """Constants of the step fitted to the rows of `mask`, starting from `section`.

    What all jobs share comes from rows without experts; rows with experts then move only what
    they alone have, so that they cannot spoil the others.
    """
    routed = rows.resolved.jobs.shapes.experts > 0
    section = fit_rows(rows, section, mask & ~routed, TIME_SPREADS)
    return fit_rows(rows, section, mask & routed, EXPERT_SPREADS)


def fit_memory(rows: Rows, section: Section, mask: np.ndarray) -> Section:
    """Constants of memory fitted to the rows of `mask`, starting from `section`."""
    return fit_rows(rows, section, mask, MEMORY_SPREADS)


def fit_rows(rows: Rows, section: Section, mask: np.ndarray,
             spreads: Mapping[str, Mapping[str, float]]) -> Section:  # fmt: skip
    """Constants named in `spreads` fitted to the rows of `mask`, starting from `section`."""
    parameters = free_parameters(section, spreads, rows.keys(mask))
    jobs_of = rows.resolved.jobs.take(mask)
    metric, measured = rows.metric[mask], rows.measured[mask]
    part = copy.copy(rows)
    part.resolved = type(rows.resolved)(rows.resolved.rows[mask], jobs_of, [], rows.resolved.vision)
    part.metric = metric
    return solve(section, parameters, part.predict, measured, rows.weight[mask])


FOLDS = 8
FEW = 4
"""A source, stack or architecture with fewer rows is not left out on its own."""

CENTRE = 0.8
"""Share of left-out rows that the printed interval must hold."""


def fit(catalog: Any, rows: Mapping[str, Sequence[str]]) -> Section:
    """The `training` section fitted to the calib rows among `rows` (columns of text).

    Constants of memory, and their interval, stay those of the catalogue: nearly all rows that told
    them have measured terms now, and the few others cannot tell five constants a stack.
    """
    columns = calibration_columns(rows)
    held = held_terms()
    kept = catalog.coefficients.training
    section = with_memory_of(START, kept) | held
    times = Rows(catalog, columns, section)
    everything = np.ones(len(times.measured), bool)
    section = fit_times(times, section, everything)
    for table, labels in (("stack", times.stack), ("architecture", times.architecture)):
        set_typical(section, table, labels)
    section = fit_vision(catalog, columns, section)
    times = Rows(catalog, columns, section)
    section["interval"] |= intervals(times, left_out(times))
    section["interval"]["memory"] = dict(kept["interval"]["memory"])
    for name, table, labels in (
        ("new stack", "stack", times.stack),
        ("new architecture", "architecture", times.architecture),
    ):
        predicted = left_out_whole(times, labels, table)
        section["interval"][name] = interval(times.measured / predicted, labels)
    count_rows(times, section)
    return rounded({name: table for name, table in section.items() if name not in held})


def with_memory_of(section: Section, kept: Mapping[str, Any]) -> Section:
    """A copy of `section` with the constants of memory that `kept` has."""
    out = copy.deepcopy(section)
    for table, names in MEMORY_SPREADS.items():
        for key, constants in out[table].items():
            constants |= {n: kept[table][key][n] for n in names if n in constants}
    return out


def memory_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Rows that tell the memory a job needs.

    Where a table prints both, the allocated peak is what is needed, and what the driver shows
    (`mem_gib_per_gpu`) holds the allocator's cache besides: such rows are no evidence here.
    """
    told = zip(columns["mem_gib_per_gpu"], columns["peak_alloc_gib"], strict=True)
    return chosen(columns, [bool(shown) and not allocated for shown, allocated in told])


@cache
def held_terms() -> dict[str, Any]:
    """Tables of the section that are measured, not fitted."""
    terms = load_memory_terms()
    return {"memory": terms["training"], "optimizer": terms["optimizer"]}


def calibration_columns(rows: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Rows that may be fitted: split == calib and usable == yes."""
    wanted = zip(rows["split"], rows["usable"], strict=True)
    kept = chosen(rows, [split == "calib" and usable == "yes" for split, usable in wanted])
    return with_targets(kept)


def with_targets(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The columns with what the table tells only in words: trained embeddings, fused kernels, the
    base and the optimizer of fine-tunes; and what its recipes tell."""
    rows = len(columns["id"])
    notes, features = (columns.get(name, [""] * rows) for name in ("notes", "stack_features"))
    return {
        **{k: list(v) for k, v in columns.items()},
        **recipes(columns),
        "lora_targets": [_told(note, _TARGETS) for note in notes],
        "optimizer": [_told(note, {"optimizer: bf16 weights": "adamw_bf16"}) for note in notes],
        "loss": [_told(told, _LOSSES) for told in features],
        "base_precision": [_told(told, {"nf4 double": "nf4"}) for told in features],
    }


_TARGETS = {"LoRA (emb)": "all+embeddings", "on q k v o": "attention"}
_LOSSES = {"fused linear cross-entropy": "linear", "fused ops": "fused"}


def _told(text: str, words: Mapping[str, str]) -> str:
    return next((word for said, word in words.items() if said in text), "")


def chosen(rows: Mapping[str, Sequence[str]], keep: Sequence[bool]) -> dict[str, list[str]]:
    """The columns of the rows to keep."""
    return {k: [x for x, yes in zip(v, keep, strict=True) if yes] for k, v in rows.items()}


def left_out(rows: Rows, fit_to: Fit = fit_times) -> np.ndarray:
    """Prediction of every row by constants fitted without its (model, GPU, precision) group.

    Each refit runs from START to convergence, so that it knows nothing of the group.
    """
    groups, inverse = np.unique(rows.group, return_inverse=True)
    fold = np.random.default_rng(0).integers(FOLDS, size=len(groups))[inverse]
    predicted = np.zeros(len(rows.measured))
    for number in range(FOLDS):
        held = fold == number
        without = fit_to(rows, START | held_terms(), ~held)
        predicted[held] = rows.predict(without, held)
    return predicted


def left_out_whole(rows: Rows, labels: np.ndarray, table: str = "") -> np.ndarray:
    """Prediction of every row by constants fitted without all rows of its label; NaN if few.

    `table`: the label's own entry is forgotten too, so that the typical one stands in for it.
    """
    predicted = np.full(len(rows.measured), np.nan)
    for label in np.unique(labels):
        held = labels == label
        if held.sum() < FEW:
            continue
        without = fit_times(rows, START | held_terms(), ~held)
        if table:
            del without[table][label]
            set_typical(without, table, labels[~held])
        predicted[held] = rows.predict(without, held)
    return predicted


def set_typical(section: Section, table: str, labels: np.ndarray) -> None:
    """What stands in for an unknown stack or architecture: geometric means of those with rows."""
    measured = [section[table][str(label)] for label in np.unique(labels)]
    for name in TIME_SPREADS[table] | EXPERT_SPREADS.get(table, {}):
        section[table]["unknown"][name] = float(
            np.exp(np.mean([np.log(constants[name]) for constants in measured]))
        )


def count_rows(rows: Rows, section: Section) -> None:
    """How many rows each stack and architecture rests on; none makes a prediction `modelled`."""
    for table, labels in (("stack", rows.stack), ("architecture", rows.architecture)):
        for key, constants in section[table].items():
            constants["rows"] = float((labels == key).sum())


def intervals(rows: Rows, predicted: np.ndarray) -> dict[str, dict[str, float]]:
    """Factors that hold the central 80 % of measured / predicted, by slice."""
    kinds = interval_slices(rows.resolved.jobs, rows.metric, START)
    ratio = rows.measured / predicted
    return {
        str(kind): interval(ratio[kinds == kind], rows.group[kinds == kind])
        for kind in np.unique(kinds)
    }


def interval(ratio: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Central 80 % of `ratio`, a group weighing as the root of its rows; wider for few rows.

    Quantiles at (1 - tail) (n + 1) / n of n rows. Source: conformal prediction, Vovk et al. 2005.
    """
    known = np.isfinite(ratio)
    ratio, groups = ratio[known], groups[known]
    _, at, counts = np.unique(groups, return_inverse=True, return_counts=True)
    tail = (1.0 - CENTRE) / 2.0
    high = min((1.0 - tail) * (1.0 + 1.0 / len(ratio)), 1.0)
    order = np.argsort(ratio)
    weight = (counts[at] ** -0.5)[order]
    place = (np.cumsum(weight) - weight / 2.0) / weight.sum()
    low, top = np.interp([1.0 - high, high], place, ratio[order])
    return {"low": float(low), "high": float(top), "rows": float(len(ratio))}


def fit_vision(catalog: Any, columns: Mapping[str, Sequence[str]], section: Section) -> Section:
    """Rates of convolutional networks and denoisers, and the interval of both."""
    at = [i for i, m in enumerate(columns["method"]) if m == "vision"]
    measured = np.array([float(columns["value"][i]) for i in at])
    questions = [_vision_question(catalog, columns, i) for i in at]
    kinds = {vision_kind(q["model"]) for q in questions}
    parameters = [(("vision", k, n), s) for k in sorted(kinds) for n, s in VISION_SPREADS.items()]

    def predict(candidate: Section) -> np.ndarray:
        seconds = [vision_seconds(constants=candidate, **q) for q in questions]
        return np.array([1.0 / s[0] for s in seconds if not isinstance(s, str)])

    everything = np.ones(len(at), bool)
    groups = np.array([f"{columns['model'][i]} {columns['gpu'][i]}" for i in at])
    names, inverse = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(0).integers(FOLDS, size=len(names))[inverse]
    predicted = np.zeros(len(at))
    for number in range(FOLDS):
        held = fold == number
        without = solve(section, parameters, lambda c, k=~held: predict(c)[k], measured[~held],
                        everything[~held])  # fmt: skip
        predicted[held] = predict(without)[held]
    fitted = solve(section, parameters, predict, measured, everything)
    fitted["interval"]["vision"] = interval(measured / predicted, groups)
    return fitted


def _vision_question(
    catalog: Any, columns: Mapping[str, Sequence[str]], row: int
) -> dict[str, Any]:
    def number(name: str) -> float:
        return float(columns[name][row] or "nan")

    return {
        "model": catalog.model(columns["model"][row]),
        "gpu": catalog.gpu(columns["gpu"][row]),
        "n_gpus": number("n_gpus"),
        "global_batch": number("global_batch"),
        "gpus_per_node": number("gpus_per_node"),
        "precision": columns["precision"][row],
        "inter_gbps_per_node": number("inter_gbps_per_node"),
        "intra_link": columns["intra_link"][row],
    }


def rounded(section: Section) -> Section:
    """Five significant digits: more would claim what the rows do not hold."""
    return {
        t: {k: {n: float(f"{v:.5g}") for n, v in names.items()} for k, names in keys.items()}
        for t, keys in section.items()
    }
