"""How requests arrive and how long they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpumix.domain.evidence import Basis
from gpumix.units import HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Lengths:
    """Distribution of tokens per request: mean, coefficient of variation, quantiles [tokens].

    `quantiles` are (probability, tokens) pairs in rising order, for sampling by interpolation.
    """

    mean: float
    cv: float
    quantiles: tuple[tuple[float, float], ...] = ()

    def quantile(self, probability: float) -> float:
        """Tokens not exceeded with this probability, interpolated; the mean if unknown."""
        if not self.quantiles:
            return self.mean
        below = self.quantiles[0]
        for above in self.quantiles:
            if above[0] >= probability:
                span = above[0] - below[0]
                share = (probability - below[0]) / span if span else 1.0
                return below[1] + share * (above[1] - below[1])
            below = above
        return below[1]


@dataclass(frozen=True, slots=True)
class DemandFrom:
    """How a workload's rate was stated and what that makes: of the busiest hour, and the week's
    mean (requests, of media samples). `formula` says it with its figures.

    `key` is the key of traffic that states it, `amounts` its value by parts ('' = one number); of a
    trace and of a daily volume outside traffic neither.
    """

    stated: str
    formula: str
    peak_requests_per_s: float
    mean_requests_per_s: float
    key: str = ""
    amounts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A demand profile derived from a real trace: lengths, burstiness and shape of the week.

    `hour_of_week` has 168 factors, Monday 00:00 first, largest 1: the rate of an hour is
    `peak_requests_per_s * hour_of_week[h]`. `arrival_cv` is the coefficient of variation of the
    gaps between arrivals (1 = Poisson), all clients together; `client_cv` its 10th, 50th and 90th
    percentile by client, weighted by requests, None where the trace names no clients.
    `length_correlation` is that of the ranks of prompt and answer. `prefix_share` is the share of
    prompt tokens that repeat the start of an earlier prompt, None where that is not recorded.
    `shape_basis` is `assumed` where the shape of the week is borrowed from another trace.
    """

    id: str
    input: Lengths
    output: Lengths
    arrival_cv: float
    length_correlation: float
    prefix_share: float | None
    hour_of_week: tuple[float, ...]
    shape_basis: Basis
    source: str
    note: str
    client_cv: tuple[float, ...] | None = None

    @property
    def mean_to_peak(self) -> float:
        """Mean rate over peak rate of the week."""
        return sum(self.hour_of_week) / HOURS_PER_WEEK


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """A stream of requests as parallel arrays, in order of arrival.

    `arrival_s` counts from the stream's start; where `follows` names a request (else -1) it is
    the pause after that one's end: a turn of a conversation, or the next request of a closed
    loop. The first `prefix_tokens` of a prompt are shared by all requests of one `prefix_id`
    (-1: nothing shared). `tier` 0 is served before 1. `of_class` names the class of each; None
    where all are of one. `note` says how a trace was read.
    """

    arrival_s: npt.NDArray[np.float64]
    input_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    prefix_id: npt.NDArray[np.int32]
    prefix_tokens: npt.NDArray[np.int32]
    tier: npt.NDArray[np.int8]
    follows: npt.NDArray[np.int64]
    of_class: npt.NDArray[np.str_] | None = None
    note: str = ""

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.arrival_s)
