"""Iteration-level simulation of continuous batching, compiled.

Every replica repeats: make room for the decoding sequences, let waiting prompts in as far as the
token budget, the sequences and the cache allow, run one step. Steps that only decode an unchanged
batch are taken together: their times form an arithmetic series, summed in closed form. The plain
Python twin in tests/serving/reference_simulator.py takes every step alone and must agree.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,operator,assignment"

from __future__ import annotations

import math

import numpy as np

from gpumix.perf.values import FloatArray
from gpumix.serving import state as at
from gpumix.serving.heaps import compiled, pop_due, push_due, remove, sift_up
from gpumix.serving.lookups import mixed_s, segment, span_s
from gpumix.serving.steptable import StepTable


@compiled
def run(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    events: FloatArray,
    begin: int,
    end: int,
) -> None:
    """Requests `begin` to `end` and the events before them, in order of time."""
    for i in range(begin, end):
        if load.follows[i] >= 0:
            continue
        now = load.arrival[i]
        if now > rules.stop_s:
            return
        _events(load, rules, table, tape, fleet, events, now)
        for r in range(len(fleet.n)):
            _advance(load, rules, table, tape, fleet, r, now)
        r = _route(load, rules, fleet, i)
        _arrive(load, rules, table, tape, fleet, r, i, now)


@compiled
def drain(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    events: FloatArray,
) -> None:
    """The events that are left, then until nothing runs or the stop."""
    _events(load, rules, table, tape, fleet, events, rules.stop_s)
    for r in range(len(fleet.n)):
        _advance(load, rules, table, tape, fleet, r, rules.stop_s)


@compiled
def _events(load, rules, table, tape, fleet, events, until):
    done = fleet.past[0]
    while done < len(events) and events[done, 0] <= until:
        _event(load, rules, table, tape, fleet, events, done)
        done += 1
    fleet.past[0] = done


@compiled
def _route(load, rules, fleet, i):
    """The replica for request i, among those that take new work (all if none does)."""
    count = len(fleet.n)
    if count == 1:
        return 0
    takes = 0
    for r in range(count):
        takes += fleet.n[r, at.LIVE] == at.UP
    if rules.router == at.ROUND_ROBIN:
        skip = fleet.past[1] % max(takes, 1)
        fleet.past[1] += 1
        for r in range(count):
            if fleet.n[r, at.LIVE] == at.UP or takes == 0:
                if skip == 0:
                    return r
                skip -= 1
    if rules.router == at.POWER_OF_TWO and takes == count:
        a, b = load.draws[i, 0] % count, load.draws[i, 1] % (count - 1)
        b += b >= a
        return a if _outstanding(fleet, a) <= _outstanding(fleet, b) else b
    best, least, best_hit = 0, np.int64(1) << 62, False
    for r in range(count):
        if takes and fleet.n[r, at.LIVE] != at.UP:
            continue
        size = _outstanding(fleet, r)
        if rules.router == at.LEAST_KV:
            size = _blocks(load.input[i]) * fleet.n[r, at.WAIT] - fleet.n[r, at.FREE]
        p = load.prefix_id[i]
        hit = rules.router == at.PREFIX_AWARE and p >= 0 and fleet.seen[r, p]
        if (hit and not best_hit) or (hit == best_hit and size < least):
            best, least, best_hit = r, size, hit
    return best


@compiled
def _outstanding(fleet, r):
    """Requests waiting or running at a replica."""
    return fleet.n[r, at.B] + fleet.n[r, at.WAIT] + (fleet.n[r, at.PART] >= 0)


@compiled
def _blocks(tokens):
    return (tokens + at.BLOCK - 1) // at.BLOCK


@compiled
def _arrive(load, rules, table, tape, fleet, r, i, now):
    """A request joins the queue of its replica, or is shed."""
    n = fleet.n[r]
    idle = n[at.B] == 0 and n[at.PART] < 0 and n[at.WAIT] == 0
    if idle and fleet.t[r, at.CLOCK] < now:
        fleet.t[r, at.CLOCK] = now
    load.arrival[i] = now
    whole = load.input[i] + load.output[i]
    if _blocks(whole) > table.kv_blocks or whole > rules.longest:
        _end(load, tape, fleet, r, i, now, at.TOO_LONG)
    elif n[at.WAIT] >= rules.most_waiting:
        _end(load, tape, fleet, r, i, now, at.TURNED_AWAY)
    else:
        _push(load, tape, fleet, r, i, False)


@compiled
def _push(load, tape, fleet, r, i, in_front):
    n, k = fleet.n[r], min(load.tier[i], 1)
    n[at.WAIT] += 1
    if n[at.HEAD0 + k] < 0:
        n[at.HEAD0 + k] = n[at.TAIL0 + k] = i
        tape.link[i] = -1
    elif in_front:
        tape.link[i] = n[at.HEAD0 + k]
        n[at.HEAD0 + k] = i
    else:
        tape.link[n[at.TAIL0 + k]] = i
        tape.link[i] = -1
        n[at.TAIL0 + k] = i


@compiled
def _pop(tape, n, k):
    i = n[at.HEAD0 + k]
    n[at.HEAD0 + k] = tape.link[i]
    n[at.WAIT] -= 1
    return i


@compiled
def _end(load, tape, fleet, r, i, now, outcome):
    """The last of a request; the next turn of its conversation becomes due."""
    tape.outcome[i] = outcome
    tape.finish[i] = now
    j = load.follower[i]
    if j < 0:
        return
    push_due(fleet.due[r], fleet.due_id[r], fleet.n[r, at.PENDING], now + load.arrival[j], j)
    fleet.n[r, at.PENDING] += 1


@compiled
def _advance(load, rules, table, tape, fleet, r, until):
    """Steps of one replica that start before `until`."""
    n, t = fleet.n[r], fleet.t[r]
    while n[at.LIVE] != at.DOWN:
        while n[at.PENDING] and fleet.due[r, 0] <= t[at.CLOCK]:
            when = fleet.due[r, 0]
            n[at.PENDING] -= 1
            i = pop_due(fleet.due[r], fleet.due_id[r], n[at.PENDING])
            _arrive(load, rules, table, tape, fleet, r, i, when)
        if t[at.CLOCK] >= until:
            return
        soon = min(until, fleet.due[r, 0]) if n[at.PENDING] else until
        if n[at.B] == 0 and n[at.PART] < 0 and n[at.WAIT] == 0:
            if soon >= until:
                return
            t[at.CLOCK] = soon
            continue
        _step(load, rules, table, tape, fleet, r, soon)


@compiled
def _step(load, rules, table, tape, fleet, r, until):
    """One step with prompts in it, or a run of steps without."""
    n, t, heap = fleet.n[r], fleet.t[r], fleet.heap[r]
    asked = n[at.PART] >= 0 or n[at.WAIT] > 0
    alone = table.prefills_first and asked and n[at.B] > 0
    if alone and _prompts_alone(load, rules, table, tape, fleet, r):
        return
    evicted = False
    while n[at.B] and fleet.phase[r, n[at.STEP] % at.BLOCK] > n[at.FREE]:
        _evict(load, table, tape, fleet, r)
        evicted = True
    b = n[at.B]
    n[at.FREE] -= fleet.phase[r, n[at.STEP] % at.BLOCK]
    budget, attend, done = table.chunk_tokens - b, 0.0, 0
    if asked:
        budget, attend, done = _prompts(load, rules, table, tape, fleet, r, budget, evicted)
    if n[at.PENDING]:
        until = min(until, fleet.due[r, 0])
    prompts = table.chunk_tokens - b - budget if budget < table.chunk_tokens - b else 0
    if n[at.WAIT] and rules.timeout_s < np.inf:
        h = n[at.HEAD0] if n[at.HEAD0] >= 0 else n[at.HEAD1]
        if tape.emitted[h] == 0:
            until = min(until, load.arrival[h] + rules.timeout_s)
    if prompts > 0:
        took = mixed_s(table, b, n[at.CACHED], prompts, attend, done)
        _account(fleet, rules, r, took, 1)
        n[at.PREFILLED] += prompts
        n[at.STEP] += b > 0
        n[at.CACHED] += b
    elif b > 0:
        k, took = _decodes(table, fleet, r, 0.0 if evicted else until - t[at.CLOCK])
        _account(fleet, rules, r, took, k)
        n[at.STEP] += k
        n[at.CACHED] += k * b
    _finish(load, table, tape, fleet, r, b, done)
    for d in range(b, b + done):
        _first(load, rules, table, tape, fleet, r, heap[1, d], heap[2, d])


@compiled
def _prompts(load, rules, table, tape, fleet, r, budget, evicted):
    """The prompt in part, then waiting ones: (budget left, their attention time, those through).

    Prompts that are through wait behind the end of the heap.
    """
    n, heap, b = fleet.n[r], fleet.heap[r], fleet.n[r, at.B]
    attend, done = 0.0, 0
    while budget > 0:
        if n[at.PART] < 0:
            i = -1
            if not evicted and b + done < table.max_sequences:
                i = _admit(load, rules, table, tape, fleet, r, b + done)
            if i < 0:
                break
            n[at.PART], n[at.PART_SEQ] = i, n[at.SEQ]
        take = min(budget, n[at.LEFT])
        attend += take * span_s(table, n[at.POS] + 0.5 * take)
        n[at.POS] += take
        n[at.LEFT] -= take
        budget -= take
        if n[at.LEFT] == 0:
            heap[1, b + done] = n[at.PART]
            heap[2, b + done] = n[at.PART_SEQ]
            done += 1
            n[at.PART] = -1
    return budget, attend, done


@compiled
def _prompts_alone(load, rules, table, tape, fleet, r):
    """A step of prompts only, while all that decodes stands still; False if none can go."""
    n, heap, b = fleet.n[r], fleet.heap[r], fleet.n[r, at.B]
    left, attend, done = _prompts(load, rules, table, tape, fleet, r, table.chunk_tokens, False)
    prompts = table.chunk_tokens - left
    if prompts == 0:
        return False
    _account(fleet, rules, r, mixed_s(table, 0, 0, prompts, attend, done), 0)
    n[at.PREFILLED] += prompts
    for d in range(b, b + done):
        _first(load, rules, table, tape, fleet, r, heap[1, d], heap[2, d])
    return True


@compiled
def _admit(load, rules, table, tape, fleet, r, running):
    """The next waiting request, its blocks taken, its prompt next to do; -1 if it must wait."""
    n, now = fleet.n[r], fleet.t[r, at.CLOCK]
    while n[at.WAIT]:
        k = 0 if n[at.HEAD0] >= 0 else 1
        i = n[at.HEAD0 + k]
        if tape.emitted[i] == 0 and now >= load.arrival[i] + rules.timeout_s:
            _pop(tape, n, k)
            _end(load, tape, fleet, r, i, now, at.TIMED_OUT)
            continue
        tokens = np.int64(load.input[i] + tape.emitted[i])
        need = _blocks(load.input[i] + load.output[i] if table.reserves else tokens)
        spare = rules.watermark if running else 0
        if need + spare > n[at.FREE]:
            return -1
        _pop(tape, n, k)
        n[at.FREE] -= need
        n[at.SEQ] += 1
        p, hit = load.prefix_id[i], 0
        if p >= 0 and fleet.seen[r, p]:
            hit = min(np.int64(load.prefix[i]), tokens - 1)
        n[at.POS], n[at.LEFT] = hit, tokens - hit
        return i
    return -1


@compiled
def _first(load, rules, table, tape, fleet, r, i, seq):
    """A prompt is through: its next token is out, and it decodes the rest."""
    n, now = fleet.n[r], fleet.t[r, at.CLOCK]
    if load.prefix_id[i] >= 0:
        fleet.seen[r, load.prefix_id[i]] = True
    cached = np.int64(load.input[i] + tape.emitted[i])
    whole = np.int64(load.input[i] + load.output[i])
    if tape.emitted[i] == 0:
        late = now + table.first_token_s - load.arrival[i] > rules.timeout_s
        if late or load.output[i] <= 1:
            n[at.FREE] += _blocks(whole if table.reserves else cached)
            tape.first[i] = now
            tape.emitted[i] = min(load.output[i], 1)
            _end(load, tape, fleet, r, i, now, at.TIMED_OUT if late else at.SERVED)
            return
        tape.first[i] = now
    tape.emitted[i] += 1
    left = load.output[i] - tape.emitted[i]
    if left == 0:
        n[at.FREE] += _blocks(whole if table.reserves else cached)
        _end(load, tape, fleet, r, i, now, at.SERVED)
        return
    key = n[at.STEP] + left
    if not table.reserves:
        fleet.phase[r, (key - whole + 1) % at.BLOCK] += 1
    n[at.CACHED] += cached
    sift_up(fleet.heap[r], n[at.B], key, i, seq)
    n[at.B] += 1


@compiled
def _finish(load, table, tape, fleet, r, b, done):
    """Sequences whose last token came with this step leave.

    Prompts that are through wait behind the heap's end, so the heap shrinks in place first.
    """
    n, now, heap = fleet.n[r], fleet.t[r, at.CLOCK], fleet.heap[r]
    while n[at.B] and heap[0, 0] == n[at.STEP]:
        i = heap[1, 0]
        remove(heap, n[at.B], 0)
        n[at.B] -= 1
        whole = np.int64(load.input[i] + load.output[i])
        n[at.CACHED] -= whole - 1
        if table.reserves:
            n[at.FREE] += _blocks(whole)
        else:
            n[at.FREE] += _blocks(whole - 1)
            fleet.phase[r, (n[at.STEP] - whole + 1) % at.BLOCK] -= 1
        tape.emitted[i] = load.output[i]
        _end(load, tape, fleet, r, i, now, at.SERVED)


@compiled
def _evict(load, table, tape, fleet, r):
    """The youngest running request of the lower tier gives its blocks back and starts over."""
    n, heap = fleet.n[r], fleet.heap[r]
    worst, tier, seq = -1, -1, np.int64(-1)
    for d in range(n[at.B]):
        own = load.tier[heap[1, d]]
        if own > tier or (own == tier and heap[2, d] > seq):
            worst, tier, seq = d, own, heap[2, d]
    n[at.EVICTED] += 1
    part = n[at.PART]
    if part >= 0 and load.tier[part] >= tier:
        tokens = load.input[part] + tape.emitted[part]
        n[at.FREE] += _blocks(load.input[part] + load.output[part] if table.reserves else tokens)
        n[at.PART] = -1
        _push(load, tape, fleet, r, part, True)
        return
    i, whole = heap[1, worst], np.int64(load.input[heap[1, worst]] + load.output[heap[1, worst]])
    left = heap[0, worst] - n[at.STEP]
    cached = whole - left - 1
    tape.emitted[i] = load.output[i] - left
    if not table.reserves:
        fleet.phase[r, (heap[0, worst] - whole + 1) % at.BLOCK] -= 1
    n[at.FREE] += _blocks(whole if table.reserves else cached)
    n[at.CACHED] -= cached
    remove(heap, n[at.B], worst)
    n[at.B] -= 1
    _push(load, tape, fleet, r, i, True)


@compiled
def _decodes(table, fleet, r, room):
    """Steps that only decode, until something changes: (their number, their time).

    Step j takes base + slope j; k of them k base + slope k (k - 1) / 2.
    """
    n = fleet.n[r]
    b = n[at.B]
    k = fleet.heap[r, 0, 0] - n[at.STEP]
    if n[at.FREE] < (k // at.BLOCK + 1) * b:
        full = n[at.FREE] // b
        spare, fits = n[at.FREE] - full * b, full * at.BLOCK + 1
        while fits < k and fits <= (full + 1) * at.BLOCK:
            need = fleet.phase[r, (n[at.STEP] + fits) % at.BLOCK]
            if need > spare:
                break
            spare -= need
            fits += 1
        k = min(k, fits)
    context = n[at.CACHED] / b
    j = segment(table, context)
    step = table.contexts[j + 1] - table.contexts[j]
    slope = (table.decode_s[b, j + 1] - table.decode_s[b, j]) / step
    base = table.decode_s[b, j] + slope * (context - table.contexts[j])
    k = min(k, np.int64(math.floor(table.contexts[j + 1] - context)) + 1)
    if room < k * base + 0.5 * slope * k * (k - 1):
        half = base - 0.5 * slope
        root = math.sqrt(max(half * half + 2.0 * slope * room, 0.0))
        reach = max(np.int64(math.ceil(2.0 * room / (half + root))), 1)
        while reach > 1 and (reach - 1) * base + 0.5 * slope * (reach - 1) * (reach - 2) >= room:
            reach -= 1
        while reach * base + 0.5 * slope * reach * (reach - 1) < room:
            reach += 1
        k = min(k, reach)
    whole = (k - 1) // at.BLOCK
    n[at.FREE] -= whole * fleet.phase[r].sum()
    for s in range(1 + whole * at.BLOCK, k):
        n[at.FREE] -= fleet.phase[r, (n[at.STEP] + s) % at.BLOCK]
    return k, k * base + 0.5 * slope * k * (k - 1)


@compiled
def _account(fleet, rules, r, took, k):
    """The clock moves on; sums for the summary."""
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
    n[at.ITERATIONS] += max(k, 1)
    n[at.DECODED] += k * b
    if k == 0:
        t[at.STALL] += took
        return
    if b > 0:
        fleet.gaps[_gap_bin(took / k)] += k * b
    if t[at.STALL] > 0.0:
        if b > 0:
            fleet.gaps[_gap_bin(took / k)] -= b
            fleet.gaps[_gap_bin(took / k + t[at.STALL])] += b
        t[at.STALL] = 0.0


@compiled
def _gap_bin(gap_s):
    place = (math.log10(gap_s) - at.GAP_LOWEST) * at.GAP_PER_DECADE
    return min(max(int(place), 0), at.GAP_BINS - 1)


@compiled
def _event(load, rules, table, tape, fleet, events, e):
    """A replica is lost (its requests start over elsewhere), ready again, or takes no more."""
    now, r, kind = events[e, 0], int(events[e, 1]), int(events[e, 2])
    for k in range(len(fleet.n)):
        _advance(load, rules, table, tape, fleet, k, now)
    n = fleet.n[r]
    n[at.LIVE] = kind
    if kind == at.UP:
        fleet.t[r, at.CLOCK] = max(fleet.t[r, at.CLOCK], now)
    if kind != at.DOWN:
        return
    while n[at.B] or n[at.PART] >= 0:
        _evict(load, table, tape, fleet, r)
    fleet.seen[r, :] = False
    for _ in range(n[at.WAIT]):
        i = _pop(tape, n, 0 if n[at.HEAD0] >= 0 else 1)
        other = _route(load, rules, fleet, i)
        _push(load, tape, fleet, other, i, False)
        fleet.t[other, at.CLOCK] = max(fleet.t[other, at.CLOCK], now)
