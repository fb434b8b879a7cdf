"""Fit of the inference constants on measured rows (split `calib`, usable).

`fit(catalog, rows)` returns the tables `inference`, `media` and `power` of coefficients.json.
Minimised: soft-L1 of log(predicted / measured) / 0.12, every (source, metric) weighted by
n^-1/2, plus quadratic priors around values typical of the hardware and of engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from gpumix.catalog import Catalog
from gpumix.domain.coefficients import Coefficients
from gpumix.perf.deployment import Deployment, deployments, with_coefficients
from gpumix.perf.interval import Z80
from gpumix.perf.questions import Questions, answer
from gpumix.planner.points import layouts_of, parse_slo, quantity_of

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
    "mfu_16bit": 0.10, "mfu_8bit_ratio": 0.15, "mfu_4bit_ratio": 0.15, "mbu_16bit": 0.08,
    "mbu_8bit_ratio": 0.08, "mbu_4bit_ratio": 0.10, "mbu_kv": 0.10, "mfu_prefill": 0.10,
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

UNSEEN_WIDTH = 1.35
"""Interval of an architecture without measurements, times that of the widest measured one."""

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
    "offline_host": Prior(0.4, 0.3),
}
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
        "chunk_tokens": 8192.0, "max_sequences": 2048.0, "memory_share": 0.91, "reserve_gb": 3.0,
        "activation_share": 1.0, "weights_first": 0.0, "group_reserve_gb": 0.0,
        "output_share": 0.775,
    },
    "tensorrt-llm": {
        "memory_share": 0.93, "reserve_gb": 3.0, "group_reserve_gb": 3.0,
        "activation_share": 0.5, "weights_first": 1.0, "output_share": 1.0,
    },
    "vllm": {
        "max_sequences": 1024.0, "max_sequences_small": 256.0, "chunk_tokens_small": 2048.0,
    },
    "sglang": {"chunk_tokens_small": 4096.0},
    "vllm 0.3": {"max_sequences": 256.0},
    "vllm 0.3 rocm": {"max_sequences": 256.0},
    "vllm 0.6": {"max_sequences": 256.0},
    "llama.cpp": {"memory_share": 0.98, "reserve_gb": 0.5, "activation_share": 0.1},
    "mlc-llm": {"memory_share": 0.97, "reserve_gb": 0.5, "activation_share": 0.1},
}  # fmt: skip
"""Engine defaults, not fitted: memory shares, chunk budget, sequence limits (engine manuals)."""


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
        inference=inference, training={}, media=base["media"], power=base["power"], fitted_on=""
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
        value, _ = answer(with_coefficients(self.dep, coefficients), self.questions, coefficients)
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
    layouts = [one for _, one in pairs]

    def text(name: str) -> list[str]:
        return [rows[at].get(name, "") for at in source]

    def number(name: str) -> npt.NDArray[np.float64]:
        return np.array([float(rows[at].get(name) or "nan") for at in source])

    dep = deployments(
        [catalog.models[m] for m in text("model")], [catalog.gpus[g] for g in text("gpu")],
        tp=[one[0] for one in layouts], pp=[one[1] for one in layouts],
        dp=[one[2] for one in layouts], ep=[one[3] for one in layouts],
        weight_precision=text("weight_precision"), kv_precision=text("kv_precision"),
        engine=text("engine"), engine_version=text("engine_version"), coefficients=start,
    )  # fmt: skip
    limits = np.array([parse_slo(slo)[:2] for slo in text("slo")])
    questions = Questions(
        number("input_len"), number("output_len"), np.array(text("load")), number("load_value"),
        np.array(text("metric")), limits[:, 0], limits[:, 1],
        np.array([float(d not in ("", "fixed")) for d in text("dataset")]),
    )  # fmt: skip
    measured = np.array([float(row.get("value") or "nan") for row in rows])
    return Bench(list(rows), dep, questions, source, measured)


def weights_of(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Weight of each row: rows measured together say less than their number.

    w = n^-1/2 m^-1/4, of n rows with this source, metric and engine, m of them also with this
    model and GPU; less again where the row is known to hold something else too.
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
    return out * len(rows) ** 0.5 / np.sqrt(np.sum(out**2))


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


@dataclass
class Fit:
    """The fit of all constants to a bench, and quick refits without some of its rows."""

    data: Bench
    wanted: list[Constant] = field(default_factory=constants)

    def __post_init__(self) -> None:
        self.weight = np.sqrt(weights_of(self.data.rows))
        self.touched = [self._rows_moved_by(one) for one in self.wanted]
        self._parts: dict[bytes, Bench] = {}

    def _rows_moved_by(self, one: Constant) -> npt.NDArray[np.int64]:
        hit = np.array([one.touches(k) for k in self.data.dep.keys])[self.data.dep.key_index]
        return np.unique(self.data.source[hit])

    def _part(self, rows: npt.NDArray[np.int64]) -> Bench:
        name = rows.tobytes()
        if name not in self._parts:
            self._parts[name] = self.data.take(rows)
        return self._parts[name]

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
        """Forward differences; each constant is evaluated on the rows it can move only."""
        n, delta = len(self.data.rows), 1e-3
        out = np.zeros((n + len(theta), len(theta)))
        base = soft(self.log_errors(theta) / NOISE)
        for column, rows in enumerate(self.touched):
            out[n + column, column] = 1.0
            if len(rows):
                moved = theta.copy()
                moved[column] += delta
                there = soft(self.log_errors(moved, self._part(rows)) / NOISE)
                out[rows, column] = (there - base[rows]) * self.weight[rows] / delta
        return out

    def solve(
        self, start: npt.NDArray[np.float64] | None = None, steps: int = 30
    ) -> npt.NDArray[np.float64]:
        """The best point, in prior standard deviations."""
        found = least_squares(
            self.residuals, np.zeros(len(self.wanted)) if start is None else start,
            jac=self.jacobian, bounds=(-RANGE_SIGMAS, RANGE_SIGMAS), max_nfev=steps,
            xtol=1e-4, ftol=1e-4,
        )  # fmt: skip
        return np.asarray(found.x)

    def without(
        self,
        left_out: npt.NDArray[np.bool_],
        theta: npt.NDArray[np.float64],
        jacobian: npt.NDArray[np.float64],
        steps: int = 10,
    ) -> npt.NDArray[np.float64]:
        """The best point without some rows: Newton steps from the full fit's derivatives.

        Every step tried also corrects the derivatives along itself.

        Source: Broyden (1965), equation 4.5, on the Gauss-Newton step.
        """
        keep = np.concatenate([~left_out, np.ones(len(theta), dtype=bool)])
        slope, best, residual = jacobian[keep], theta, self.residuals(theta)[keep]
        shrink = 1.0
        for _ in range(steps):
            gradient = slope.T @ residual
            free = (np.abs(best) < RANGE_SIGMAS - 1e-6) | (gradient * best > 0.0)
            part = slope[:, free]
            step = np.zeros(len(best))
            step[free] = np.linalg.solve(part.T @ part, gradient[free])
            tried = np.clip(best - shrink * step, -RANGE_SIGMAS, RANGE_SIGMAS)
            moved = tried - best
            if moved @ moved < 1e-8:
                break
            there = self.residuals(tried)[keep]
            slope += np.outer(there - residual - slope @ moved, moved / (moved @ moved))
            if there @ there < residual @ residual:
                best, residual, shrink = tried, there, min(1.0, 2.0 * shrink)
            else:
                shrink *= 0.4
        return best


def groups_of(rows: Sequence[Row], catalog: Catalog) -> dict[str, npt.NDArray[np.bool_]]:
    """Whole groups worth leaving out: every GPU, model family and source of at least 20 rows."""
    found: dict[str, npt.NDArray[np.bool_]] = {}
    names = {
        "gpu": [row["gpu"] for row in rows],
        "family": [catalog.models[row["model"]].family for row in rows],
        "source": [row["source_id"] for row in rows],
    }
    for kind, values in names.items():
        column = np.array(values)
        for value in np.unique(column):
            here = column == value
            if 20 <= here.sum() < len(rows):
                found[f"{kind}:{value}"] = here
    return found


def left_out_errors(
    fit: Fit, theta: npt.NDArray[np.float64], catalog: Catalog
) -> dict[str, npt.NDArray[np.float64]]:
    """Per kind of group (gpu, family, source): log error of each row when its group is left out."""
    jacobian = fit.jacobian(theta)
    out = {kind: np.full(len(fit.data.rows), np.nan) for kind in ("gpu", "family", "source")}
    for name, here in groups_of(fit.data.rows, catalog).items():
        point = fit.without(here, theta, jacobian)
        rows = np.flatnonzero(here)
        out[name.split(":")[0]][rows] = fit.log_errors(point, fit.data.take(rows))
    return out


def sigmas(
    fit: Fit, errors: Mapping[str, npt.NDArray[np.float64]], catalog: Catalog
) -> dict[str, dict[str, float]]:
    """The table `sigma`: by quantity, times a factor by architecture, engine and routing.

    Each is the 80 % quantile of |log error| of left-out rows over 1.28, factors shrunk towards 1
    where rows are few.
    """
    rows = fit.data.rows
    keys = [fit.data.dep.keys[k] for k in fit.data.dep.key_index]
    first = np.searchsorted(fit.data.source, np.arange(len(rows)))
    labels = {
        "quantity": np.array([quantity_of(row["metric"]) for row in rows]),
        "architecture": np.array([keys[i].architecture for i in first]),
        "engine": np.array([keys[i].engine for i in first]),
        "model": np.array(["moe" if catalog.models[r["model"]].is_moe else "dense" for r in rows]),
    }
    size = np.concatenate([np.abs(e) for e in errors.values()])
    known = np.isfinite(size)
    size = size[known]
    level = np.ones(len(size))
    out: dict[str, dict[str, float]] = {}
    for kind, label in labels.items():
        here = np.concatenate([label] * len(errors))[known]
        out[kind] = {}
        for value in np.unique(here):
            rows_here = here == value
            wide = float(np.quantile(size[rows_here] / level[rows_here], 0.8)) / Z80
            n = int(rows_here.sum())
            shrunk = wide if kind == "quantity" else wide ** (n / (n + 60.0))
            out[kind][str(value)] = shrunk
            level[rows_here] *= shrunk
    for name in ("itl", "e2e"):
        out["quantity"].setdefault(name, out["quantity"]["tpot"])
    out["architecture"]["any"] = UNSEEN_WIDTH * max(1.0, *out["architecture"].values())
    for twin, arch in SAME_ARCHITECTURE.items():
        out["architecture"].setdefault(twin, out["architecture"][arch])
    out["engine"]["other"] = max(1.0, *(out["engine"].get(e, 1.0) for e in MODERN))
    return out


@dataclass
class Result:
    """The tables of the fit and what it was made of, for the accuracy report."""

    tables: dict[str, Any]
    fit: Fit
    theta: npt.NDArray[np.float64]
    left_out: dict[str, npt.NDArray[np.float64]]


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
    wanted = constants()
    typical = coefficients_of(tables_of(np.zeros(len(wanted)), wanted))
    data = bench(rows, catalog, typical)
    _, limit = answer(data.dep, data.questions, typical)
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


def fit_text(
    catalog: Catalog,
    rows: Sequence[Row],
    start: npt.NDArray[np.float64] | None = None,
    steps: int = 20,
) -> Result:
    """Fit the inference tables and their intervals."""
    wanted = constants()
    typical = coefficients_of(tables_of(np.zeros(len(wanted)), wanted))
    fit = Fit(bench(calibration_rows(rows, catalog), catalog, typical), wanted)
    theta = fit.solve(start, steps)
    left_out = left_out_errors(fit, theta, catalog)
    tables: dict[str, Any] = tables_of(theta, wanted)
    tables["sigma"] = sigmas(fit, left_out, catalog)
    return Result(tables, fit, theta, left_out)


def theta_of(tables: Mapping[str, Any], wanted: Sequence[Constant]) -> npt.NDArray[np.float64]:
    """The point of the fit that gave these tables (inverse of `tables_of`)."""
    out = []
    for one in wanted:
        table, key, name = one.path
        level = one.prior.value
        if one.relative_to:
            level *= tables[table][one.relative_to[1]][name]
        out.append(np.log(tables[table][key][name] / level) / one.prior.sigma)
    return np.clip(np.array(out), -RANGE_SIGMAS, RANGE_SIGMAS)
