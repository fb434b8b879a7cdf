"""Words that all keys of an inventory are made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from gpumix.domain.workload import (
    LONGEST_NAME,
)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name of the team's own: a plan, a workload, a site."""


Purchases = Annotated[
    list[Literal["on_demand", "spot", "reserved", "reserved_1y", "reserved_3y"]],
    BeforeValidator(_as_list),
    Field(min_length=1),
]
"""Ways of renting."""


TierName = Literal["hyperscaler", "neocloud", "marketplace", "reseller"]


def _any_form(value: Any) -> str:
    return "any" if value == "any" else "names"


AnyOr = Annotated[
    Annotated[Literal["any"], Tag("any")] | Annotated[Names, Tag("names")],
    Discriminator(_any_form),
]


AnyTier = Annotated[
    Annotated[Literal["any"], Tag("any")]
    | Annotated[list[TierName], BeforeValidator(_as_list), Field(min_length=1), Tag("names")],
    Discriminator(_any_form),
]
"""Kinds of providers; `any` for all."""


class Spec(BaseModel):
    """A record of a file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def all_or_places(value: Any) -> str:
    """Which form a value has that is one for all places, or one for each."""
    return "places" if isinstance(value, dict) else "all"
