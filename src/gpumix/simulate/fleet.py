"""How `gpumix simulate` runs its replicas: static batches, fleets that scale, pools apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpumix.catalog import Catalog
from gpumix.domain.llm import Model
from gpumix.errors import Problem, unknown_name
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import weights_bytes
from gpumix.serving.simulator.simulation import BATCHING, Autoscale, Settings
from gpumix.units import GIGA

if TYPE_CHECKING:
    from gpumix.simulate.question import SimulationQuestion


def fleet_problems(question: SimulationQuestion) -> list[Problem]:
    """Options that contradict each other."""
    problems = []
    most, apart = question.max_replicas, question.prefill_replicas
    if question.batching not in BATCHING:
        problems.append(unknown_name("--batching", "way", question.batching, BATCHING))
    if most is not None and most < question.replicas:
        problems.append(
            Problem("--max-replicas", f"{most} is below --replicas {question.replicas}")
        )
    if most is None and (question.scale_target or question.cold_start_s is not None):
        problems.append(
            Problem(
                "--scale-target, --cold-start-s", "needs --max-replicas", "state --max-replicas"
            )
        )
    if apart and apart >= question.replicas:
        problems.append(
            Problem("--prefill-replicas", f"{apart} of {question.replicas} leave none to decode")
        )
    if apart and (most is not None or question.batching == "static"):
        problems.append(
            Problem(
                "--prefill-replicas", "cannot be combined with --max-replicas or static batching"
            )
        )
    if question.kv_link_gb_per_s is not None and not apart:
        problems.append(
            Problem("--kv-link-gb-per-s", "needs --prefill-replicas", "state --prefill-replicas")
        )
    return problems


def settings_of(
    question: SimulationQuestion,
    dep: Deployment,
    model: Model,
    batch: float,
    catalog: Catalog,
    defaults: list[str],
) -> Settings:
    """The simulator's settings; what is not stated is a default, told.

    `batch` is the load of one replica, in requests, that the scaler aims at.
    """
    scale, per_token = None, 0.0
    if question.max_replicas is not None:
        scale = _autoscale(question, dep, batch, catalog, defaults)
    if question.prefill_replicas:
        link = question.kv_link_gb_per_s or _typical(catalog, "kv_link_gb_per_s")
        if question.kv_link_gb_per_s is None:
            defaults.append(f"KV caches move at {link:g} GB/s")
        per_token = _kv_bytes_per_token(dep) / (link * GIGA)
    return Settings(
        replicas=question.max_replicas or question.replicas,
        timeout_s=question.timeout_s or np.inf,
        longest_tokens=model.context or 2**31 - 1,
        batching=question.batching,
        autoscale=scale,
        prefill_replicas=question.prefill_replicas,
        transfer_s_per_token=per_token,
        seed=question.seed,
    )


def _autoscale(
    question: SimulationQuestion,
    dep: Deployment,
    batch: float,
    catalog: Catalog,
    defaults: list[str],
) -> Autoscale:
    target, cold = question.scale_target, question.cold_start_s
    if target is None:
        target = max(batch, 1.0)
        defaults.append(f"scaled to {target:,.0f} requests in flight per replica")
    if cold is None:
        stored = float(np.asarray(weights_bytes(dep) * dep.gpus)[0])
        load_s = stored / (_typical(catalog, "weights_load_gb_per_s") * GIGA)
        cold = load_s + _typical(catalog, "engine_start")
        defaults.append(f"cold start {cold:,.0f} s, {load_s:,.0f} s of it to load the weights")
    return Autoscale(
        fewest=question.replicas,
        target=target,
        cold_start_s=cold,
        look_s=_typical(catalog, "autoscale_look"),
        cool_down_s=_typical(catalog, "autoscale_cool_down"),
    )


def _kv_bytes_per_token(dep: Deployment) -> float:
    """Cache of one token over all GPUs of a replica [byte]."""
    return float(np.asarray(dep.full_kv_bytes + dep.window_kv_bytes)[0])


def _typical(catalog: Catalog, name: str) -> float:
    found = catalog.defaults[name].typical
    if found is None:
        raise ValueError(f"planning.csv: {name} has no typical value")
    return found
