"""The public price map of hosted models (LiteLLM's `model_prices_and_context_window.json`).

An object by name, prices in USD per token; the same names a dozen spellings of one model. A name
is a model of the catalogue where what is left of it without the provider's path, punctuation and
words for a variant (`Turbo`, `FP8`, a release date) is what is left of the model's name. Names that
are no known model are closed ones (substitutes) where the catalogue knows their provider to sell
such; all others are left out and listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from gpumix.catalog.api_prices import HIGHEST, MODES
from gpumix.domain.api import ApiKind, ApiPrice
from gpumix.errors import InputError, Problem
from gpumix.reading import read_json
from gpumix.units import MEGA

EXAMPLE: Final = "sample_spec"
"""The map's first entry describes the format; it is no model."""
_VARIANTS: Final = re.compile(
    r"[-_](instruct|it|hf|chat|turbo|fp8|fp4|bf16|awq|maas|versatile|instant|fast|2507|2506|0324)"
    r"(?![a-z0-9])"
)
_PREFIXES: Final = re.compile(r"^(fw|ps|databricks|gemini|meta|openai|accounts)[-_]")
_VENDOR: Final = re.compile(r"^[a-z]+\.(?=[a-z])")
_VERSION: Final = re.compile(r"(-v[0-9]+)?:.*$")
"""A cloud's own count of versions, or a tag: `-v1:0`, `:free`."""
_REGION: Final = re.compile(r"/([a-z]{2}(?:-[a-z]+)+-[0-9])/")
Regions = Mapping[tuple[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that became no price, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Prices of a map, and the entries left out."""

    prices: tuple[ApiPrice, ...]
    left: tuple[Left, ...]


def core_of(name: str) -> str:
    """What is left of a model's name without path, variant and punctuation.

    >>> core_of("novita/qwen/qwen-2.5-72b-instruct"), core_of("Qwen/Qwen2.5-72B-Instruct-Turbo")
    ('qwen2572b', 'qwen2572b')
    """
    own = _VERSION.sub("", name.lower().rpartition("/")[2])
    own = _PREFIXES.sub("", _VENDOR.sub("", own))
    return re.sub(r"[^a-z0-9]", "", _VARIANTS.sub("", own))


def read_price_map(
    path: Path,
    as_of: date,
    models: Collection[str],
    aliases: Mapping[str, str],
    sellers: Collection[str],
    regions: Regions,
) -> Imported:
    """The prices in a map, as of the day they were true (the map carries no date).

    `sellers` are providers of closed models; `regions` say in which country (provider, region) is.

    Raises: InputError where the file is no such map.
    """
    data = read_json(path, "name the price map, a JSON file")
    fix = "name the price map of hosted models: an object by model name"
    if not isinstance(data, Mapping) or not any(map(_is_entry, data.values())):
        raise InputError(Problem(str(path), "is not a price map", fix))
    known = _cores([*models, *aliases], {**{m: m for m in models}, **aliases})
    prices, left = [], []
    for name, entry in data.items():
        if name == EXAMPLE:
            continue
        try:
            found = _price(name, entry, as_of, known.get(core_of(name)), f"price map {path.name}")
        except ValueError as error:
            left.append(Left(name, str(error)))
            continue
        if found.model is None and found.provider not in sellers:
            left.append(Left(name, "is not a model of the catalogue"))
            continue
        country = country_of(found.provider, name, regions)
        prices.append(replace(found, country=country))
    return Imported(tuple(prices), tuple(left))


def _is_entry(entry: object) -> bool:
    return isinstance(entry, Mapping) and "litellm_provider" in entry


def _cores(names: Iterable[str], ids: Mapping[str, str]) -> dict[str, str]:
    """Core of a name -> model; a core that two models share names neither."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(core_of(name), set()).add(ids[name])
    return {core: min(models) for core, models in found.items() if len(models) == 1}


def _price(name: str, entry: Any, as_of: date, model: str | None, source: str) -> ApiPrice:
    """An entry as a price. Raises: ValueError saying why it is none."""
    if not _is_entry(entry):
        raise ValueError("names no provider")
    mode = entry.get("mode")
    if mode not in MODES:
        raise ValueError(f"is not a text model (mode {mode})")
    per_input = _per_mtok(entry, "input_cost_per_token")
    per_output = _per_mtok(entry, "output_cost_per_token")
    if not per_input:
        raise ValueError("has no price per input token")
    if not per_output and mode != "embedding":
        raise ValueError("has no price per output token")
    context = entry.get("max_input_tokens") or entry.get("max_tokens")
    return ApiPrice(
        provider=str(entry["litellm_provider"]),
        name=name,
        model=model,
        kind=ApiKind.SAME if model else ApiKind.SUBSTITUTE,
        mode=mode,
        usd_per_mtok_input=per_input,
        usd_per_mtok_cached=_per_mtok(entry, "cache_read_input_token_cost"),
        usd_per_mtok_output=per_output or 0.0,
        batch_input=_per_mtok(entry, "input_cost_per_token_batches"),
        batch_output=_per_mtok(entry, "output_cost_per_token_batches"),
        context=int(context) if isinstance(context, int | float) and context > 0 else None,
        country=None,
        as_of=as_of,
        as_of_precision="stated at import",
        source=source,
    )


def _per_mtok(entry: Mapping[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {value!r}, no number")
    usd = round(value * MEGA, 9)  # 2.5e-07 x 1e6 is 0.25, not 0.24999999999999997
    if not 0.0 <= usd <= HIGHEST:
        raise ValueError(f"{key} is {value:g}, {usd:g} USD a million tokens")
    return usd


def country_of(provider: str, name: str, regions: Regions) -> str | None:
    """Country of the region that a hosted model's name states; None where it states none.

    >>> country_of("bedrock", "bedrock/eu-west-2/minimax.m2", {("aws", "eu-west-2"): "GB"})
    'GB'
    """
    region = _REGION.search(name)
    cloud = "aws" if provider.startswith("bedrock") else provider
    return regions.get((cloud, region[1])) if region else None
