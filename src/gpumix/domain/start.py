"""What `gpumix start` asks, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.domain.comparison import Comparison
from gpumix.domain.training_comparison import TrainingComparison


@dataclass(frozen=True, slots=True)
class StartWork:
    """A kind of work to start from: what it is in words, and what is taken where nothing is said.

    `load` is a number of `unit`: users at once, or tokens or images a day.
    """

    work: str
    says: str
    kind: str
    model: str
    input_tokens: float | None
    output_tokens: float | None
    load: str
    unit: str


@dataclass(frozen=True, slots=True)
class StartQuestion:
    """A question, the key of its answer in an answers file, and its default."""

    key: str
    asks: str
    default: str


@dataclass(frozen=True, slots=True)
class Started:
    """The answer: the inventory that was written and the comparison that it asks for.

    `runs_per_month` is of a training run; None of served work. `bill_usd` is the team's bill a
    month, None where it has none. `why_not` says why nothing could be compared.
    """

    file: str
    assumed: tuple[str, ...]
    found: Comparison | TrainingComparison | None
    runs_per_month: float | None
    bill_usd: float | None
    why_not: str = ""
