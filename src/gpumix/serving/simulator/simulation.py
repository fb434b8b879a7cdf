"""One simulation: requests, a replica's step table and how many of them -> what happened."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gpumix.domain.traffic import Requests
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.loop import run
from gpumix.serving.simulator.state import Fleet, Load, Rules, Tape
from gpumix.serving.simulator.steptable import StepTable
from gpumix.values import FloatArray

ROUTERS = {
    "round-robin": at.ROUND_ROBIN,
    "least-outstanding": at.LEAST_OUTSTANDING,
    "least-kv": at.LEAST_KV,
    "power-of-two": at.POWER_OF_TWO,
    "prefix-aware": at.PREFIX_AWARE,
}
BATCHING = ("continuous", "static")
EVENTS = {"down": at.DOWN, "up": at.UP, "drain": at.DRAIN}
_WATERMARK = 0.01
_BINS = 240
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that befalls a replica: `down` (lost with its work), `up` (ready) or `drain`
    (takes nothing new: a spot notice, or scaling in)."""

    at_s: float
    replica: int
    kind: str


@dataclass(frozen=True, slots=True)
class Autoscale:
    """Replicas that come and go: as many as bring outstanding requests down to `target` each.

    `fewest` always run, `Settings.replicas` are the most. Load is looked at every `look_s`; a new
    replica is ready after `cold_start_s`; one is let go, when its work is done, after
    `cool_down_s` in which fewer were always enough.
    """

    fewest: int
    target: float
    cold_start_s: float
    look_s: float
    cool_down_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """How a deployment is run.

    A request without first token `timeout_s` after arrival gives up; one that arrives where
    `most_waiting` wait already is shed, as is one longer than `longest_tokens` or the cache. The
    run ends when all is done, or at `stop_s`. `replicas` beyond `starting` wait for an `up`.
    A `static` batch takes what waits up to the most sequences, runs all prompts, then decodes until
    the last answer is done; only then the next one starts. The first `prefill_replicas` only run
    prompts; each prompt's cache then moves, in `transfer_s_per_token`, to one of the others, which
    decode.
    """

    replicas: int = 1
    router: str = "least-outstanding"
    timeout_s: float = math.inf
    stop_s: float = math.inf
    most_waiting: int = 2**62
    longest_tokens: int = 2**31 - 1
    batching: str = "continuous"
    autoscale: Autoscale | None = None
    prefill_replicas: int = 0
    transfer_s_per_token: float = 0.0
    events: tuple[Event, ...] = ()
    starting: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What happened to every request, in the order they were given, and to the replicas.

    Times are from the start of the stream; NaN where it did not come to that. A replica steps for
    `busy_s`, holds its GPUs for `on_s` and ends at `clock_s`. `gaps` counts gaps
    between tokens by `GAP_PER_DECADE` bins a decade; `series` has busy seconds, sequences,
    waiting requests and used cache share over time, `bin_s` apart. `of_class` is the requests' own.
    """

    arrival_s: FloatArray
    first_s: FloatArray
    finish_s: FloatArray
    outcome: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    first_token_s: float
    busy_s: FloatArray
    clock_s: FloatArray
    on_s: FloatArray
    sequence_s: FloatArray
    replica_iterations: npt.NDArray[np.int64]
    replica_prefilled: npt.NDArray[np.int64]
    iterations: int
    decoded: int
    prefilled: int
    evictions: int
    gaps: npt.NDArray[np.int64]
    series: FloatArray
    bin_s: float
    of_class: npt.NDArray[np.str_] | None = None

    def seen_from(self, rtt_s: float) -> Outcome:
        """The same for users whose every answer comes a round trip later [s]."""
        return replace(self, first_s=self.first_s + rtt_s, finish_s=self.finish_s + rtt_s)

    @property
    def served(self) -> npt.NDArray[np.bool_]:
        """Which requests were served."""
        return np.asarray(self.outcome == at.SERVED)

    @property
    def ttft_s(self) -> FloatArray:
        """Arrival to first token, where there was one [s]."""
        return self.first_s - self.arrival_s + self.first_token_s

    @property
    def e2e_s(self) -> FloatArray:
        """Arrival to last token [s]."""
        return self.finish_s - self.arrival_s + self.first_token_s

    @property
    def tpot_s(self) -> FloatArray:
        """Mean time of a token after the first; NaN for answers of one token [s]."""
        later = self.output_tokens - 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(later > 0.0, (self.finish_s - self.first_s) / later, np.nan)

    def gap_quantiles_s(self, probabilities: FloatArray) -> FloatArray:
        """Gaps between tokens not exceeded with these probabilities, to the width of a
        histogram's bin (4 %); NaN where no token followed another [s]."""
        total = int(self.gaps.sum())
        if not total:
            return np.full(len(probabilities), np.nan)
        reached = np.searchsorted(np.cumsum(self.gaps), probabilities * total)
        middle = np.minimum(reached, at.GAP_BINS - 1) + 0.5
        return np.asarray(10.0 ** (at.GAP_LOWEST + middle / at.GAP_PER_DECADE))


def simulate(
    requests: Requests,
    table: StepTable,
    settings: Settings | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Outcome:
    """Run a stream of requests through replicas of one deployment.

    `progress` hears the share done. Raises: ValueError where arrivals fall, are negative or not
    finite, names are unknown, or the table is smaller than the batch it allows.
    """
    settings = settings or Settings()
    _refuse_settings(settings)
    _refuse_table(table)
    load = _load(requests, table, settings)
    span = float(load.arrival[-1]) if len(requests) else 0.0
    chained = bool(len(requests)) and bool(np.any(requests.follows >= 0))
    bin_s = max(span, 1e-3) / _BINS
    fleet = _fleet(requests, table, settings, chained)
    tape = _tape(len(requests))
    scale = settings.autoscale or Autoscale(settings.replicas, 1.0, 0.0, math.inf, 0.0)
    rules = Rules(
        ROUTERS[settings.router],
        float(settings.timeout_s),
        float(settings.stop_s),
        int(settings.most_waiting),
        int(settings.longest_tokens),
        int(_WATERMARK * table.kv_blocks),
        bin_s,
        settings.batching == "static",
        scale.fewest,
        scale.target,
        scale.look_s,
        scale.cold_start_s,
        scale.cool_down_s,
        settings.prefill_replicas,
        settings.transfer_s_per_token,
    )
    events = np.array(
        [(e.at_s, e.replica, EVENTS[e.kind]) for e in sorted(settings.events, key=lambda e: e.at_s)]
    ).reshape(-1, 3)
    for begin in range(0, max(len(requests), 1), _CHUNK):
        progress(begin / max(len(requests), 1))
        run(load, rules, table, tape, fleet, events, begin, min(begin + _CHUNK, len(requests)))
    load.arrival[requests.follows < 0] = requests.arrival_s[requests.follows < 0]
    return replace(_outcome(load, table, tape, fleet, bin_s), of_class=requests.of_class)


def _refuse_settings(settings: Settings) -> None:
    if settings.router not in ROUTERS or settings.replicas < 1:
        raise ValueError(f"router {settings.router!r} of {settings.replicas} replicas")
    if settings.batching not in BATCHING:
        raise ValueError(f"batching {settings.batching!r}: one of {', '.join(BATCHING)}")
    if settings.batching == "static" and settings.events:
        raise ValueError("events of replicas are simulated for continuous batching only")
    _refuse_pools(settings)
    scale = settings.autoscale
    if scale is None:
        return
    if settings.events or settings.starting is not None:
        raise ValueError("replicas follow the load or a list of events, not both")
    if not 1 <= scale.fewest <= settings.replicas:
        raise ValueError(f"at least {scale.fewest} of {settings.replicas} replicas")
    if min(scale.target, scale.look_s) <= 0.0 or min(scale.cold_start_s, scale.cool_down_s) < 0.0:
        raise ValueError("target and look are above 0, cold start and cool-down not below")


def _refuse_pools(settings: Settings) -> None:
    if settings.prefill_replicas == 0:
        return
    if not 0 < settings.prefill_replicas < settings.replicas or settings.transfer_s_per_token < 0.0:
        raise ValueError("replicas that prefill leave some to decode, and transfers take time")
    if settings.batching == "static" or settings.autoscale:
        raise ValueError("apart, prefill and decode replicas batch continuously and stay as many")


def _refuse_table(table: StepTable) -> None:
    """Tables are read without bounds checks, so they must be as large as they say."""
    rows, steps = table.max_sequences + 1, max(table.chunk_tokens, table.max_sequences) + 1
    fits = (
        table.decode_s.shape == table.attend_s.shape
        and table.decode_s.shape[0] >= rows
        and table.decode_s.shape[1] == len(table.contexts)
        and len(table.head_s) >= rows
        and len(table.tokens_s) >= steps
        and table.chunk_tokens >= 1
    )
    if not fits:
        raise ValueError("the step table is smaller than its batch and token budget")


def released_s(arrival_s: FloatArray, each_s: float) -> FloatArray:
    """When requests reach the engine through a server that takes `each_s` for each, in turn.

    A request alone is not delayed: its own time is part of the fixed time to a first token.

    Args:
        arrival_s: rising times [s].
        each_s: time of one request at the server [s].

    Source: Lindley's recursion of a queue with constant service.

    >>> released_s(np.array([0.0, 0.0, 0.0, 9.0]), 2.0).tolist()
    [0.0, 2.0, 4.0, 9.0]
    """
    ahead = each_s * np.arange(len(arrival_s))
    return np.asarray(np.maximum.accumulate(arrival_s - ahead) + ahead)


def _load(requests: Requests, table: StepTable, settings: Settings) -> Load:
    arrival = np.array(requests.arrival_s, dtype=np.float64)
    own = arrival[requests.follows < 0] if len(arrival) else arrival
    if not np.all(np.isfinite(arrival)) or np.any(arrival < 0.0) or np.any(np.diff(own) < 0.0):
        raise ValueError("arrivals must be finite, not negative, and rise")
    if table.front_s > 0.0:
        arrival[requests.follows < 0] = released_s(own, table.front_s / settings.replicas)
    if np.any(requests.input_tokens < 1) or np.any(requests.output_tokens < 0):
        raise ValueError("a prompt has at least one token, an answer none or more")
    asked = np.empty((len(arrival), at.ASKED), dtype=np.int32)
    asked[:, at.INPUT] = requests.input_tokens
    asked[:, at.OUTPUT] = requests.output_tokens
    asked[:, at.PREFIX_ID] = requests.prefix_id
    asked[:, at.PREFIX] = requests.prefix_tokens
    asked[:, at.TIER] = requests.tier
    asked[:, at.FOLLOWS] = requests.follows
    asked[:, at.FOLLOWER] = -1
    chained = np.flatnonzero(requests.follows >= 0)
    asked[requests.follows[chained], at.FOLLOWER] = chained
    shape = (len(arrival) if settings.router == "power-of-two" else 0, 2)
    draws = np.random.default_rng(settings.seed).integers(0, 2**31, shape)
    return Load(arrival, asked, draws)


def _tape(count: int) -> Tape:
    noted = np.zeros((count, at.NOTED), dtype=np.int32)
    noted[:, at.OUTCOME] = at.QUEUED
    return Tape(np.full((count, at.TIMES), np.nan), noted)


def _fleet(requests: Requests, table: StepTable, settings: Settings, chained: bool) -> Fleet:
    replicas, slots = settings.replicas, table.max_sequences + 1
    prefixes = int(requests.prefix_id.max(initial=-1)) + 1
    turns = int(np.count_nonzero(requests.follows < 0)) + 1 if chained else 1
    counts = np.zeros((replicas, at.COUNTS), dtype=np.int64)
    counts[:, [at.PARTIAL, at.HEAD0, at.HEAD1, at.TAIL0, at.TAIL1]] = -1
    counts[:, at.FREE_BLOCKS] = table.kv_blocks
    moves = len(requests) + 1 if settings.prefill_replicas else 1
    scale = settings.autoscale
    starting = scale.fewest if scale else settings.starting
    counts[:, at.STATE] = at.UP
    if starting is not None:
        counts[starting:, at.STATE] = at.DOWN
    return Fleet(
        counts,
        np.zeros((replicas, at.SUMS)),
        np.zeros((replicas, 3, slots), dtype=np.int64),
        np.zeros((replicas, at.BLOCK), dtype=np.int64),
        np.zeros((replicas, prefixes), dtype=np.bool_),
        np.zeros((replicas, turns)),
        np.zeros((replicas, turns), dtype=np.int64),
        np.zeros(at.GAP_BINS, dtype=np.int64),
        np.zeros((_BINS + 1, 4)),
        np.zeros(at.MARKS, dtype=np.int64),
        np.array([scale.look_s if scale else math.inf, math.inf]),
        np.zeros(moves),
        np.zeros(moves, dtype=np.int64),
    )


def _outcome(load: Load, table: StepTable, tape: Tape, fleet: Fleet, bin_s: float) -> Outcome:
    on, lasts = fleet.counts[:, at.STATE] != at.DOWN, float(fleet.times[:, at.CLOCK].max())
    return Outcome(
        arrival_s=load.arrival,
        first_s=tape.times[:, at.FIRST],
        finish_s=tape.times[:, at.FINISH],
        outcome=tape.notes[:, at.OUTCOME],
        output_tokens=load.asked[:, at.OUTPUT],
        first_token_s=table.first_token_s,
        busy_s=fleet.times[:, at.BUSY],
        clock_s=fleet.times[:, at.CLOCK],
        on_s=fleet.times[:, at.ON_S] + np.where(on, lasts - fleet.times[:, at.SINCE], 0.0),
        sequence_s=fleet.times[:, at.BATCH_S],
        replica_iterations=fleet.counts[:, at.ITERATIONS],
        replica_prefilled=fleet.counts[:, at.PREFILLED],
        iterations=int(fleet.counts[:, at.ITERATIONS].sum()),
        decoded=int(fleet.counts[:, at.DECODED].sum()),
        prefilled=int(fleet.counts[:, at.PREFILLED].sum()),
        evictions=int(fleet.counts[:, at.EVICTED].sum()),
        gaps=fleet.gaps,
        series=fleet.series,
        bin_s=bin_s,
    )
