"""Models behind somebody else's API: what their tokens cost, and which a team may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ApiKind(StrEnum):
    """Whether an API serves the workload's own model or another one in its place."""

    SAME = "same model"
    SUBSTITUTE = "substitute"


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """Tokens of one hosted model at one provider, by the million.

    `name` is the provider's, `model` that of the catalogue, None for a model that is closed. `mode`
    is `chat`, `responses`, `completion` or `embedding`. None: no cached rate (cached tokens cost
    as others), no batch rate, no known context [tokens]. `country` (ISO alpha-2) is where it is
    processed; None satisfies no residency rule.
    """

    provider: str
    name: str
    model: str | None
    kind: ApiKind
    mode: str
    usd_per_mtok_input: float
    usd_per_mtok_cached: float | None
    usd_per_mtok_output: float
    batch_input: float | None
    batch_output: float | None
    context: int | None
    country: str | None
    as_of: date
    as_of_precision: str
    source: str

    @property
    def embeds(self) -> bool:
        """Whether it embeds text rather than writing any."""
        return self.mode == "embedding"


@dataclass(frozen=True, slots=True)
class ApiSupply:
    """Which APIs may do some of the work; None = any. `prices` are the team's own."""

    providers: tuple[str, ...] | None
    prices: tuple[ApiPrice, ...] = ()
