"""Images and sound in a chat's requests become tokens of its prompts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.workload import Demand, Inventory

INVENTORY = """\
horizon: {{start: 2027-01, years: 1}}
workloads:
  w:
    kind: chat
    model: {}
    traffic: {{{}}}
supply:
  cloud: {{}}
"""
LLAVA, GEMMA = "llava-hf/llava-1.5-7b-hf", "google/gemma-3-12b-it"
TEXT = "profile: azure-conv, requests_per_s: 1"

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]


def demand(read: Read, model: str, traffic: str) -> Demand:
    [found] = read(INVENTORY.format(model, traffic)).workloads
    assert found.demand is not None
    return found.demand


def test_images_lengthen_every_prompt_by_their_tokens_and_the_encoders_work(
    read: Read, catalog: Catalog
) -> None:
    text = demand(read, LLAVA, TEXT)
    seen = demand(read, LLAVA, f"{TEXT}, images_per_request: 2")
    work = 2 * 576 * 0.304 / catalog.models[LLAVA].params_active_b
    by = 2 * 576 + work
    assert seen.input.mean == pytest.approx(text.input.mean + by)
    assert seen.input.cv * seen.input.mean == pytest.approx(text.input.cv * text.input.mean)
    pairs = zip(seen.input.quantiles, text.input.quantiles, strict=True)
    assert all(a[1] == pytest.approx(b[1] + by) for a, b in pairs)
    assert (seen.output, seen.units_per_hour) == (text.output, text.units_per_hour)
    told = seen.evidence[-1]
    assert told.value == "images_per_request 2: 1,152 tokens, 50 more for the encoder"
    assert told.source.endswith("recalled")


def test_an_encoder_that_pools_works_more_than_its_tokens_say(read: Read) -> None:
    text, seen = (
        demand(read, GEMMA, f"{TEXT}{images}") for images in ("", ", images_per_request: 1")
    )
    assert 2 * 256 > seen.input.mean - text.input.mean > 1.3 * 256


def test_no_image_is_found_in_a_prefix_cache(read: Read) -> None:
    seen = demand(read, LLAVA, f"{TEXT}, prefix_share: 0.5, images_per_request: 1")
    text = demand(read, LLAVA, f"{TEXT}, prefix_share: 0.5")
    assert seen.prefix_share * seen.input.mean == pytest.approx(0.5 * text.input.mean)


def test_the_team_knows_its_images_better(read: Read) -> None:
    text = demand(read, LLAVA, TEXT)
    seen = demand(read, LLAVA, f"{TEXT}, images_per_request: 1, tokens_per_image: 100")
    assert 100.0 < seen.input.mean - text.input.mean < 110.0


def test_sound_has_tokens_too(read: Read) -> None:
    model = "Qwen/Qwen3-Omni-30B-A3B-Instruct"
    text = demand(read, model, TEXT)
    seen = demand(read, model, f"{TEXT}, audio_minutes_per_request: 2")
    assert seen.input.mean - text.input.mean > 2 * 60 * 12.5


@pytest.mark.parametrize(
    ("model", "traffic", "problem"),
    [
        (
            "meta-llama/Llama-3.2-11B-Vision",
            "images_per_request: 1",
            "images_per_request (line 6): how many tokens that takes of "
            "meta-llama/Llama-3.2-11B-Vision is not known (add tokens_per_image)",
        ),
        (
            "meta-llama/Llama-3.1-8B-Instruct",
            "images_per_request: 1",
            "is not known (measure it and plan it as kind custom)",
        ),
        (LLAVA, "audio_minutes_per_request: 3", "audio_minutes_per_request (line 6): how many"),
        (LLAVA, "tokens_per_image: 30", "goes with images (add images_per_request: 1)"),
        (LLAVA, "images_per_request: 9", "is longer than the context of llava-hf/llava-1.5-7b-hf"),
        (LLAVA, "images_per_request: -1", "must be at least 0"),
        ("openai/whisper-large-v3", "audio_minutes_per_request: 1", "plan it as kind custom"),
    ],
)
def test_what_cannot_be_seen_or_heard(
    refused: Refused, model: str, traffic: str, problem: str
) -> None:
    assert problem in refused(INVENTORY.format(model, f"{TEXT}, {traffic}"))


def test_images_go_with_chat(refused: Refused) -> None:
    traffic = "requests_per_s: 1, input_tokens: 100, images_per_request: 1"
    text = INVENTORY.format("BAAI/bge-m3", traffic).replace("kind: chat", "kind: embedding")
    assert "images and sound in requests do not go with kind embedding" in refused(text)
