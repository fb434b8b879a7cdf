"""Which APIs may do a workload, at what price, and why others may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gpumix.domain.api import ApiKind, ApiPrice
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Kind, Slo, Tier, Workload
from gpumix.supply.apis import quotes, usd_per_mtok

DEMAND = Demand(
    units_per_hour=(10.0,) * 168,
    growth_per_year=0.0,
    input=Lengths(1000.0, 0.0),
    output=Lengths(200.0, 0.0),
    arrival_cv=1.0,
    prefix_share=0.5,
    profile="flat",
)
CHAT = Workload(
    id="chat",
    kind=Kind.CHAT,
    model="some/model",
    precisions=("bf16",),
    kv_precision="",
    engine="vllm",
    tier=Tier.STANDARD,
    demand=DEMAND,
    run=None,
    slos=(Slo("ttft", 0.95, 1.0),),
    window=tuple(range(168)),
    countries=(),
    gpus=(),
)
PRICE = ApiPrice(
    provider="alpha",
    name="alpha/model",
    model="some/model",
    kind=ApiKind.SAME,
    mode="chat",
    usd_per_mtok_input=1.0,
    usd_per_mtok_cached=None,
    usd_per_mtok_output=4.0,
    batch_input=0.5,
    batch_output=2.0,
    context=8192,
    country=None,
    as_of=date(2026, 11, 1),
    as_of_precision="day",
    source="test",
)


def test_promised_work_pays_the_list_price() -> None:
    (quote,) = quotes(CHAT, [PRICE]).same
    # 1,000 x 1 + 200 x 4 = 1,800 millionths; no cached rate: cached tokens cost as others
    assert quote.usd_per_unit == pytest.approx(1.8e-3)
    assert not quote.batch
    assert usd_per_mtok(quote, DEMAND) == pytest.approx(1.5)


def test_a_cached_rate_counts_for_the_shared_prefix() -> None:
    (quote,) = quotes(CHAT, [replace(PRICE, usd_per_mtok_cached=0.1)]).same
    assert quote.usd_per_unit == pytest.approx((500 + 50 + 800) / 1e6)


def test_work_that_may_wait_pays_the_batch_rate_where_it_is_cheaper() -> None:
    waits = replace(CHAT, kind=Kind.BATCH, slos=())
    (quote,) = quotes(waits, [PRICE]).same
    assert quote.batch
    assert quote.usd_per_unit == pytest.approx(0.9e-3)
    (quote,) = quotes(waits, [replace(PRICE, batch_input=2.0, batch_output=8.0)]).same
    assert not quote.batch


def test_prompts_longer_than_the_context_are_refused_with_the_reason() -> None:
    long = replace(
        CHAT,
        demand=replace(DEMAND, input=Lengths(1000.0, 1.0, ((0.5, 800.0), (1.0, 9000.0)))),
    )
    found = quotes(long, [PRICE])
    assert not found.same
    assert found.refused[0].providers == ("alpha",)
    # the 99th percentile lies 0.49 / 0.5 of the way from 800 to 9,000: 8,836, and 200 out
    assert found.reason == "its context of 8,192 tokens is shorter than requests of 9,036"
    assert quotes(long, [replace(PRICE, context=None)]).same


def test_an_api_of_unknown_country_keeps_no_residency() -> None:
    at_home = replace(CHAT, countries=("GB",))
    found = quotes(at_home, [PRICE, replace(PRICE, provider="beta", country="US")])
    assert found.best is None
    assert "its country is not known, residency asks for GB" in found.reason
    assert "it runs in US" in found.reason
    assert quotes(at_home, [replace(PRICE, country="GB")]).same


def test_the_same_model_comes_first_and_substitutes_apart() -> None:
    other = replace(
        PRICE, provider="closed", name="x", model=None, kind=ApiKind.SUBSTITUTE,
        usd_per_mtok_input=0.1, usd_per_mtok_output=0.1,
    )  # fmt: skip
    foreign = replace(PRICE, provider="gamma", model="another/model")
    dearer = replace(PRICE, name="alpha/model-turbo", usd_per_mtok_input=3.0)
    found = quotes(CHAT, [other, dearer, PRICE, foreign])
    assert [q.price.name for q in found.same] == ["alpha/model"]
    assert [q.price.provider for q in found.substitutes] == ["closed"]
    assert found.best is found.same[0]
    assert quotes(CHAT, [other]).best is not None


@pytest.mark.parametrize(
    ("kind", "words"), [(Kind.FINETUNE, "fine-tuning"), (Kind.MEDIA, "images and videos")]
)
def test_work_without_a_price_says_so(kind: Kind, words: str) -> None:
    found = quotes(replace(CHAT, kind=kind), [PRICE])
    assert found.best is None
    assert words in found.reason


def test_embeddings_are_done_by_embedding_apis_alone() -> None:
    embeds = replace(CHAT, kind=Kind.EMBEDDING)
    assert "has a known price" in quotes(embeds, [PRICE]).reason
    assert quotes(embeds, [replace(PRICE, mode="embedding")]).same
