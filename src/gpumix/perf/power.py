"""Watts of the GPUs while they serve, and joules per token."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gpumix.domain.coefficients import Table
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import Rates
from gpumix.perf.inference.steps import step_parts
from gpumix.values import Values

IDLE_SHARE = 0.15
"""Idle power over TDP where the catalogue has none. Source: gpus.csv, rows that state both."""


def gpu_power_w(
    tdp_w: Values,
    idle_w: Values,
    compute_share: Values,
    memory_share: Values,
    k: Mapping[str, float],
) -> Values:
    """Power of one GPU from how busy its compute and its memory are.

    P = idle + (TDP - idle) min(1, base + compute u_c + memory u_m)

    Args:
        tdp_w: [W].
        idle_w: [W].
        compute_share: share of the 16-bit-equivalent peak in use [0-1].
        memory_share: share of the bandwidth in use [0-1].
        k: fitted base, compute, memory.

    Source: fitted to ML.ENERGY v3, docs/inference.md.
    """
    load = k["base"] + k["compute"] * compute_share + k["memory"] * memory_share
    return idle_w + (tdp_w - idle_w) * np.clip(load, 0.0, k["cap"])


def utilisation(
    dep: Deployment, batch: Values, context: Values, prompt_tokens: Values, prompt_len: Values
) -> tuple[Values, Values]:
    """Shares of the compute and bandwidth peaks used by a running step.

    Args:
        dep: deployments.
        batch: decoding sequences of one replica [count].
        context: [tokens].
        prompt_tokens: prefilled in the step [tokens].
        prompt_len: [tokens].

    Source: counts of `kernels`.
    """
    parts = step_parts(dep, batch, context, prompt_tokens, prompt_len)
    busy = parts.total_s
    tokens = (batch + prompt_tokens) / dep.pp
    active = dep.dense_params + dep.expert_params * dep.top_k * (dep.expert_params > 0)
    compute = 2.0 * active * tokens / dep.ways / dep.flops_peak
    moved = np.maximum(parts.weights_s + parts.attention_s - compute, 0.0)
    return compute / busy, moved / busy


def serving_power_w(
    dep: Deployment,
    rates: Rates,
    input_len: Values,
    output_len: Values,
    tables: Mapping[str, Table],
) -> Values:
    """Watts of all GPUs of a deployment at these rates.

    Args:
        dep: deployments.
        rates: what they serve.
        input_len, output_len: per request [tokens].
        tables: `coefficients.power`.

    Source: docs/inference.md.
    """
    compute, moved = serving_loads(dep, rates, input_len, output_len)
    idle = idle_power_w(dep.tdp_w, dep.idle_w)
    each = gpu_power_w(dep.tdp_w, idle, compute, moved, tables["serving"]["any"])
    return dep.gpus * each


def serving_loads(
    dep: Deployment, rates: Rates, input_len: Values, output_len: Values
) -> tuple[Values, Values]:
    """Shares of compute and bandwidth in use while serving at these rates.

    Args:
        dep: deployments.
        rates: what they serve.
        input_len, output_len: per request [tokens].

    Source: as `utilisation`.
    """
    prompts = rates.batch * input_len / np.maximum(output_len, 1.0)
    return utilisation(dep, rates.batch, input_len + 0.5 * output_len, prompts, input_len)


def idle_power_w(tdp_w: Values, idle_w: Values) -> Values:
    """Idle power of a GPU, a share of its TDP where the catalogue has none (NaN) [W].

    Args:
        tdp_w: [W].
        idle_w: [W], NaN = not known.

    Source: gpus.csv, rows that state both.

    >>> float(idle_power_w(700.0, float("nan")))
    105.0
    """
    return np.where(np.isfinite(idle_w), idle_w, IDLE_SHARE * np.asarray(tdp_w))
