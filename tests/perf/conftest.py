"""Deployments the tests of this room share: made-up GPUs and models, packaged constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gpumix.catalog import Catalog, load
from gpumix.perf.inference.deployment import Deployment, Setup, deployments


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="session")
def deploy(catalog: Catalog) -> Callable[..., Deployment]:
    """deploy(model, gpu, tp=1, gpu_changes={...}, model_changes={...}) -> one deployment."""

    def one(
        model: str = "meta-llama/Llama-3.1-8B-Instruct",
        gpu: str = "h100-sxm-80gb",
        *,
        tp: int = 1,
        pp: int = 1,
        dp: int = 1,
        ep: int = 1,
        weights: str = "bf16",
        kv: str = "",
        engine: str = "vllm",
        version: str = "",
        gpu_changes: dict[str, Any] | None = None,
        model_changes: dict[str, Any] | None = None,
    ) -> Deployment:
        changed = replace(catalog.models[model], **(model_changes or {}))
        part = replace(catalog.gpus[gpu], **(gpu_changes or {}))
        setup = Setup(changed, part, engine, weights, kv, version, tp, pp, dp, ep)
        return deployments([setup], catalog.coefficients)

    return one
