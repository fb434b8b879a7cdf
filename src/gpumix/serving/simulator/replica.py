"""One replica, compiled: its queue, the scheduler of its steps, its cache.

It repeats: make room for the decoding sequences, let waiting prompts in as far as the token budget,
the sequences and the cache allow, run one step. Steps that only decode an unchanged batch are taken
together: their times form an arithmetic series, summed in closed form.
"""

# What numpy arrays hold is Any to mypy, and max(), min() of it are unions.
# mypy: disable-error-code="operator,assignment,no-any-return"

from __future__ import annotations

import math

import numpy as np

from gpumix.compiled import compiled, inlined
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.heaps import pop_due, push_due, remove, sift_up
from gpumix.serving.simulator.queues import blocks, outstanding, pop, push
from gpumix.serving.simulator.steptable import StepTable
from gpumix.serving.simulator.steptime import decode_run, mixed_s, span_s


@compiled
def advance(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    until: float,
) -> None:
    """Steps of a replica that start before `until`; one, or one run, where work is passed on."""
    counts, times = fleet.counts[replica], fleet.times[replica]
    while counts[at.STATE] == at.UP or counts[at.STATE] == at.DRAIN:
        while counts[at.PENDING] and fleet.due[replica, 0] <= min(times[at.CLOCK], until):
            when = fleet.due[replica, 0]
            counts[at.PENDING] -= 1
            request = pop_due(fleet.due[replica], fleet.due_id[replica], counts[at.PENDING])
            arrive(load, rules, table, tape, fleet, replica, request, when)
        if times[at.CLOCK] >= until:
            return
        soon = min(until, fleet.due[replica, 0]) if counts[at.PENDING] else until
        if outstanding(fleet, replica) == 0:
            if soon >= until:
                return
            times[at.CLOCK] = soon
        else:
            _step(load, rules, table, tape, fleet, replica, soon)
        if rules.prefill > 0:
            return


@compiled
def next_step_s(fleet: at.Fleet, replica: at.Whole) -> float:
    """When a replica's next step starts, as far as is known now; infinite if nothing waits."""
    counts, clock = fleet.counts[replica], fleet.times[replica, at.CLOCK]
    if counts[at.STATE] != at.UP and counts[at.STATE] != at.DRAIN:
        return np.inf
    if outstanding(fleet, replica):
        return clock
    return max(clock, fleet.due[replica, 0]) if counts[at.PENDING] else np.inf


@compiled
def arrive(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    request: at.Whole,
    now: float,
) -> None:
    """A request joins the queue of its replica, or is shed."""
    counts = fleet.counts[replica]
    if outstanding(fleet, replica) == 0 and fleet.times[replica, at.CLOCK] < now:
        fleet.times[replica, at.CLOCK] = now
    load.arrival[request] = now
    whole = np.int64(load.asked[request, at.INPUT] + load.asked[request, at.OUTPUT])
    if blocks(whole) > table.kv_blocks or whole > rules.longest:
        _end(load, rules, tape, fleet, replica, request, now, at.TOO_LONG)
    elif counts[at.WAITING] >= rules.most_waiting:
        _end(load, rules, tape, fleet, replica, request, now, at.TURNED_AWAY)
    else:
        push(load, tape, fleet, replica, request)


@compiled
def _end(
    load: at.Load,
    rules: at.Rules,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    request: at.Whole,
    now: float,
    outcome: at.Whole,
) -> None:
    """The last of a request; the next turn of its conversation becomes due."""
    tape.notes[request, at.OUTCOME] = outcome
    tape.times[request, at.FINISH] = now
    turn = np.int64(load.asked[request, at.FOLLOWER])
    if turn < 0:
        return
    if replica >= rules.prefill > 0:
        replica = tape.notes[request, at.HOME]
    push_due(
        fleet.due[replica],
        fleet.due_id[replica],
        fleet.counts[replica, at.PENDING],
        now + load.arrival[turn],
        turn,
    )
    fleet.counts[replica, at.PENDING] += 1


@inlined
def _step(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    until: float,
) -> None:
    """One step with prompts in it, or a run of steps without.

    Engines that prefill first let prompts go alone, and decode only if none can. In one piece, as
    cut into functions, even inlined ones, it takes a tenth to a fifth longer.
    """
    counts, times, heap = fleet.counts[replica], fleet.times[replica], fleet.heap[replica]
    if replica >= rules.prefill > 0:
        _join(load, rules, table, tape, fleet, replica)
    alone = table.prefills_first and counts[at.DECODING] > 0
    while True:
        evicted, decoding = False, np.int64(0)
        if not alone:
            while (
                counts[at.DECODING]
                and fleet.phase[replica, counts[at.STEPS] & at.IN_BLOCK] > counts[at.FREE_BLOCKS]
            ):
                evict(load, rules, table, tape, fleet, replica)
                evicted = True
            counts[at.FREE_BLOCKS] -= fleet.phase[replica, counts[at.STEPS] & at.IN_BLOCK]
            decoding = counts[at.DECODING]
        end = counts[at.DECODING]
        if rules.static and end + counts[at.THROUGH] == 0 and counts[at.PARTIAL] < 0:
            counts[at.SEATS] = min(counts[at.WAITING], table.max_sequences)
        budget, attend, done = max(table.chunk_tokens - decoding, 0), 0.0, counts[at.THROUGH]
        prompts = budget
        request, admission = counts[at.PARTIAL], counts[at.PARTIAL_ADMITTED]
        while budget > 0:
            if request < 0:
                full = counts[at.SEATS] == 0 if rules.static else end + done >= table.max_sequences
                if evicted or full:
                    break
                request = _admit(load, rules, table, tape, fleet, replica, end + done)
                if request < 0:
                    counts[at.SEATS] = 0
                    break
                counts[at.SEATS] -= 1
                admission = counts[at.ADMITTED]
            take = min(budget, counts[at.PROMPT_LEFT])
            attend += take * span_s(table, counts[at.PROMPT_DONE] + 0.5 * take)
            counts[at.PROMPT_DONE] += take
            counts[at.PROMPT_LEFT] -= take
            budget -= take
            if counts[at.PROMPT_LEFT] == 0:
                heap[1, end + done] = request
                heap[2, end + done] = admission
                done += 1
                request = -1
        counts[at.PARTIAL], counts[at.PARTIAL_ADMITTED] = request, admission
        prompts -= budget
        if prompts > 0 or not alone:
            break
        alone = False
    if prompts > 0:
        took = mixed_s(
            table, decoding, counts[at.CACHED_TOKENS], prompts, attend, done - counts[at.THROUGH]
        )
        _account(fleet, rules, replica, took, decoding, np.int64(1))
        counts[at.PREFILLED] += prompts
        counts[at.STEPS] += decoding > 0
        counts[at.CACHED_TOKENS] += decoding
    elif decoding > 0:
        until = _next_change(load, rules, tape, fleet, replica, until)
        steps, took = decode_run(table, fleet, replica, 0.0 if evicted else until - times[at.CLOCK])
        _account(fleet, rules, replica, took, decoding, steps)
        counts[at.STEPS] += steps
        counts[at.CACHED_TOKENS] += steps * decoding
    _finish(load, rules, table, tape, fleet, replica)
    if rules.static and (
        counts[at.PARTIAL] >= 0 or (counts[at.SEATS] > 0 and counts[at.WAITING] > 0)
    ):
        counts[at.THROUGH] = done
        return
    counts[at.THROUGH] = counts[at.SEATS] = 0
    for place in range(end, end + done):
        _first(load, rules, table, tape, fleet, replica, heap[1, place], heap[2, place])


@inlined
def _next_change(
    load: at.Load, rules: at.Rules, tape: at.Tape, fleet: at.Fleet, replica: at.Whole, until: float
) -> float:
    """When the next turn falls due or the first in the queue gives up, if before `until`."""
    counts = fleet.counts[replica]
    if counts[at.PENDING]:
        until = min(until, fleet.due[replica, 0])
    if counts[at.WAITING] and rules.timeout_s < np.inf and not rules.static:
        first = counts[at.HEAD0] if counts[at.HEAD0] >= 0 else counts[at.HEAD1]
        if tape.notes[first, at.EMITTED] == 0:
            until = min(until, load.arrival[first] + rules.timeout_s)
    return until


@inlined
def _admit(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    running: at.Whole,
) -> at.Whole:
    """The next waiting request, its blocks taken, its prompt next to do; -1 if it must wait."""
    counts, now = fleet.counts[replica], fleet.times[replica, at.CLOCK]
    while counts[at.WAITING]:
        request = counts[at.HEAD0] if counts[at.HEAD0] >= 0 else counts[at.HEAD1]
        emitted = tape.notes[request, at.EMITTED]
        if emitted == 0 and now >= load.arrival[request] + rules.timeout_s:
            pop(tape, counts)
            _end(load, rules, tape, fleet, replica, request, now, at.TIMED_OUT)
            continue
        if tape.notes[request, at.MOVED]:
            return -1
        tokens = np.int64(load.asked[request, at.INPUT] + emitted)
        need = _room(load, rules, table, replica, request, tokens)
        spare = rules.watermark if running else 0
        if need + spare > counts[at.FREE_BLOCKS]:
            return -1
        pop(tape, counts)
        counts[at.FREE_BLOCKS] -= need
        counts[at.ADMITTED] += 1
        prefix, hit = load.asked[request, at.PREFIX_ID], 0
        if prefix >= 0 and fleet.seen[replica, prefix]:
            hit = min(np.int64(load.asked[request, at.PREFIX]), tokens - 1)
        counts[at.PROMPT_DONE], counts[at.PROMPT_LEFT] = hit, tokens - hit
        return np.int64(request)
    return -1


@compiled
def _room(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    replica: at.Whole,
    request: at.Whole,
    tokens: at.Whole,
) -> at.Whole:
    """Blocks a request holds at so many tokens; all it will ever need where that is reserved."""
    if table.reserves and replica >= rules.prefill:
        return blocks(np.int64(load.asked[request, at.INPUT] + load.asked[request, at.OUTPUT]))
    return blocks(tokens)


@inlined
def _first(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    request: at.Whole,
    admission: at.Whole,
) -> None:
    """A prompt is through: its next token is out, and it decodes the rest, here or elsewhere."""
    counts, now = fleet.counts[replica], fleet.times[replica, at.CLOCK]
    if load.asked[request, at.PREFIX_ID] >= 0:
        fleet.seen[replica, load.asked[request, at.PREFIX_ID]] = True
    emitted, output = tape.notes[request, at.EMITTED], load.asked[request, at.OUTPUT]
    tokens = np.int64(load.asked[request, at.INPUT] + emitted)
    late = False
    if emitted == 0:
        tape.times[request, at.FIRST] = now
        late = now + table.first_token_s - load.arrival[request] > rules.timeout_s
    tape.notes[request, at.EMITTED] = min(emitted + 1, output)
    left = output - emitted - 1
    over = late or left <= 0
    if over or replica < rules.prefill:
        counts[at.FREE_BLOCKS] += _room(load, rules, table, replica, request, tokens)
    if over:
        _end(load, rules, tape, fleet, replica, request, now, at.TIMED_OUT if late else at.SERVED)
    elif replica < rules.prefill:
        tape.notes[request, at.MOVED], tape.notes[request, at.HOME] = 1, replica
        when = now + tokens * rules.move_s
        push_due(fleet.move, fleet.move_id, fleet.mark[at.MOVES], when, request)
        fleet.mark[at.MOVES] += 1
    else:
        _decode(table, fleet, replica, request, tokens, left, admission)


@compiled
def _join(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
) -> None:
    """Requests whose cache has come from a prefill replica decode on, as far as there is room."""
    counts = fleet.counts[replica]
    while (
        counts[at.WAITING] and counts[at.DECODING] + (counts[at.PARTIAL] >= 0) < table.max_sequences
    ):
        request = counts[at.HEAD0] if counts[at.HEAD0] >= 0 else counts[at.HEAD1]
        tokens = np.int64(load.asked[request, at.INPUT])
        need = _room(load, rules, table, replica, request, tokens)
        spare = rules.watermark if counts[at.DECODING] or counts[at.PARTIAL] >= 0 else 0
        if not tape.notes[request, at.MOVED] or need + spare > counts[at.FREE_BLOCKS]:
            return
        pop(tape, counts)
        tape.notes[request, at.MOVED] = 0
        counts[at.FREE_BLOCKS] -= need
        counts[at.ADMITTED] += 1
        _decode(
            table,
            fleet,
            replica,
            request,
            tokens,
            load.asked[request, at.OUTPUT] - 1,
            counts[at.ADMITTED],
        )


@compiled
def _decode(
    table: StepTable,
    fleet: at.Fleet,
    replica: at.Whole,
    request: at.Whole,
    tokens: at.Whole,
    left: at.Whole,
    admission: at.Whole,
) -> None:
    """A sequence with so many tokens in the cache decodes until none are left."""
    counts = fleet.counts[replica]
    if not table.reserves:
        fleet.phase[replica, (counts[at.STEPS] - tokens) & at.IN_BLOCK] += 1
    counts[at.CACHED_TOKENS] += tokens
    sift_up(fleet.heap[replica], counts[at.DECODING], counts[at.STEPS] + left, request, admission)
    counts[at.DECODING] += 1


@inlined
def _finish(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
) -> None:
    """Sequences whose last token came with this step leave.

    Prompts that are through wait behind the heap's end, so the heap shrinks in place first.
    """
    counts, now, heap = fleet.counts[replica], fleet.times[replica, at.CLOCK], fleet.heap[replica]
    while counts[at.DECODING] and heap[0, 0] == counts[at.STEPS]:
        request = heap[1, 0]
        tape.notes[request, at.EMITTED] = load.asked[request, at.OUTPUT]
        _leave(load, rules, table, fleet, replica, np.int64(0))
        _end(load, rules, tape, fleet, replica, request, now, at.SERVED)


@compiled
def _leave(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    fleet: at.Fleet,
    replica: at.Whole,
    place: at.Whole,
) -> None:
    """The sequence at a place of the heap stops decoding and gives its blocks back."""
    counts, heap = fleet.counts[replica], fleet.heap[replica]
    request = heap[1, place]
    tokens = (
        load.asked[request, at.INPUT]
        + load.asked[request, at.OUTPUT]
        - 1
        - (heap[0, place] - counts[at.STEPS])
    )
    counts[at.CACHED_TOKENS] -= tokens
    counts[at.FREE_BLOCKS] += _room(load, rules, table, replica, request, tokens)
    if not table.reserves:
        fleet.phase[replica, (counts[at.STEPS] - tokens) & at.IN_BLOCK] -= 1
    remove(heap, counts[at.DECODING], place)
    counts[at.DECODING] -= 1


@compiled
def evict(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
) -> None:
    """The youngest running request of the lower tier gives its blocks back and starts over."""
    counts, heap = fleet.counts[replica], fleet.heap[replica]
    worst, tier, admission = np.int64(-1), -1, np.int64(-1)
    for place in range(counts[at.DECODING]):
        own = load.asked[heap[1, place], at.TIER]
        if own > tier or (own == tier and heap[2, place] > admission):
            worst, tier, admission = place, own, heap[2, place]
    counts[at.EVICTED] += 1
    request, own = counts[at.PARTIAL], -1
    if request >= 0:
        own = load.asked[request, at.TIER]
    if request >= 0 and (own > tier or (own == tier and counts[at.PARTIAL_ADMITTED] > admission)):
        tokens = np.int64(load.asked[request, at.INPUT] + tape.notes[request, at.EMITTED])
        counts[at.FREE_BLOCKS] += _room(load, rules, table, replica, request, tokens)
        counts[at.PARTIAL] = -1
    else:
        request = heap[1, worst]
        tape.notes[request, at.EMITTED] = load.asked[request, at.OUTPUT] - (
            heap[0, worst] - counts[at.STEPS]
        )
        _leave(load, rules, table, fleet, replica, worst)
    queue = min(load.asked[request, at.TIER], 1)
    if counts[at.HEAD0 + queue] < 0:
        counts[at.TAIL0 + queue] = request
    tape.notes[request, at.NEXT] = counts[at.HEAD0 + queue]
    counts[at.HEAD0 + queue] = request
    counts[at.WAITING] += 1


@inlined
def _account(
    fleet: at.Fleet,
    rules: at.Rules,
    replica: at.Whole,
    took: float,
    decoding: at.Whole,
    steps: at.Whole,
) -> None:
    """The clock moves on over the steps; sums for the summary."""
    counts, times = fleet.counts[replica], fleet.times[replica]
    running = counts[at.DECODING]
    place = int(min(times[at.CLOCK] / rules.bin_s, len(fleet.series) - 1.0))
    bins = fleet.series[place]
    bins[0] += took
    bins[1] += took * running
    bins[2] += took * counts[at.WAITING]
    bins[3] -= took * counts[at.FREE_BLOCKS]
    times[at.CLOCK] += took
    times[at.BUSY] += took
    times[at.BATCH_S] += took * running
    counts[at.ITERATIONS] += steps
    counts[at.DECODED] += steps * decoding
    if decoding == 0:
        times[at.STALL] = times[at.STALL] + took if running > 0 else 0.0
        return
    if times[at.STALL] > 0.0:
        fleet.gaps[_gap_bin(took / steps + times[at.STALL])] += decoding
        fleet.gaps[_gap_bin(took / steps)] -= decoding
        times[at.STALL] = 0.0
    fleet.gaps[_gap_bin(took / steps)] += steps * decoding


@compiled
def _gap_bin(gap_s: float) -> int:
    place = (math.log10(gap_s) - at.GAP_LOWEST) * at.GAP_PER_DECADE
    return min(max(int(place), 0), at.GAP_BINS - 1)
