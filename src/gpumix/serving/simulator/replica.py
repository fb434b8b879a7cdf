"""One replica, compiled: its queue, the scheduler of its steps, its cache.

It repeats: make room for the decoding sequences, let waiting prompts in as far as the token budget,
the sequences and the cache allow, run one step. Steps that only decode an unchanged batch are taken
together: their times form an arithmetic series, summed in closed form.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,operator,assignment"

from __future__ import annotations

import math

import numpy as np

from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.compiled import compiled, inlined
from gpumix.serving.simulator.heaps import pop_due, push_due, remove, sift_up
from gpumix.serving.simulator.steptime import decode_run, mixed_s, span_s


@compiled
def advance(load, rules, table, tape, fleet, r, until):
    """Steps of a replica that start before `until`; one, or one run, where work is passed on."""
    n, t = fleet.n[r], fleet.t[r]
    while n[at.LIVE] == at.UP or n[at.LIVE] == at.DRAIN:
        while n[at.PENDING] and fleet.due[r, 0] <= min(t[at.CLOCK], until):
            when = fleet.due[r, 0]
            n[at.PENDING] -= 1
            i = pop_due(fleet.due[r], fleet.due_id[r], n[at.PENDING])
            arrive(load, rules, table, tape, fleet, r, i, when)
        if t[at.CLOCK] >= until:
            return
        soon = min(until, fleet.due[r, 0]) if n[at.PENDING] else until
        if outstanding(fleet, r) == 0:
            if soon >= until:
                return
            t[at.CLOCK] = soon
        else:
            _step(load, rules, table, tape, fleet, r, soon)
        if rules.prefill > 0:
            return


@compiled
def next_step_s(fleet, r):
    """When a replica's next step starts, as far as is known now; infinite if nothing waits."""
    n, clock = fleet.n[r], fleet.t[r, at.CLOCK]
    if n[at.LIVE] != at.UP and n[at.LIVE] != at.DRAIN:
        return np.inf
    if outstanding(fleet, r):
        return clock
    return max(clock, fleet.due[r, 0]) if n[at.PENDING] else np.inf


@compiled
def outstanding(fleet, r):
    """Requests waiting or running at a replica."""
    n = fleet.n[r]
    return n[at.B] + n[at.WAIT] + n[at.THROUGH] + (n[at.PART] >= 0)


@compiled
def blocks(tokens):
    """Cache blocks of so many tokens."""
    return (tokens + at.BLOCK - 1) // at.BLOCK


@compiled
def arrive(load, rules, table, tape, fleet, r, i, now):
    """A request joins the queue of its replica, or is shed."""
    n = fleet.n[r]
    if outstanding(fleet, r) == 0 and fleet.t[r, at.CLOCK] < now:
        fleet.t[r, at.CLOCK] = now
    load.arrival[i] = now
    whole = np.int64(load.ask[i, at.INPUT] + load.ask[i, at.OUTPUT])
    if blocks(whole) > table.kv_blocks or whole > rules.longest:
        _end(load, rules, tape, fleet, r, i, now, at.TOO_LONG)
    elif n[at.WAIT] >= rules.most_waiting:
        _end(load, rules, tape, fleet, r, i, now, at.TURNED_AWAY)
    else:
        push(load, tape, fleet, r, i)


@compiled
def push(load, tape, fleet, r, i):
    """Put a request into the queue of its tier."""
    n, k = fleet.n[r], min(load.ask[i, at.TIER], 1)
    n[at.WAIT] += 1
    if n[at.HEAD0 + k] < 0:
        n[at.HEAD0 + k] = i
    else:
        tape.n[n[at.TAIL0 + k], at.LINK] = i
    tape.n[i, at.LINK] = -1
    n[at.TAIL0 + k] = i


@compiled
def pop(tape, n):
    """Take the first request out of the queues; premium goes first."""
    k = 0 if n[at.HEAD0] >= 0 else 1
    i = n[at.HEAD0 + k]
    n[at.HEAD0 + k] = tape.n[i, at.LINK]
    n[at.WAIT] -= 1
    return i


@compiled
def _end(load, rules, tape, fleet, r, i, now, outcome):
    """The last of a request; the next turn of its conversation becomes due."""
    tape.n[i, at.OUTCOME] = outcome
    tape.t[i, at.FINISH] = now
    j = np.int64(load.ask[i, at.FOLLOWER])
    if j < 0:
        return
    if r >= rules.prefill > 0:
        r = tape.n[i, at.HOME]
    push_due(fleet.due[r], fleet.due_id[r], fleet.n[r, at.PENDING], now + load.arrival[j], j)
    fleet.n[r, at.PENDING] += 1


@inlined
def _step(load, rules, table, tape, fleet, r, until):
    """One step with prompts in it, or a run of steps without.

    Engines that prefill first let prompts go alone, and decode only if none can. In one piece, as
    cut into functions, even inlined ones, it takes a tenth to a fifth longer.
    """
    n, t, heap = fleet.n[r], fleet.t[r], fleet.heap[r]
    if r >= rules.prefill > 0:
        _join(load, rules, table, tape, fleet, r)
    alone = table.prefills_first and n[at.B] > 0
    while True:
        evicted, b = False, np.int64(0)
        if not alone:
            while n[at.B] and fleet.phase[r, n[at.STEP] & at.IN_BLOCK] > n[at.FREE]:
                evict(load, rules, table, tape, fleet, r)
                evicted = True
            n[at.FREE] -= fleet.phase[r, n[at.STEP] & at.IN_BLOCK]
            b = n[at.B]
        end = n[at.B]
        if rules.static and end + n[at.THROUGH] == 0 and n[at.PART] < 0:
            n[at.SEATS] = min(n[at.WAIT], table.max_sequences)
        budget, attend, done = max(table.chunk_tokens - b, 0), 0.0, n[at.THROUGH]
        prompts = budget
        i, seq = n[at.PART], n[at.PART_SEQ]
        while budget > 0:
            if i < 0:
                full = n[at.SEATS] == 0 if rules.static else end + done >= table.max_sequences
                if evicted or full:
                    break
                i = _admit(load, rules, table, tape, fleet, r, end + done)
                if i < 0:
                    n[at.SEATS] = 0
                    break
                n[at.SEATS] -= 1
                seq = n[at.SEQ]
            take = min(budget, n[at.LEFT])
            attend += take * span_s(table, n[at.POS] + 0.5 * take)
            n[at.POS] += take
            n[at.LEFT] -= take
            budget -= take
            if n[at.LEFT] == 0:
                heap[1, end + done] = i
                heap[2, end + done] = seq
                done += 1
                i = -1
        n[at.PART], n[at.PART_SEQ] = i, seq
        prompts -= budget
        if prompts > 0 or not alone:
            break
        alone = False
    if prompts > 0:
        took = mixed_s(table, b, n[at.CACHED], prompts, attend, done - n[at.THROUGH])
        _account(fleet, rules, r, took, b, np.int64(1))
        n[at.PREFILLED] += prompts
        n[at.STEP] += b > 0
        n[at.CACHED] += b
    elif b > 0:
        until = _next_change(load, rules, tape, fleet, r, until)
        k, took = decode_run(table, fleet, r, 0.0 if evicted else until - t[at.CLOCK])
        _account(fleet, rules, r, took, b, k)
        n[at.STEP] += k
        n[at.CACHED] += k * b
    _finish(load, rules, table, tape, fleet, r)
    if rules.static and (n[at.PART] >= 0 or (n[at.SEATS] > 0 and n[at.WAIT] > 0)):
        n[at.THROUGH] = done
        return
    n[at.THROUGH] = n[at.SEATS] = 0
    for d in range(end, end + done):
        _first(load, rules, table, tape, fleet, r, heap[1, d], heap[2, d])


@inlined
def _next_change(load, rules, tape, fleet, r, until):
    """When the next turn falls due or the first in the queue gives up, if before `until`."""
    n = fleet.n[r]
    if n[at.PENDING]:
        until = min(until, fleet.due[r, 0])
    if n[at.WAIT] and rules.timeout_s < np.inf and not rules.static:
        h = n[at.HEAD0] if n[at.HEAD0] >= 0 else n[at.HEAD1]
        if tape.n[h, at.EMITTED] == 0:
            until = min(until, load.arrival[h] + rules.timeout_s)
    return until


@inlined
def _admit(load, rules, table, tape, fleet, r, running):
    """The next waiting request, its blocks taken, its prompt next to do; -1 if it must wait."""
    n, now = fleet.n[r], fleet.t[r, at.CLOCK]
    while n[at.WAIT]:
        i = n[at.HEAD0] if n[at.HEAD0] >= 0 else n[at.HEAD1]
        emitted = tape.n[i, at.EMITTED]
        if emitted == 0 and now >= load.arrival[i] + rules.timeout_s:
            pop(tape, n)
            _end(load, rules, tape, fleet, r, i, now, at.TIMED_OUT)
            continue
        if tape.n[i, at.MOVED]:
            return -1
        tokens = np.int64(load.ask[i, at.INPUT] + emitted)
        need = _room(load, rules, table, r, i, tokens)
        spare = rules.watermark if running else 0
        if need + spare > n[at.FREE]:
            return -1
        pop(tape, n)
        n[at.FREE] -= need
        n[at.SEQ] += 1
        p, hit = load.ask[i, at.PREFIX_ID], 0
        if p >= 0 and fleet.seen[r, p]:
            hit = min(np.int64(load.ask[i, at.PREFIX]), tokens - 1)
        n[at.POS], n[at.LEFT] = hit, tokens - hit
        return np.int64(i)
    return -1


@compiled
def _room(load, rules, table, r, i, tokens):
    """Blocks a request holds at so many tokens; all it will ever need where that is reserved."""
    if table.reserves and r >= rules.prefill:
        return blocks(np.int64(load.ask[i, at.INPUT] + load.ask[i, at.OUTPUT]))
    return blocks(tokens)


@inlined
def _first(load, rules, table, tape, fleet, r, i, seq):
    """A prompt is through: its next token is out, and it decodes the rest, here or elsewhere."""
    n, now = fleet.n[r], fleet.t[r, at.CLOCK]
    if load.ask[i, at.PREFIX_ID] >= 0:
        fleet.seen[r, load.ask[i, at.PREFIX_ID]] = True
    emitted, output = tape.n[i, at.EMITTED], load.ask[i, at.OUTPUT]
    tokens = np.int64(load.ask[i, at.INPUT] + emitted)
    late = False
    if emitted == 0:
        tape.t[i, at.FIRST] = now
        late = now + table.first_token_s - load.arrival[i] > rules.timeout_s
    tape.n[i, at.EMITTED] = min(emitted + 1, output)
    left = output - emitted - 1
    over = late or left <= 0
    if over or r < rules.prefill:
        n[at.FREE] += _room(load, rules, table, r, i, tokens)
    if over:
        _end(load, rules, tape, fleet, r, i, now, at.TIMED_OUT if late else at.SERVED)
    elif r < rules.prefill:
        tape.n[i, at.MOVED], tape.n[i, at.HOME] = 1, r
        when = now + tokens * rules.move_s
        push_due(fleet.move, fleet.move_id, fleet.mark[at.MOVES], when, i)
        fleet.mark[at.MOVES] += 1
    else:
        _decode(table, fleet, r, i, tokens, left, seq)


@compiled
def _join(load, rules, table, tape, fleet, r):
    """Requests whose cache has come from a prefill replica decode on, as far as there is room."""
    n = fleet.n[r]
    while n[at.WAIT] and n[at.B] + (n[at.PART] >= 0) < table.max_sequences:
        i = n[at.HEAD0] if n[at.HEAD0] >= 0 else n[at.HEAD1]
        tokens = np.int64(load.ask[i, at.INPUT])
        need = _room(load, rules, table, r, i, tokens)
        spare = rules.watermark if n[at.B] or n[at.PART] >= 0 else 0
        if not tape.n[i, at.MOVED] or need + spare > n[at.FREE]:
            return
        pop(tape, n)
        tape.n[i, at.MOVED] = 0
        n[at.FREE] -= need
        n[at.SEQ] += 1
        _decode(table, fleet, r, i, tokens, load.ask[i, at.OUTPUT] - 1, n[at.SEQ])


@compiled
def _decode(table, fleet, r, i, tokens, left, seq):
    """A sequence with so many tokens in the cache decodes until none are left."""
    n = fleet.n[r]
    if not table.reserves:
        fleet.phase[r, (n[at.STEP] - tokens) & at.IN_BLOCK] += 1
    n[at.CACHED] += tokens
    sift_up(fleet.heap[r], n[at.B], n[at.STEP] + left, i, seq)
    n[at.B] += 1


@inlined
def _finish(load, rules, table, tape, fleet, r):
    """Sequences whose last token came with this step leave.

    Prompts that are through wait behind the heap's end, so the heap shrinks in place first.
    """
    n, now, heap = fleet.n[r], fleet.t[r, at.CLOCK], fleet.heap[r]
    while n[at.B] and heap[0, 0] == n[at.STEP]:
        i = heap[1, 0]
        tape.n[i, at.EMITTED] = load.ask[i, at.OUTPUT]
        _leave(load, rules, table, fleet, r, np.int64(0))
        _end(load, rules, tape, fleet, r, i, now, at.SERVED)


@compiled
def _leave(load, rules, table, fleet, r, d):
    """The sequence at place d of the heap stops decoding and gives its blocks back."""
    n, heap = fleet.n[r], fleet.heap[r]
    i = heap[1, d]
    tokens = load.ask[i, at.INPUT] + load.ask[i, at.OUTPUT] - 1 - (heap[0, d] - n[at.STEP])
    n[at.CACHED] -= tokens
    n[at.FREE] += _room(load, rules, table, r, i, tokens)
    if not table.reserves:
        fleet.phase[r, (n[at.STEP] - tokens) & at.IN_BLOCK] -= 1
    remove(heap, n[at.B], d)
    n[at.B] -= 1


@compiled
def evict(load, rules, table, tape, fleet, r):
    """The youngest running request of the lower tier gives its blocks back and starts over."""
    n, heap = fleet.n[r], fleet.heap[r]
    worst, tier, seq = np.int64(-1), -1, np.int64(-1)
    for d in range(n[at.B]):
        own = load.ask[heap[1, d], at.TIER]
        if own > tier or (own == tier and heap[2, d] > seq):
            worst, tier, seq = d, own, heap[2, d]
    n[at.EVICTED] += 1
    i, own = n[at.PART], -1
    if i >= 0:
        own = load.ask[i, at.TIER]
    if i >= 0 and (own > tier or (own == tier and n[at.PART_SEQ] > seq)):
        tokens = np.int64(load.ask[i, at.INPUT] + tape.n[i, at.EMITTED])
        n[at.FREE] += _room(load, rules, table, r, i, tokens)
        n[at.PART] = -1
    else:
        i = heap[1, worst]
        tape.n[i, at.EMITTED] = load.ask[i, at.OUTPUT] - (heap[0, worst] - n[at.STEP])
        _leave(load, rules, table, fleet, r, worst)
    k = min(load.ask[i, at.TIER], 1)
    if n[at.HEAD0 + k] < 0:
        n[at.TAIL0 + k] = i
    tape.n[i, at.LINK] = n[at.HEAD0 + k]
    n[at.HEAD0 + k] = i
    n[at.WAIT] += 1


@inlined
def _account(fleet, rules, r, took, decoding, k):
    """The clock moves on over k steps; sums for the summary."""
    n, t = fleet.n[r], fleet.t[r]
    b = n[at.B]
    place = int(min(t[at.CLOCK] / rules.bin_s, len(fleet.series) - 1.0))
    bins = fleet.series[place]
    bins[0] += took
    bins[1] += took * b
    bins[2] += took * n[at.WAIT]
    bins[3] -= took * n[at.FREE]
    t[at.CLOCK] += took
    t[at.BUSY] += took
    t[at.BATCH_S] += took * b
    n[at.ITERATIONS] += k
    n[at.DECODED] += k * decoding
    if decoding == 0:
        t[at.STALL] = t[at.STALL] + took if b > 0 else 0.0
        return
    if t[at.STALL] > 0.0:
        fleet.gaps[_gap_bin(took / k + t[at.STALL])] += decoding
        fleet.gaps[_gap_bin(took / k)] -= decoding
        t[at.STALL] = 0.0
    fleet.gaps[_gap_bin(took / k)] += k * decoding


@compiled
def _gap_bin(gap_s):
    place = (math.log10(gap_s) - at.GAP_LOWEST) * at.GAP_PER_DECADE
    return min(max(int(place), 0), at.GAP_BINS - 1)
