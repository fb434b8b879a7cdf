"""The packaged constants: complete, physical, and keyed by what they may be keyed by."""

from __future__ import annotations

import itertools

import pytest

from gpumix.catalog import Catalog
from gpumix.perf.constants import EFFICIENCY_CAP, Key, constants_of
from gpumix.perf.engines import NEWEST
from gpumix.perf.interval import tier_sigma
from gpumix.perf.links import link_of


def test_every_architecture_engine_and_link_has_constants(catalog: Catalog) -> None:
    tables = catalog.coefficients.inference
    architectures = {gpu.architecture for gpu in catalog.gpus.values()} | {"of the future"}
    links = {link_of(gpu, n).kind for gpu in catalog.gpus.values() for n in (1, 2, 8, 16)}
    engines = [*tables["engine"], "unheard of"]
    for architecture, link, engine in itertools.product(architectures, links, engines):
        key = Key(architecture, 8, 8, False, 8, False, engine, link)
        found = constants_of(key, tables)
        assert all(value >= 0.0 for value in found.values()), key
        for share in ("mfu", "mbu", "mbu_kv", "mfu_prefill", "link_share"):
            assert 0.0 < found[share] <= EFFICIENCY_CAP


def test_newest_generations_are_fitted(catalog: Catalog) -> None:
    assert set(NEWEST.values()) <= set(catalog.coefficients.inference["engine"])


def test_no_constant_is_keyed_by_a_model_or_a_gpu(catalog: Catalog) -> None:
    names = set(catalog.gpus) | set(catalog.models)
    for table in catalog.coefficients.inference.values():
        assert not names & set(table)
        for constants in table.values():
            assert not names & set(constants)


def test_the_unseen_is_less_certain(catalog: Catalog) -> None:
    import numpy as np

    def sigma(architecture: str, engine: str) -> float:
        return float(
            tier_sigma(
                catalog.coefficients.inference,
                np.array(["throughput"]),
                np.array([architecture]),
                np.array([engine]),
                np.array([False]),
            )[0]
        )

    known = sigma("Hopper", "vllm 0.9")
    assert known < sigma("of the future", "vllm 0.9")
    assert known < sigma("Hopper", "unheard of")
    assert known == pytest.approx(sigma("Hopper", "vllm 0.9"))
