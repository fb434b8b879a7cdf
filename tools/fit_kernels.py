"""Kernel tables -> what an architecture reaches of its peaks, as priors of the text fit.

Each class of kernels is fitted with the formula that perf/inference/kernels.py has for it, over
all GPUs of an architecture and all engines of the table. Source: ../shared/data/kernels
(aiconfigurator-core 0.12.0, NVIDIA, Apache-2.0), one machine a GPU.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from gpumix.catalog import load
from gpumix.domain.gpu import Gpu
from gpumix.perf.inference.constants import kernel_architecture
from gpumix.units import MS, TERA
from measured import ROOT

US = 1e-6
KERNELS = ROOT.parent / "shared" / "data" / "kernels"

WIDTHS = {"bfloat16": 16, "fp8": 8, "fp8_block": 8, "nvfp4": 4}
BYTES = {16: 2.0, 8: 1.0, 4: 0.5625}
LEAST_WEIGHTS = 4e6
"""Smaller matrices are all launch."""
LEAST_READ_S = 3 * US
LEAST_HEADS = 8
NOISE = 0.2

Floats = npt.NDArray[np.float64]
Points = dict[tuple[str, int], list[tuple[float, ...]]]


def rows_of(name: str) -> Iterator[dict[str, str]]:
    """Rows of one kernel table."""
    with gzip.open(KERNELS / name, "rt", encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def peak(gpu: Gpu, width: int) -> float:
    """Dense peak at this width [FLOP/s]."""
    return {16: gpu.bf16_tflops, 8: gpu.fp8_tflops, 4: gpu.fp4_tflops}[width] * TERA


def products(gpus: Mapping[str, Gpu]) -> Points:
    """Matrix products: FLOP time at the peak, read time at the peak, measured time [s]."""
    found: Points = defaultdict(list)
    for row in rows_of("gemm.csv.gz"):
        width = WIDTHS.get(row["dtype"])
        m, n, k = (float(row[name]) for name in "mnk")
        if width is None or n * k < LEAST_WEIGHTS:
            continue
        if row["dtype"] == "fp8_block" and row["engine"] == "vllm":
            continue  # small batches take ten times as long there: another kernel by default
        gpu, time_s = gpus[row["gpu"]], float(row["latency_ms"]) * MS
        read_s = n * k * BYTES[width] / gpu.bandwidth_bytes_per_s
        if read_s < time_s:  # else the weights came from the cache
            compute_s = 2.0 * m * n * k / peak(gpu, width)
            found[kernel_architecture(gpu), width].append((compute_s, read_s, time_s))
    return found


def cache_reads(gpus: Mapping[str, Gpu]) -> Points:
    """Decode attention with a 16-bit cache: read time at the peak, measured time [s]."""
    found: Points = defaultdict(list)
    for row in rows_of("attention_decode.csv.gz"):
        if row["window"] not in ("", "0") or "fp8" in row["kv_dtype"]:
            continue
        values = (float(row[name]) for name in ("batch", "context", "kv_heads", "head_dim"))
        gpu, time_s = gpus[row["gpu"]], float(row["latency_ms"]) * MS
        read_s = 4.0 * float(np.prod(list(values))) / gpu.bandwidth_bytes_per_s
        if LEAST_READ_S < read_s < time_s:
            found[kernel_architecture(gpu), 16].append((read_s, time_s))
    return found


def prompt_attention(gpus: Mapping[str, Gpu]) -> Points:
    """Prefill attention: FLOP time for the span, FLOP time of one token more, measured [s]."""
    found: Points = defaultdict(list)
    for row in rows_of("attention_prefill.csv.gz"):
        if row["window"] not in ("", "0") or row["prefix"] not in ("", "0"):
            continue
        batch, heads, length, width = (
            float(row[name]) for name in ("batch", "heads", "input_len", "head_dim")
        )
        if batch * heads < LEAST_HEADS:
            continue
        gpu, time_s = gpus[row["gpu"]], float(row["latency_ms"]) * MS
        token_s = 4.0 * batch * length * heads * width / peak(gpu, 16)
        found[kernel_architecture(gpu), 16].append((token_s * length / 2.0, token_s, time_s))
    return found


def solved(residual: object, start: list[float]) -> Floats:
    """Exponentials of the best point, from the logarithms of `start`."""
    found = least_squares(residual, np.log(start), loss="soft_l1", f_scale=NOISE)
    return np.asarray(np.exp(found.x))


@cache
def reached() -> dict[str, dict[str, float]]:
    """Architecture -> efficiencies under their names in `fit_priors.PART`.

    Source: the tables; formulas `linear`, `attention_decode`, `attention_prefill`, each beside a
    time that a kernel takes to start.
    """
    gpus = load().gpus
    out: dict[str, dict[str, float]] = defaultdict(dict)
    share: dict[tuple[str, int], Floats] = {}
    for key, rows in products(gpus).items():
        compute, read, time_s = np.array(rows).T
        share[key] = solved(
            lambda x, c=compute, r=read, t=time_s: np.log(
                (np.hypot(c / np.exp(x[0]), r / np.exp(x[1])) + np.exp(x[2])) / t
            ),
            [0.7, 0.8, 4 * US],
        )
    for (arch, width), (mfu, mbu, _) in share.items():
        if width == 16:
            out[arch] |= {"mfu_16bit": float(mfu), "mbu_16bit": float(mbu)}
        else:
            out[arch] |= {
                f"mfu_{width}bit_ratio": float(mfu / share[arch, 16][0]),
                f"mbu_{width}bit_ratio": float(mbu / share[arch, 16][1]),
            }
    for (arch, _), rows in cache_reads(gpus).items():
        read, time_s = np.array(rows).T
        out[arch]["mbu_kv"] = float(
            solved(
                lambda x, r=read, t=time_s: np.log((r / np.exp(x[0]) + np.exp(x[1])) / t),
                [0.8, 10 * US],
            )[0]
        )
    for (arch, _), rows in prompt_attention(gpus).items():
        span, token, time_s = np.array(rows).T
        mfu, half, _ = solved(
            lambda x, s=span, o=token, t=time_s: np.log(
                ((s + o * np.exp(x[1])) / np.exp(x[0]) + np.exp(x[2])) / t
            ),
            [0.6, 500.0, 10 * US],
        )
        out[arch] |= {"mfu_prefill": float(mfu), "half_span": float(half)}
    return dict(out)


if __name__ == "__main__":
    for name, values in reached().items():
        print(name, {key: round(value, 3) for key, value in values.items()})
