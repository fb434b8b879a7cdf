"""How requests of an open loop fare on one replica: which share of them is within a time.

Text is served in steps, so two things are random. The crowd that decodes swings with arrivals; and
prompts of others lengthen the steps, or where they go first take them over, so that an answer is
late by as many prompts as it happens to meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gpumix.domain.traffic import Lengths
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.steps import decode_step_s, mixed_step_s, prefill_s
from gpumix.serving.queueing import gamma_share, normal_share
from gpumix.serving.simulator.steptable import prefills_first, reserves_all
from gpumix.serving.traffic import lengths
from gpumix.values import FloatArray, Values

_CELLS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.88, 0.92, 0.98, 1.0])
"""Probabilities between which one length each stands for a distribution, so that 0.5, 0.9, 0.95 and
0.99, at which promises are made, lie in the middle of theirs."""

_LIFETIME = 0.8
"""Variance of a crowd averaged over an answer, over that at a moment: swings last about as long as
an answer (2 / e = 0.74 of an exponential one, 2/3 where all are alike, 1 of a short one)."""

_STEEPEST, _FULLEST = 0.95, 0.999
_HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class OpenLoop:
    """A replica at a mean crowd; one entry a row, times in seconds.

    `tpot_s` is the mean time of a token; `decode_s` that of a step without prompts, `swing_s` its
    standard deviation as the crowd swings, `full_s` that of a step with all room taken, `slowest_s`
    with as many prompts as it takes besides. Another one's prompt adds `adds_s`; there are
    `prompt_load` of the time such prompts. `prompts_s` are the steps of prompts of some lengths,
    shape (lengths, rows), that stand for `prompt_shares` of all; `gaps` the tokens after the first
    of some answers, `answer_shares` of those that have any. `room` is the requests that fit. A
    request waits for a step of `step_s` with chance `busy`, for prompts before it and for room as
    `waits` say: chance, and mean time if so.
    """

    requests_per_s: FloatArray
    first_token_s: FloatArray
    decode_s: FloatArray
    swing_s: FloatArray
    full_s: FloatArray
    slowest_s: FloatArray
    tpot_s: FloatArray
    adds_s: FloatArray
    prompt_load: FloatArray
    prompt_cv2: float
    prompts_s: FloatArray
    prompt_shares: FloatArray
    gaps: FloatArray
    answer_shares: FloatArray
    room: FloatArray
    step_s: FloatArray
    busy: FloatArray
    waits: tuple[tuple[FloatArray, FloatArray], ...]

    def ttft_share(self, limit_s: Values) -> FloatArray:
        """Share of requests whose first token comes within a time [0-1].

        TTFT = first token + rest of a step + its prompt's steps + wait for prompts and for room

        Args:
            limit_s: the time [s].

        Source: docs/serving.md; M/G/1 with an exponential tail (Kingman 1962).
        """
        left = limit_s - self.first_token_s - self.prompts_s
        at_once = np.clip(left / np.maximum(self.step_s, 1e-12), 0.0, 1.0)
        met = np.where(left >= 0.0, 1.0 - self.busy + self.busy * at_once, 0.0)
        after = np.maximum(left - 0.5 * self.busy * self.step_s, 0.0)
        late = [c * np.exp(-after / np.maximum(mean_s, 1e-12)) for c, mean_s in self.waits]
        return np.asarray(self.prompt_shares @ (met * (1.0 - np.maximum(*late))))

    def tpot_share(self, limit_s: Values) -> FloatArray:
        """Share of requests whose mean time a token is within a time [0-1].

        TPOT = decode + J / gaps. J is what prompts of others add: of those that wait when the
        first token is out, and of those that come while it decodes, each with all that come
        meanwhile (busy periods of M/G/1). Without any, with chance (1 - rho) exp(-lambda gaps
        decode), the crowd alone decides.

        Args:
            limit_s: the time [s].

        Source: docs/serving.md; busy periods in Kleinrock, "Queueing Systems" I (1975), 5.8.
        """
        rho, over = self.prompt_load, 1.0 / (1.0 - self.prompt_load)
        spread = 1.0 + self.prompt_cv2
        arriving = self.requests_per_s * self.gaps * self.decode_s
        behind = rho + rho * rho * spread * over / 2.0
        none = (1.0 - rho) * np.exp(-arriving)
        mean = (arriving + behind) * self.adds_s * over
        each = spread * self.adds_s**2
        variance = (arriving + behind) * each * over**3 + (behind * self.adds_s * over) ** 2
        some = np.maximum(1.0 - none, 1e-9)
        later = mean / some
        around = (variance + mean**2) / some - later**2
        around = np.maximum(around, 1e-4 * later**2) + (self.gaps * self.swing_s) ** 2
        left = limit_s - self.decode_s
        quiet = normal_share(left / self.swing_s)
        low = 3.0 * self.gaps * self.swing_s
        met = none * quiet + some * gamma_share(left * self.gaps + low, later + low, around)
        most_s = (self.room - 1.0) * self.adds_s
        certain = (limit_s >= self.slowest_s) | ((limit_s - self.full_s) * self.gaps >= most_s)
        of_one_token = 1.0 - self.answer_shares.sum()
        return np.asarray(of_one_token + self.answer_shares @ np.maximum(met, certain))

    def within(self, metric: str, limit_s: Values) -> FloatArray:
        """Share of requests within a limit of `ttft` or `tpot` [0-1].

        Args:
            metric: which.
            limit_s: the limit [s].

        Source: definition.
        """
        return self.ttft_share(limit_s) if metric == "ttft" else self.tpot_share(limit_s)

    def quantile_s(self, metric: str, quantile: float) -> FloatArray:
        """Time that a share of requests is within, found by halving [s].

        Args:
            metric: `ttft` or `tpot`.
            quantile: the share [0-1].

        Source: definition.
        """
        low = np.log(0.2 * np.minimum(self.decode_s, self.first_token_s + self.prompts_s.min()))
        longest = self.first_token_s + self.prompts_s.max(axis=0) + self.step_s
        waits = sum(mean_s for _, mean_s in self.waits) + self.adds_s / (1.0 - self.prompt_load)
        high = np.log(4.0 * longest + 20.0 * waits)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            met = self.within(metric, np.exp(middle)) >= quantile
            low, high = np.where(met, low, middle), np.where(met, middle, high)
        return np.asarray(np.exp(high))


def open_loop(
    dep: Deployment,
    input: Lengths,
    output: Lengths,
    arrival_cv: float,
    prefix_hit: float,
    batch: Values,
) -> OpenLoop:
    """A replica that holds a mean number of requests under arrivals at any time.

    Whoever comes finds b others, so it decodes among 1 + b. With lambda requests a second, each
    of whose prompts adds x to what decodes, and P of its own prompt's steps
    b = lambda (P + (output - 1) decode / (1 - lambda x)), solved for lambda. Who finds no room
    waits: the larger of two approximations of that chance, the tail of the crowd and that of a
    queue in front of as many servers.

    Args:
        dep: deployments.
        input, output: lengths of requests [tokens].
        arrival_cv: coefficient of variation of the gaps between arrivals [1].
        prefix_hit: share of a prompt found in the prefix cache [0-1].
        batch: mean requests b of one replica, waiting ones not counted [count].

    Source: docs/serving.md; Little (1961); Poisson arrivals see time averages (Wolff 1982);
        Sakasegawa (1977), "An approximation formula Lq = a rho^b / (1 - rho)"; the crowd counted in
        units of its peakedness, Hayward's approximation (Fredericks 1980).
    """
    b = np.asarray(batch, dtype=np.float64)
    steps, seats, full = _settled(dep, input, output, prefix_hit)
    answers, answer_shares = _points(output)
    here = steps.at(b, seats)
    rate = here.requests_per_s
    shape = 0.5 * (1.0 + arrival_cv**2)
    peaked = shape / (1.0 - np.minimum(here.steepness, _STEEPEST))
    load = np.minimum(rate * here.adds_s, _FULLEST)
    swing = here.slope_s * np.sqrt(b * peaked * _LIFETIME) / (1.0 - load)
    queued = np.minimum(rate * here.queued_s, _FULLEST)
    alike = 1.0 + queued * (1.0 - np.minimum(here.share, 1.0))
    wait_s = (arrival_cv**2 + input.cv**2) / 2.0 * here.queued_s / (1.0 - queued) * alike
    spread = b * shape / (1.0 - np.minimum(here.prompts_steepness, _STEEPEST))
    taken = np.minimum(rate / full.requests_per_s, _FULLEST)
    around = gamma_share(seats + 0.5, b, spread) - gamma_share(seats - 0.5, b, spread)
    beyond = around / (1.0 - taken)
    fewer = gamma_share(seats - 0.5, b, spread)
    rarely = beyond / np.maximum(fewer + beyond, 1e-9)
    erlang = taken ** np.maximum(np.sqrt(2.0 * (seats / peaked + 1.0)) - 1.0, 1.0)
    rarely = np.maximum(rarely, erlang)
    room_s = (arrival_cv**2 + output.cv**2) / 2.0 / (full.requests_per_s * (1.0 - taken))
    return OpenLoop(
        requests_per_s=rate,
        first_token_s=dep.first_token_s,
        decode_s=here.decode_s,
        swing_s=np.maximum(swing, 1e-3 * here.decode_s),
        full_s=full.decode_s,
        slowest_s=np.where(prefills_first(dep), np.inf, full.full_s),
        tpot_s=here.decode_s / (1.0 - load),
        adds_s=here.adds_s,
        prompt_load=load,
        prompt_cv2=input.cv**2,
        prompts_s=here.prompts_s,
        prompt_shares=steps.prompt_shares,
        gaps=np.maximum(answers - 1.0, 1.0)[:, np.newaxis],
        answer_shares=_of_several(answers, answer_shares),
        room=seats,
        step_s=here.decode_s / (1.0 - load),
        busy=1.0 - np.exp(-b),
        waits=((queued, wait_s), (rarely, room_s)),
    )


@lru_cache(maxsize=16)
def _settled(
    dep: Deployment, input: Lengths, output: Lengths, prefix_hit: float
) -> tuple[_Steps, FloatArray, _Load]:
    """What no crowd changes, as searches ask for many: steps, room, and the load with it taken."""
    seats = np.maximum(np.floor(room(dep, input, output)), 1.0)
    prompts, shares = _points(input)
    answer = max(output.mean, 1.0)
    steps = _Steps(dep, input.mean, prompts, shares, answer, met_answer(output), prefix_hit)
    return steps, seats, steps.at(seats, seats)


def met_answer(output: Lengths) -> float:
    """Mean length of the answers that decode at a moment [tokens]: long ones stay for longer.

    output (1 + cv^2)

    Args:
        output: lengths of answers [tokens].

    Source: renewal theory, the inspection paradox; Cox, "Renewal Theory" (1962), section 5.4.

    >>> met_answer(Lengths(100.0, 1.0))
    200.0
    """
    return max(output.mean, 1.0) * (1.0 + output.cv**2)


def room(dep: Deployment, input: Lengths, output: Lengths) -> FloatArray:
    """Requests that fit into a replica at once [count].

    Args:
        dep: deployments.
        input, output: lengths of requests [tokens].

    Source: `perf.memory.memory`, at the answers met at a moment.
    """
    held = np.where(reserves_all(dep), 1.0, 0.5 / np.maximum(dep.output_share, 0.5))
    answer = np.maximum(met_answer(output) * held, max(output.mean, 1.0))
    fits = memory(dep, input.mean, answer).batch_max / dep.copies
    return np.where(fits >= 1.0, np.minimum(fits, dep.max_sequences * dep.ranks), 0.0)


def _of_several(answers: FloatArray, shares: FloatArray) -> FloatArray:
    """Shares of the answers that have a token after the first; nothing where none has."""
    several = np.where(answers >= 2.0, shares, 0.0)
    return np.asarray(several / max(float(several.sum()), 1e-9))


def _points(sizes: Lengths) -> tuple[FloatArray, FloatArray]:
    """Lengths that stand for a distribution [tokens], and for which share of it."""
    if sizes.cv <= 0.0 and not sizes.quantiles:
        return np.array([max(sizes.mean, 1.0)]), np.ones(1)
    middle = 0.5 * (_CELLS[1:] + _CELLS[:-1])
    return lengths(sizes, middle, 1).astype(np.float64), np.diff(_CELLS)


@dataclass(frozen=True, slots=True)
class _Load:
    requests_per_s: FloatArray
    decode_s: FloatArray
    slope_s: FloatArray
    steepness: FloatArray
    prompts_steepness: FloatArray
    adds_s: FloatArray
    queued_s: FloatArray
    full_s: FloatArray
    share: FloatArray
    prompts_s: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Step times of deployments under requests of one size."""

    dep: Deployment
    input_len: float
    prompts: FloatArray
    prompt_shares: FloatArray
    output_len: float
    met_output: float
    prefix_hit: float

    @property
    def context(self) -> float:
        """Mean cached tokens of a request that decodes [tokens]."""
        return self.input_len + 0.5 * self.met_output

    def _prompts_s(self, beside: FloatArray) -> FloatArray:
        """Steps of prompts of some lengths beside a crowd [s], shape (lengths, rows)."""
        tokens = self.prompts[:, np.newaxis]
        fresh, span = tokens * (1.0 - self.prefix_hit), tokens * (1.0 + self.prefix_hit)
        return np.asarray(
            prefill_s(self.dep, fresh, span, beside=beside, context=self.context), dtype=np.float64
        )

    def at(self, batch: FloatArray, seats: FloatArray) -> _Load:
        """What a request meets at a mean crowd."""
        dep, first = self.dep, prefills_first(self.dep)
        fresh = max(self.input_len * (1.0 - self.prefix_hit), 1.0)
        span = self.input_len * (1.0 + self.prefix_hit)
        context = self.context
        budget = dep.chunk_tokens * dep.pp * dep.ranks
        # With more than these every step is full of prompts: they wait, and do not decode.
        filled = np.maximum(budget, fresh) * self.output_len / fresh
        decoding = np.minimum(batch, np.maximum(filled, 1.0))
        among = np.minimum(1.0 + decoding, seats)
        decode = decode_step_s(dep, among, context)
        more = np.maximum(0.1 * among, 0.5)
        slope = (decode_step_s(dep, among + more, context) - decode) / more
        mixed = np.minimum(np.maximum(fresh, among * fresh / self.output_len), budget)
        beside, decodes = np.where(first, 0.0, decoding), np.where(first, 0.0, decode)
        one = mixed_step_s(dep, beside, mixed, context, span)
        adds = np.maximum(one - decodes, 0.0) * fresh / mixed
        prompts_s = self._prompts_s(beside)
        own = np.asarray(self.prompt_shares @ prompts_s)
        longer = own / prefill_s(dep, fresh, span, beside=beside, context=context)
        adds = adds * longer
        full = mixed_step_s(dep, beside, budget, context, span)
        queued = np.minimum(full * fresh / budget * longer, own)
        alone = max(self.output_len - 1.0, 0.0) * decode
        total = own + alone + batch * adds
        root = np.sqrt(np.maximum(total * total - 4.0 * own * adds * batch, 0.0))
        in_turn = batch / (own + alone + np.maximum(seats - 1.0, 0.0) * adds)
        rate = np.minimum(np.maximum(2.0 * batch / (total + root), in_turn), _FULLEST / queued)
        rises = batch * slope / decode * alone
        steep = rises / np.maximum(own + alone, 1e-12), (rises + batch * adds) / total
        return _Load(rate, decode, slope, *steep, adds, queued, full, fresh / budget, prompts_s)
