"""The serving simulator again, slowly: plain Python objects, every step alone, no compiled code.

Written from docs/serving.md, not from the kernel; both must give the same times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gpumix.domain.traffic import Requests
from gpumix.serving.simulator.simulation import Settings
from gpumix.serving.simulator.steptable import SPAN_TOKENS, StepTable

BLOCK = 16


@dataclass
class Request:
    id: int
    arrival: float
    input: int
    output: int
    prefix_id: int
    prefix: int
    tier: int
    emitted: int = 0
    cached: int = 0
    fresh: int = 0
    reserved: int = 0
    admission: int = 0
    first: float = math.nan
    finish: float = math.nan
    outcome: str = "queued"
    next_turn: Request | None = None
    moved: bool = False
    home: Replica | None = None

    @property
    def whole(self) -> int:
        return self.input + self.output


@dataclass
class Replica:
    table: StepTable
    settings: Settings
    number: int
    clock: float = 0.0
    on_since: float | None = 0.0
    ready_at: float = 0.0
    on_s: float = 0.0
    draining: bool = False
    waiting: tuple[list[Request], list[Request]] = field(default_factory=lambda: ([], []))
    decoding: list[Request] = field(default_factory=list)
    part: Request | None = None
    through: list[Request] = field(default_factory=list)
    seats: int = 0
    prefixes: set[int] = field(default_factory=set)
    moves: list[tuple[float, Request]] = field(default_factory=list)
    turns: list[tuple[float, Request]] = field(default_factory=list)
    admissions: int = 0
    evictions: int = 0
    steps: int = 0
    routed: int = 0

    @property
    def static(self) -> bool:
        return self.settings.batching == "static"

    @property
    def running(self) -> list[Request]:
        return self.decoding + self.through + ([self.part] if self.part else [])

    @property
    def queue(self) -> list[Request]:
        return self.waiting[0] + self.waiting[1]

    @property
    def idle(self) -> bool:
        return not self.running and not self.queue and not self.turns

    def state(self, now: float) -> str:
        if self.on_since is None:
            return "off"
        if self.draining:
            return "draining"
        return "starting" if now < self.ready_at else "ready"

    def switch_on(self, now: float, cold_start_s: float) -> None:
        if self.on_since is None:
            self.on_since, self.ready_at = now, now + cold_start_s
        self.draining = False

    def switch_off(self, now: float) -> None:
        self.on_s += now - self.on_since
        self.on_since, self.draining = None, False
        self.prefixes.clear()

    def outstanding(self) -> int:
        return len(self.running) + len(self.queue)

    def free(self) -> int:
        return self.table.kv_blocks - sum(r.reserved for r in self.running)

    def arrive(self, request: Request, now: float) -> None:
        request.arrival = now
        if not self.running and not self.queue:
            self.clock = max(self.clock, now)
        too_long = request.whole > self.settings.longest_tokens
        if blocks(request.whole) > self.table.kv_blocks or too_long:
            self.end(request, now, "too long")
        elif len(self.queue) >= self.settings.most_waiting:
            self.end(request, now, "turned away")
        else:
            self.waiting[min(request.tier, 1)].append(request)

    def end(self, request: Request, now: float, outcome: str) -> None:
        request.outcome, request.finish = outcome, now
        request.reserved = 0
        if request.next_turn is not None:
            home = request.home or self
            home.turns.append((now + request.next_turn.arrival, request.next_turn))

    @property
    def prefills(self) -> bool:
        return self.number < self.settings.prefill_replicas

    @property
    def reserves(self) -> bool:
        return self.table.reserves and not self.prefills

    def next_step(self, now: float) -> float:
        if self.state(now) in ("off", "starting"):
            return math.inf
        if self.running or self.queue:
            return self.clock
        return max(self.clock, min((t[0] for t in self.turns), default=math.inf))

    def act(self, when: float) -> None:
        self.clock = when
        self.hear(when)
        if self.running or self.queue:
            self.step()

    def hear(self, until: float) -> None:
        while due := [turn for turn in self.turns if turn[0] <= until]:
            when, request = first = min(due, key=lambda turn: (turn[0], turn[1].id))
            self.turns.remove(first)
            self.arrive(request, when)

    def step(self) -> None:
        while self.queue and self.queue[0].moved and self.join(self.queue[0]):
            pass
        if self.table.prefills_first and self.decoding and self.step_of_prompts():
            return
        evicted = False
        while not self.table.reserves:
            need = sum(blocks(r.cached + 1) - blocks(r.cached) for r in self.decoding)
            if need <= self.free():
                break
            self.evict()
            evicted = True
        decoding = list(self.decoding)
        for request in decoding:
            if not self.table.reserves:
                request.reserved = blocks(request.cached + 1)
        if self.static and not self.running:
            self.seats = min(len(self.queue), self.table.max_sequences)
        budget = self.table.chunk_tokens - len(decoding)
        attention, prompts, done = self.prompts(budget, evicted)
        context = sum(r.cached for r in decoding)
        if prompts:
            self.clock += self.mixed_s(len(decoding), context, prompts, attention, done)
        elif decoding:
            self.clock += self.decode_s(len(decoding), context)
        self.steps += bool(prompts or decoding)
        for request in decoding:
            request.cached += 1
            request.emitted += 1
            if request.emitted == request.output:
                self.decoding.remove(request)
                self.end(request, self.clock, "served")
        if self.static and (self.part or (self.seats and self.queue)):
            return
        self.seats = 0
        self.first_tokens()

    def admit(self) -> Request | None:
        while self.queue:
            request = self.queue[0]
            if request.moved:
                return None
            late = self.clock >= request.arrival + self.settings.timeout_s
            if request.emitted == 0 and late:
                self.waiting[0 if self.waiting[0] else 1].pop(0)
                self.end(request, self.clock, "timed out")
                continue
            tokens = request.input + request.emitted
            need = blocks(request.whole if self.reserves else tokens)
            watermark = int(0.01 * self.table.kv_blocks) if self.running else 0
            if need + watermark > self.free():
                return None
            self.waiting[0 if self.waiting[0] else 1].pop(0)
            self.admissions += 1
            request.admission = self.admissions
            request.reserved = need
            known = request.prefix_id in self.prefixes
            request.cached = min(request.prefix, tokens - 1) if known else 0
            request.fresh = tokens - request.cached
            return request
        return None

    def first_tokens(self) -> None:
        through, self.through = self.through, []
        for request in through:
            self.first_token(request)

    def first_token(self, request: Request) -> None:
        if request.prefix_id >= 0:
            self.prefixes.add(request.prefix_id)
        if request.emitted == 0:
            request.first = self.clock
            ttft = self.clock + self.table.first_token_s - request.arrival
            if ttft > self.settings.timeout_s:
                request.emitted = min(request.output, 1)
                self.end(request, self.clock, "timed out")
                return
        request.emitted += 1
        if request.emitted >= request.output:
            self.end(request, self.clock, "served")
        elif self.prefills:
            request.reserved, request.moved, request.home = 0, True, self
            takes = request.input * self.settings.transfer_s_per_token
            self.moves.append((self.clock + takes, request))
        else:
            self.decoding.append(request)

    def join(self, request: Request) -> bool:
        need = blocks(request.whole if self.reserves else request.input)
        watermark = int(0.01 * self.table.kv_blocks) if self.running else 0
        full = len(self.running) >= self.table.max_sequences
        if full or need + watermark > self.free():
            return False
        self.waiting[0 if self.waiting[0] else 1].pop(0)
        self.admissions += 1
        request.admission, request.reserved, request.moved = self.admissions, need, False
        self.decoding.append(request)
        return True

    def step_of_prompts(self) -> bool:
        attention, prompts, done = self.prompts(self.table.chunk_tokens, False)
        if not prompts:
            return False
        self.clock += self.mixed_s(0, 0, prompts, attention, done)
        self.steps += 1
        self.first_tokens()
        return True

    def prompts(self, budget: int, evicted: bool) -> tuple[float, int, int]:
        attention, prompts, before = 0.0, 0, len(self.through)
        while budget > 0:
            request = self.part
            if request is None:
                full = len(self.decoding) + len(self.through) >= self.table.max_sequences
                if evicted or full or (self.static and self.seats == 0):
                    break
                request = self.admit()
                if request is None:
                    self.seats = 0
                    break
                self.seats -= 1
            take = min(budget, request.fresh)
            attention += take * self.span(request.cached + take / 2.0)
            request.cached += take
            request.fresh -= take
            budget -= take
            prompts += take
            self.part = request if request.fresh else None
            if not request.fresh:
                self.through.append(request)
        return attention, prompts, len(self.through) - before

    def evict(self) -> None:
        victim = max(self.running, key=lambda r: (r.tier, r.admission))
        self.evictions += 1
        if victim is self.part:
            self.part = None
        else:
            self.decoding.remove(victim)
        victim.reserved = victim.cached = 0
        self.waiting[min(victim.tier, 1)].insert(0, victim)

    def span(self, position: float) -> float:
        grid = self.table.span_s
        x = position / SPAN_TOKENS
        j = min(int(x), len(grid) - 2)
        return grid[j] + (grid[j + 1] - grid[j]) * (x - j)

    def between(self, rows: list[list[float]], b: int, context: float) -> float:
        nodes = self.table.contexts
        j = max(k for k in range(len(nodes) - 1) if nodes[k] <= context)
        share = (context - nodes[j]) / (nodes[j + 1] - nodes[j])
        return rows[b][j] + share * (rows[b][j + 1] - rows[b][j])

    def decode_s(self, b: int, context: int) -> float:
        return self.between(self.table.decode_s, b, context / b)

    def mixed_s(self, b: int, context: int, prompts: int, attention: float, through: int) -> float:
        t = self.table
        sampled = min(b + through, t.max_sequences)
        gpu = t.tokens_s[b + prompts] + t.head_s[sampled] + attention
        if b:
            gpu += self.between(t.attend_s, b, context / b)
        host = t.host_s[0] + b * t.host_s[1] + prompts * t.host_s[2] + through * t.host_s[3]
        return math.sqrt(gpu**2 + host**2 + 2.0 * (1.0 - t.overlap) * gpu * host)


def blocks(tokens: int) -> int:
    return math.ceil(tokens / BLOCK)


def simulate_slowly(
    requests: Requests, table: StepTable, settings: Settings
) -> tuple[list[Request], list[Replica]]:
    """Every request with its times, and the replicas as they ended."""
    columns = (
        requests.arrival_s, requests.input_tokens, requests.output_tokens, requests.prefix_id,
        requests.prefix_tokens, requests.tier,
    )  # fmt: skip
    rows = zip(*(c.tolist() for c in columns), strict=True)
    every = [Request(i, *row) for i, row in enumerate(rows)]
    replicas = [Replica(table, settings, k) for k in range(settings.replicas)]
    for replica in replicas:
        replica.moves = replicas[0].moves
    for request, before in zip(every, requests.follows.tolist(), strict=True):
        if before >= 0:
            every[before].next_turn = request
    heads = [r for r, before in zip(every, requests.follows.tolist(), strict=True) if before < 0]
    scaler = Scaler(settings, replicas)
    for turn, request in enumerate([*heads, None]):
        now = request.arrival if request else math.inf
        while scaler.next_look <= now < math.inf or scaler.next_look < now:
            look = scaler.next_look
            advance(replicas, look)
            scaler.look(look, now)
        advance(replicas, now)
        if request is None:
            break
        ready = [r for r in replicas if r.state(now) == "ready"]
        pool = ready[: settings.prefill_replicas or None]
        route(pool, turn, settings).arrive(request, now)
    end = max(replica.clock for replica in replicas)
    for replica in replicas:
        if replica.on_since is not None:
            replica.on_s += end - replica.on_since
    return every, replicas


def route(pool: list[Replica], turn: int, settings: Settings) -> Replica:
    if settings.router == "least-outstanding":
        return min(pool, key=Replica.outstanding)
    return pool[turn % len(pool)]


def advance(replicas: list[Replica], until: float) -> None:
    """One step at a time, always the replica whose next step starts first."""
    settings = replicas[0].settings
    moves = replicas[0].moves
    while True:
        starts = [replica.next_step(until) for replica in replicas]
        start = min(starts)
        comes = min((move[0] for move in moves), default=math.inf)
        if min(start, comes) >= until:
            break
        if comes > start:
            replicas[starts.index(start)].act(start)
            continue
        when, request = move = min(moves, key=lambda m: (m[0], m[1].id))
        moves.remove(move)
        decoders = replicas[settings.prefill_replicas :]
        chosen = route(decoders, decoders[0].routed, settings)
        decoders[0].routed += 1
        if not chosen.running and not chosen.queue:
            chosen.clock = max(chosen.clock, when)
        chosen.waiting[min(request.tier, 1)].append(request)
    for replica in replicas:
        replica.hear(min(replica.clock, until))


@dataclass
class Scaler:
    settings: Settings
    replicas: list[Replica]
    next_look: float = math.inf
    wanted: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rule = self.settings.autoscale
        if rule is not None:
            self.next_look = rule.look_s
            for replica in self.replicas[rule.fewest :]:
                replica.on_since = None

    def look(self, now: float, arrival: float) -> None:
        rule = self.settings.autoscale
        states = {r.number: r.state(now) for r in self.replicas}
        for replica in self.replicas:
            if states[replica.number] == "draining" and replica.idle:
                replica.switch_off(now)
        on = [r for r in self.replicas if r.state(now) in ("ready", "starting")]
        idle = all(r.idle for r in self.replicas)
        draining = [r for r in self.replicas if r.state(now) == "draining"]
        if idle and (arrival == math.inf or (len(on) == rule.fewest and not draining)):
            self.next_look = max(now + rule.look_s, arrival)
            return
        self.next_look = now + rule.look_s
        load = sum(r.outstanding() for r in self.replicas)
        want = min(max(math.ceil(load / rule.target), rule.fewest), len(self.replicas))
        if want >= len(on):
            self.wanted = []
            off = [r for r in self.replicas if r.state(now) == "off"]
            for replica in (draining + off)[: want - len(on)]:
                replica.switch_on(now, rule.cold_start_s)
            return
        self.wanted.append((now, want))
        if now >= self.wanted[0][0] + rule.cool_down_s:
            keep = max(count for _, count in self.wanted)
            for replica in on[keep:]:
                replica.draining = True
                if replica.idle:
                    replica.switch_off(now)
            self.wanted = []
