"""Fit of the inference constants on measured rows (split `calib`, usable).

`fit_text(catalog, rows)` returns the fit and the tables `inference` of coefficients.json.
Minimised: soft-L1 of log(predicted / measured) / 0.12, every (source, metric) weighted by
n^-1/2, plus quadratic priors around values typical of the hardware and of engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from gpumix.catalog import Catalog
from gpumix.catalog.evidence import load_memory_terms
from gpumix.domain.coefficients import Coefficients
from gpumix.perf.inference.deployment import Deployment, Setup, deployments, fitted
from gpumix.perf.inference.questions import Questions, answer
from gpumix.perf.links import THROUGH_HOST
from gpumix.predict.inference import cut_at, layouts_of, parse_slo

Tables = dict[str, dict[str, dict[str, float]]]
Row = Mapping[str, str]

NOISE = 0.12
"""Log error at which the loss turns from square to linear."""

RANGE_SIGMAS = 3.5
"""Constants may move this many prior standard deviations."""

US, MS = 1e-6, 1e-3


@dataclass(frozen=True)
class Prior:
    """A constant's typical value and the standard deviation of its logarithm."""

    value: float
    sigma: float


PART = {
    "mfu_16bit": Prior(0.70, 0.15),
    "mfu_8bit_ratio": Prior(0.80, 0.15),
    "mfu_4bit_ratio": Prior(0.62, 0.20),
    "mbu_16bit": Prior(0.82, 0.08),
    "mbu_8bit_ratio": Prior(0.92, 0.08),
    "mbu_4bit_ratio": Prior(0.85, 0.12),
    "mbu_kv": Prior(0.75, 0.12),
    "mfu_prefill": Prior(0.68, 0.12),
}
"""Efficiencies of an unseen architecture. Source: GEMM and attention tables, docs/inference.md."""

PART_SIGMA = {
    "mfu_16bit": 0.15, "mfu_8bit_ratio": 0.20, "mfu_4bit_ratio": 0.20, "mbu_16bit": 0.12,
    "mbu_8bit_ratio": 0.12, "mbu_4bit_ratio": 0.15, "mbu_kv": 0.15, "mfu_prefill": 0.15,
}  # fmt: skip
"""How far one architecture may deviate from the unseen one."""

ARCHITECTURES = ("Hopper", "Ampere", "Ada Lovelace", "Blackwell", "CDNA3")
LEVEL = "level"
"""What measured architectures deviate from."""

UNSEEN = {"mfu_16bit": 0.9, "mbu_16bit": 0.95, "mbu_kv": 0.9, "mfu_prefill": 0.85}
"""Caution where no measurement is: shares of the level an unknown architecture gets."""

BEFORE_AMPERE = {"mfu_16bit": 0.75, "mbu_16bit": 0.9, "mbu_kv": 0.7, "mfu_prefill": 0.5}
"""The same for Volta and Turing: no asynchronous copies, no FlashAttention-2, no bf16.

Source: FlashAttention-2 supports Ampere and later (its README); vLLM falls back to xFormers.
"""

SAME_ARCHITECTURE = {"Blackwell Ultra": "Blackwell", "CDNA4": "CDNA3"}

COMMON = {
    "half_tokens": Prior(20.0, 0.7),
    "half_span": Prior(1500.0, 0.4),
    "expert_half_tokens": Prior(20.0, 0.5),
    "expert_efficiency": Prior(0.65, 0.15),
    "expert_launch_s": Prior(25 * US, 0.5),
    "attention_launch_s": Prior(10 * US, 0.5),
    "activation_passes": Prior(12.0, 0.4),
    "state_passes": Prior(3.0, 0.4),
    "dequantise": Prior(1.3, 0.2),
    "routing_spread": Prior(0.9, 0.2),
    "kv_8bit": Prior(0.9, 0.08),
    "imbalance": Prior(0.3, 0.5),
    "special_layer_s": Prior(60 * US, 0.7),
    "itl_tail": Prior(1.3, 0.15),
    "ramp_down": Prior(0.06, 0.5),
    "burst_tail": Prior(1.4, 0.3),
    "ttft_tail": Prior(2.0, 0.2),
    "slo_headroom": Prior(1.35, 0.12),
    "slo_share": Prior(0.93, 0.03),
    "legacy_link_latency": Prior(2.0, 0.4),
    "first_wave": Prior(0.05, 0.3),
    "expert_passes": Prior(10.0, 0.5),
    "offline_host": Prior(0.16, 0.3),
}
HOST_LATENCY = 3.0
"""An all-reduce of GeForce cards takes 75-82 us on two and 90-125 us on four to eight of them at
batch 1 (RTX 4090, vLLM 0.8.5), where the latency of cards with peer-to-peer gives 21-42 us."""

LINK = {
    "nvlink": {"latency_s": Prior(8 * US, 0.4), "share": Prior(0.65, 0.2)},
    "nvlink 3": {"latency_s": Prior(12 * US, 0.4), "share": Prior(0.48, 0.2)},
    "fabric": {"latency_s": Prior(12 * US, 0.4), "share": Prior(0.5, 0.2)},
    "pcie": {"latency_s": Prior(22 * US, 0.4), "share": Prior(0.55, 0.25)},
}
ENGINE = {
    "step_s": Prior(1.5 * MS, 0.8),
    "layer_s": Prior(20 * US, 0.6),
    "sequence_s": Prior(30 * US, 0.8),
    "prompt_token_s": Prior(0.4 * US, 0.8),
    "request_s": Prior(1.0 * MS, 0.8),
    "first_token_s": Prior(15 * MS, 0.8),
    "lockstep": Prior(0.03, 1.0),
    "together": Prior(0.7, 0.6),
    "compute": Prior(1.0, 0.10),
    "bytes": Prior(1.0, 0.06),
    "kv": Prior(1.0, 0.08),
    "prefill": Prior(1.0, 0.10),
    "compute_8bit": Prior(1.0, 0.08),
    "link": Prior(1.0, 0.25),
    "experts": Prior(1.0, 0.15),
}
"""Constants of an unseen engine: the level all engines share."""

SHARED = ("compute", "bytes", "kv", "prefill", "compute_8bit", "link", "experts")
"""Levels held at 1: what all engines share of these is the architecture's or the link's."""

ENGINE_SIGMA = {
    "step_s": 0.7, "layer_s": 0.6, "sequence_s": 0.7, "prompt_token_s": 0.8, "request_s": 0.8,
    "first_token_s": 0.8, "lockstep": 1.0, "together": 0.6, "compute": 0.12, "bytes": 0.08,
    "kv": 0.12, "prefill": 0.15, "compute_8bit": 0.12, "link": 0.25, "experts": 0.20,
}  # fmt: skip
"""How far one engine generation may deviate from that level."""

PREFILLS_FIRST = {"lockstep": Prior(12.0, 0.4)}
EAGER = {"layer_s": Prior(2.0, 0.6), "step_s": Prior(1.0, 0.9)}
"""Deviations known beforehand: prompts before answers; no CUDA graphs."""

ENGINES: dict[str, dict[str, Prior]] = {
    "tensorrt-llm 0.5": {},
    "tensorrt-llm 0.10": {},
    "tensorrt-llm 1": {},
    "vllm 0.3": EAGER,
    "vllm 0.3 rocm": EAGER
    | {"compute": Prior(0.08, 0.6), "kv": Prior(0.5, 0.4), "bytes": Prior(0.8, 0.15)},
    "vllm 0.9": {},
    "sglang 0.5": PREFILLS_FIRST,
    "lmdeploy 0.2": PREFILLS_FIRST,
    "deepspeed-mii": {"step_s": Prior(3.0, 0.7)},
    "llama.cpp": {"prompt_token_s": Prior(5.0, 0.9)},
    "mlc-llm": {},
}
LEGACY = (
    "tensorrt-llm 0.5",
    "tensorrt-llm 0.10",
    "vllm 0.3",
    "vllm 0.3 rocm",
    "vllm 0.6",
    "lmdeploy 0.2",
    "deepspeed-mii",
    "mlc-llm",
)
MODERN = ("tensorrt-llm 1", "vllm 0.9", "sglang 0.5")

BY_HAND: dict[str, dict[str, float]] = {
    "": {
        "chunk_tokens": 8192.0, "max_sequences": 2048.0, "output_share": 0.775, "front_s": 0.0,
    },
    "tensorrt-llm": {"output_share": 1.0},
    "vllm": {
        "max_sequences": 1024.0, "max_sequences_small": 256.0, "chunk_tokens_small": 2048.0,
    },
    "sglang": {"chunk_tokens_small": 4096.0, "front_s": 6.2 * MS},
    "vllm 0.3": {"max_sequences": 256.0},
    "vllm 0.3 rocm": {"max_sequences": 256.0},
    "vllm 0.6": {"max_sequences": 256.0},
    "vllm 0.9": {"front_s": 4.0 * MS},
}  # fmt: skip
"""Engine defaults, not fitted: chunk budget, sequence limits (engine manuals).

`front_s` is the least that a server took a request when 1,000 of 128 / 4 tokens came at once:
161 requests/s of SGLang 0.5.3 (GLM-4.6, 4 H200; 156 and 128 with models six times as large and
half as large), 247 of vLLM 0.11 (gpt-oss-20b, H100); gpustack performance lab, @47277d7, 2025. The
sum over all requests cannot be more than that; a generation without such a run has 0.
"""


@dataclass
class Constant:
    """One fitted number: where it lives, its prior, and which rows it can move."""

    path: tuple[str, str, str]
    prior: Prior
    touches: Callable[[Any], bool]
    relative_to: tuple[str, str, str] | None = None


def constants() -> list[Constant]:
    """Every fitted constant, in a fixed order."""
    found = [Constant(("common", "any", n), p, lambda key: True) for n, p in COMMON.items()]
    found += [Constant(("architecture", LEVEL, n), p, lambda key: True) for n, p in PART.items()]
    for arch in ARCHITECTURES:
        names = {arch} | {k for k, v in SAME_ARCHITECTURE.items() if v == arch}
        for name, sigma in PART_SIGMA.items():
            found.append(
                Constant(
                    ("architecture", arch, name), Prior(1.0, sigma),
                    lambda key, names=names: key.architecture in names,
                    relative_to=("architecture", LEVEL, name),
                )
            )  # fmt: skip
    for link, priors in LINK.items():
        for name, prior in priors.items():
            found.append(
                Constant(("link", link, name), prior, lambda key, link=link: key.link == link)
            )
    found += [
        Constant(("engine", "other", n), p, lambda key: True)
        for n, p in ENGINE.items()
        if n not in SHARED
    ]
    for engine, own in ENGINES.items():
        family = {engine} | ({"vllm 0.6"} if engine in ("vllm 0.3", "vllm 0.9") else set())
        for name, sigma in ENGINE_SIGMA.items():
            found.append(
                Constant(
                    ("engine", engine, name), own.get(name, Prior(1.0, sigma)),
                    lambda key, family=family: key.engine in family,
                    relative_to=None if name in SHARED else ("engine", "other", name),
                )
            )  # fmt: skip
    return found


ON_HOST = ("step_s", "layer_s", "sequence_s", "prompt_token_s", "request_s", "first_token_s")
"""Of these vLLM 0.6 to 0.8 has what 0.9 has (CUDA graphs), without its overlap (V0 scheduler)."""

CAPS = {
    "slo_share": 1.0, "offline_host": 1.0, "mfu_8bit_ratio": 1.1, "mbu_8bit_ratio": 1.1,
    "lockstep": 0.6,
}  # fmt: skip
"""Physical ceilings."""


def tables_of(theta: npt.NDArray[np.float64], wanted: Sequence[Constant]) -> Tables:
    """The tables of constants at a point of the fit (in prior standard deviations)."""
    out: Tables = {"common": {"any": {}}, "architecture": {LEVEL: {}}, "link": {}, "engine": {}}
    for value, one in zip(theta, wanted, strict=True):
        table, key, name = one.path
        level = one.prior.value
        if one.relative_to:
            level *= out[table][one.relative_to[1]][name]
        number = min(level * float(np.exp(value * one.prior.sigma)), CAPS.get(name, np.inf))
        out[table].setdefault(key, {})[name] = number
    for twin, arch in SAME_ARCHITECTURE.items():
        out["architecture"][twin] = out["architecture"][arch]
    for name, caution in (("any", UNSEEN), ("Volta", BEFORE_AMPERE), ("Turing", BEFORE_AMPERE)):
        level = out["architecture"][LEVEL]
        out["architecture"][name] = {n: v * caution.get(n, 1.0) for n, v in level.items()}
    engine = out["engine"]
    engine["vllm 0.6"] = {
        n: engine["vllm 0.9"][n]
        if n in ON_HOST
        else float(np.sqrt(engine["vllm 0.3"][n] * engine["vllm 0.9"][n]))
        for n in ENGINE
    }
    engine["other"] |= dict.fromkeys(SHARED, 1.0)
    for name, values in engine.items():
        family = name.split(" ")[0]
        for by_hand in ("", family, name):
            values |= BY_HAND.get(by_hand, {})
        values["overlap"] = float(name in (*MODERN, "other"))
        values["legacy"] = float(name in LEGACY)
    out["link"]["network"] = {
        "latency_s": 2.0 * out["link"]["pcie"]["latency_s"], "share": out["link"]["pcie"]["share"],
    }  # fmt: skip
    out["link"][THROUGH_HOST] = {
        "latency_s": HOST_LATENCY * out["link"]["pcie"]["latency_s"],
        "share": out["link"]["pcie"]["share"],
    }
    return out


def coefficients_of(
    inference: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> Coefficients:
    """Coefficients holding these inference tables beside whatever `base` has."""
    base = base or {
        "media": {},
        "power": {"serving": {"any": {"base": 0.2, "compute": 0.5, "memory": 0.5, "cap": 1.0}}},
    }
    return Coefficients(
        inference={**inference, "memory": load_memory_terms()["inference"]},
        training={},
        media=base["media"],
        power=base["power"],
        fitted_on="",
    )


@dataclass
class Bench:
    """Rows prepared for evaluation: deployments of every candidate layout, and whose each is."""

    rows: list[Row]
    dep: Deployment
    questions: Questions
    source: npt.NDArray[np.int64]
    measured: npt.NDArray[np.float64]

    def predict(self, coefficients: Coefficients) -> npt.NDArray[np.float64]:
        """Predicted value of every row; NaN where nothing fits."""
        columns = {f.name: getattr(self.dep, f.name) for f in fields(self.dep)}
        dep = replace(self.dep, **fitted(columns, self.dep.key_index, self.dep.keys, coefficients))
        value, _ = answer(dep, self.questions, coefficients)
        best = np.full(len(self.rows), -np.inf)
        np.maximum.at(best, self.source, np.where(np.isfinite(value), value, -np.inf))
        return np.where(np.isfinite(best), best, np.nan)

    def take(self, keep: npt.NDArray[np.int64]) -> Bench:
        """The bench of some rows only."""
        place = np.full(len(self.rows), -1)
        place[keep] = np.arange(len(keep))
        index = np.flatnonzero(place[self.source] >= 0)
        return Bench(
            [self.rows[i] for i in keep], self.dep.take(index), self.questions.take(index),
            place[self.source[index]], self.measured[keep],
        )  # fmt: skip


def bench(rows: Sequence[Row], catalog: Catalog, start: Coefficients) -> Bench:
    """Prepare rows; layouts not stated become one candidate each."""
    pairs: list[tuple[int, tuple[int, int, int, int]]] = []
    for at, row in enumerate(rows):
        counts = [int(row[n]) if row[n] else None for n in ("n_gpus", "tp", "pp", "dp", "ep")]
        found = layouts_of(catalog.models[row["model"]], *counts)
        pairs += [(at, one) for one in ([] if isinstance(found, str) else found)]
    source = np.array([at for at, _ in pairs], dtype=np.int64)

    def text(name: str) -> list[str]:
        return [rows[at].get(name, "") for at in source]

    def number(name: str) -> npt.NDArray[np.float64]:
        return np.array([float(rows[at].get(name) or "nan") for at in source])

    dep = deployments(
        [
            Setup(
                catalog.models[row["model"]], catalog.gpus[row["gpu"]], row.get("engine", ""),
                row.get("weight_precision", ""), row.get("kv_precision", ""),
                row.get("engine_version", ""), *layout,
            )
            for row, layout in ((rows[at], layout) for at, layout in pairs)
        ],
        start,
    )  # fmt: skip
    limits = np.array([parse_slo(slo)[:2] for slo in text("slo")])
    cut = np.array([cut_at(dataset) for dataset in text("dataset")])
    questions = Questions(
        number("input_len"), number("output_len"), np.array(text("load")), number("load_value"),
        np.array(text("metric")), limits[:, 0], limits[:, 1],
        np.array([float(d not in ("", "fixed")) for d in text("dataset")]),
        np.maximum(cut / number("output_len"), 1.0),
    )  # fmt: skip
    measured = np.array([float(row.get("value") or "nan") for row in rows])
    return Bench(list(rows), dep, questions, source, measured)


SERIES = ("source_id", "engine", "model", "gpu")
"""Rows that share these were measured together and err together."""


def weights_of(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Weight of each row: rows measured together err together, so they say less than their number.

    w ~ n^-1/2 m^-1/4, of n rows with this source, metric and engine, m of them also with this
    model and GPU; less again where the row is known to hold something else too. All weights sum to
    the number of series measured: each counts as one observation beside the priors. With more, the
    constants learn what a source has of its own, and sources left out are predicted worse
    (docs/inference.md).
    """
    together = [(row["source_id"], row["metric"], row["engine"]) for row in rows]
    alike = [(*one, row["model"], row["gpu"]) for one, row in zip(together, rows, strict=True)]
    n, m = Counter(together), Counter(alike)
    out = np.array(
        [
            n[one] ** -0.5 * m[two] ** -0.25 * doubt(row)
            for one, two, row in zip(together, alike, rows, strict=True)
        ]
    )
    return out * len({tuple(row[name] for name in SERIES) for row in rows}) / out.sum()


def doubt(row: Row) -> float:
    """Factor on the weight of rows that hold more than the model can say (data README, Doubts)."""
    factor = 1.0
    if row["source_id"] == "gpustack-lab":
        factor *= 0.3
    if (row["load"] == "burst" and row["metric"].startswith("ttft")) or row["metric"].endswith(
        "_p95"
    ):
        factor *= 0.35
    if row["source_id"] == "aic-silicon" and row["input_len"] == "8192":
        factor *= 0.3
    if row["source_id"] == "argonne-lib" and "Mixtral" in row["model"]:
        factor *= 0.1
    return factor


def soft(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Soft-L1 residual: its square is the loss."""
    return np.asarray(np.sign(x) * np.sqrt(2.0 * (np.sqrt(1.0 + x * x) - 1.0)))


def apart(touched: Sequence[npt.NDArray[np.bool_]]) -> list[list[int]]:
    """Columns in groups of which no two touch a common row, first come first placed.

    Source: Curtis, Powell and Reid (1974), on the estimation of sparse Jacobian matrices.
    """
    groups: list[tuple[list[int], npt.NDArray[np.bool_]]] = []
    for column, rows in enumerate(touched):
        for columns, taken in groups:
            if not (taken & rows).any():
                columns.append(column)
                taken |= rows
                break
        else:
            groups.append(([column], rows.copy()))
    return [columns for columns, _ in groups]


@dataclass
class Fit:
    """The fit of all constants to a bench."""

    data: Bench
    wanted: list[Constant] = field(default_factory=constants)

    def __post_init__(self) -> None:
        self.weight = np.sqrt(weights_of(self.data.rows))
        self.touched = [self._rows_moved_by(one) for one in self.wanted]
        self.together = apart(self.touched)

    def _rows_moved_by(self, one: Constant) -> npt.NDArray[np.bool_]:
        hit = np.array([one.touches(k) for k in self.data.dep.keys])[self.data.dep.key_index]
        rows = np.zeros(len(self.data.rows), dtype=bool)
        rows[self.data.source[hit]] = True
        return rows

    def log_errors(
        self, theta: npt.NDArray[np.float64], data: Bench | None = None
    ) -> npt.NDArray[np.float64]:
        """log(predicted / measured); a row that does not fit counts as a large error."""
        data = data or self.data
        predicted = data.predict(coefficients_of(tables_of(theta, self.wanted)))
        return np.nan_to_num(np.log(predicted / data.measured), nan=1.0)

    def residuals(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Weighted residuals of the rows, then the priors."""
        return np.concatenate([soft(self.log_errors(theta) / NOISE) * self.weight, theta])

    def jacobian(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Forward differences; constants that move no common row are moved at once."""
        n, delta = len(self.data.rows), 1e-3
        out = np.zeros((n + len(theta), len(theta)))
        out[n:] = np.eye(len(theta))
        base = soft(self.log_errors(theta) / NOISE)
        for columns in self.together:
            moved = theta.copy()
            moved[columns] += delta
            slope = (soft(self.log_errors(moved) / NOISE) - base) * self.weight / delta
            for column in columns:
                out[:n, column] = np.where(self.touched[column], slope, 0.0)
        return out

    def solve(
        self,
        start: npt.NDArray[np.float64] | None = None,
        steps: int = 30,
        tolerance: float = 1e-4,
    ) -> npt.NDArray[np.float64]:
        """The best point, in prior standard deviations; from the priors unless told otherwise."""
        found = least_squares(
            self.residuals, np.zeros(len(self.wanted)) if start is None else start,
            jac=self.jacobian, bounds=(-RANGE_SIGMAS, RANGE_SIGMAS), max_nfev=steps,
            xtol=tolerance, ftol=tolerance,
        )  # fmt: skip
        return np.asarray(found.x)


def calibration_rows(rows: Sequence[Row], catalog: Catalog) -> list[Row]:
    """Rows to fit on: `calib`, usable, text models, and not hanging on an unstated cache width."""
    found = [
        row
        for row in rows
        if row["split"] == "calib"
        and row["usable"] == "yes"
        and not catalog.models[row["model"]].is_denoiser
    ]
    unclear = cache_width_decides(found, catalog)
    return [row for row, leave in zip(found, unclear, strict=True) if not leave]


def cache_width_decides(rows: Sequence[Row], catalog: Catalog) -> npt.NDArray[np.bool_]:
    """Rows that would wait for memory with a 16-bit cache, which they do not state.

    Closed loops with 8- or 4-bit weights: the TTFT of most shows no waiting at all, so their cache
    had 8 bits; at the constants' typical values, so that the choice does not hang on the fit.
    """
    start = typical()
    data = bench(rows, catalog, start)
    _, limit = answer(data.dep, data.questions, start)
    waits = np.zeros(len(rows), dtype=bool)
    waits[data.source[limit == "kv_memory"]] = True
    silent = [
        not row["kv_precision"]
        and row["weight_precision"] in ("fp8", "fp4")
        and row["load"] == "concurrency"
        and row["source_id"] == "aic-silicon"
        for row in rows
    ]
    return np.asarray(waits & np.array(silent))


def typical() -> Coefficients:
    """Coefficients at the priors: where every fit starts."""
    wanted = constants()
    return coefficients_of(tables_of(np.zeros(len(wanted)), wanted))


def fit_text(catalog: Catalog, rows: Sequence[Row]) -> tuple[Fit, Tables]:
    """The fit to all calibration rows and its tables, without their intervals (fit_left_out)."""
    fit = Fit(bench(calibration_rows(rows, catalog), catalog, typical()))
    return fit, tables_of(fit.solve(), fit.wanted)
