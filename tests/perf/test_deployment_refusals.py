"""Rows that can be no deployment are told with the reason that building them would raise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix.catalog import Catalog
from gpumix.errors import NoEstimate
from gpumix.perf.inference.deployment import Setup, deployments, refusals

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def test_each_row_has_its_own_reason(catalog: Catalog) -> None:
    model, gpu = catalog.models[LLAMA], catalog.gpus["h100-sxm-80gb"]
    shapeless = replace(model, id="no/shape", layers=None)
    dark = replace(gpu, id="dark-1gb", bf16_tflops=None, fp16_tflops=None)
    good = Setup(model, gpu, "vllm")
    wrong = [
        Setup(shapeless, gpu, "vllm"),
        Setup(model, dark, "vllm"),
        good._replace(weight_precision="fp3"),
        good._replace(kv_precision="fp3"),
    ]
    found = refusals([good, *wrong, good._replace(tp=2)])
    assert found[0] == found[-1] == ""
    for setup, reason in zip(wrong, found[1:-1], strict=True):
        with pytest.raises(NoEstimate) as raised:
            deployments([setup], catalog.coefficients)
        assert reason == str(raised.value)
    assert len(set(found[1:-1])) == len(wrong)
