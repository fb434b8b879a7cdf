"""What to try before buying a GPU: each change asked of the engine anew, and what it would save.

Nothing here is a rule of thumb: a lever is the workload with one thing changed, its options
predicted again, and the cheapest allowed way to serve it priced again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.catalog import Catalog
from gpumix.domain.llm import Model
from gpumix.domain.plan import Lever
from gpumix.domain.workload import Demand, Kind, Workload
from gpumix.errors import NoEstimate
from gpumix.options.option import Option, Row
from gpumix.options.serving import setup_of
from gpumix.options.training_levers import changes_of
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.perf.inference.memory import weights_bytes
from gpumix.perf.inference.modes import speculative_decoding, with_adapters
from gpumix.perf.precision import kv_bytes_per_value
from gpumix.predict.evidence import MOVED
from gpumix.units import MS

LEAST_SAVING = 0.01
"""Smallest share of the unit cost that is worth a line."""

CHEAP_GPUS = 6
"""GPUs that a job's levers are tried on: the cheapest now."""

MORE_SEQUENCES = 4.0
LOOSER = 1.5
LARGEST_DRAFT = 1.0 / 8.0
"""How far the engine's cap on sequences is lifted, a promise loosened, and the parameters of a
draft model over its target's."""

DRAFT_PRECISION = "bf16"
"""Weights of a draft model: too small to gain from fewer bits."""

SAME_VOCABULARY = 0.01
"""Vocabularies of one tokenizer differ by this share at most (padding)."""

_WEIGHTS = {
    "fp8": "FP8 weights",
    "int8": "INT8 weights",
    "int4": "INT4 weights (AWQ, GPTQ)",
}
_CAVEATS = {
    "fp8": "quality close to 16 bits on most tasks: check yours",
    "int8": "quality close to 16 bits with calibrated activations: check yours",
    "int4": "quality falls on hard tasks, small models most: check yours",
    "kv": "quality close to 16 bits; long contexts suffer first: check yours",
}
_BITS_16 = 2.0

Change = Callable[[Deployment], Deployment]
Ask = Callable[[Workload, Change], list[Option]]
Price = Callable[[Workload, Sequence[Option]], "Priced | None"]


@dataclass(frozen=True, slots=True)
class Priced:
    """The cheapest allowed way to do a workload: USD per cost unit, and the option."""

    usd: float
    option: Option


@dataclass(frozen=True, slots=True)
class Asker:
    """How options are predicted and priced where a comparison or a plan stands.

    `ask` predicts a workload's options, its deployments changed; `price` picks the cheapest that
    serve, on what is allowed and on offer.
    """

    catalog: Catalog
    ask: Ask
    price: Price

    def cost(self, workload: Workload, change: Change = lambda dep: dep) -> Priced | None:
        """The cheapest way to do a workload; None where there is none."""
        try:
            return self.price(workload, self.ask(workload, change))
        except NoEstimate:
            return None


@dataclass(frozen=True, slots=True)
class _Tried:
    name: str
    found: Priced | None
    caveat: str = ""
    tells_option: bool = True


def levers(
    workload: Workload, asker: Asker, unit_cost_usd: float | None = None
) -> tuple[Lever, ...]:
    """The changes that would save on a workload, the largest saving first.

    saving = 1 - cost with the change / cost now, both on full replicas of the cheapest supply and
    both predicted alike. `unit_cost_usd` is the cost now where something better than the
    prediction is known (a simulation); the savings are then of it.
    """
    now = None if workload.kind in (Kind.MEDIA, Kind.CUSTOM) else asker.cost(workload)
    if now is None:
        return ()
    tried = _of_run(workload, asker) if workload.run is not None else _of_text(workload, asker)
    found = [_lever(one, now) for one in tried]
    counted = _prefix_counted(workload, asker, now)
    scale = unit_cost_usd / now.usd if unit_cost_usd else 1.0
    kept = [
        replace(lever, unit_cost_usd=lever.unit_cost_usd * scale)
        for lever in (*found, counted)
        if lever and lever.saving_share >= LEAST_SAVING
    ]
    return tuple(sorted(kept, key=lambda lever: (-lever.saving_share, lever.name)))


def _lever(tried: _Tried, now: Priced) -> Lever | None:
    if tried.found is None:
        return None
    option = tried.found.option
    where = f"on {option.gpus} x {option.gpu}"
    told = [part for part in option.note.split("; ") if tried.tells_option]
    formats = [part for part in told if not part.startswith(MOVED)]
    note = "; ".join(part for part in (where, tried.caveat, *formats) if part)
    return Lever(tried.name, tried.found.usd, 1.0 - tried.found.usd / now.usd, note)


def _of_text(workload: Workload, asker: Asker) -> Iterator[_Tried]:
    """Every lever of a workload that answers in text or vectors."""
    if workload.demand is None:
        return
    yield from _precisions(workload, asker)
    if workload.demand.output.mean < 1.0:
        return
    if kv_bytes_per_value(workload.kv_precision) >= _BITS_16:
        found = asker.cost(replace(workload, kv_precision="fp8"))
        yield _Tried("FP8 KV cache", found, _CAVEATS["kv"])
    yield _more_sequences(workload, asker)
    yield from _looser_promises(workload, asker)
    yield from _prefix(workload, workload.demand, asker)
    yield from _speculation(workload, workload.demand, asker)


def _precisions(workload: Workload, asker: Asker) -> Iterator[_Tried]:
    """Lower weight precisions that the inventory does not list."""
    for precision, name in _WEIGHTS.items():
        if precision not in workload.precisions:
            found = asker.cost(replace(workload, precisions=(precision,)))
            yield _Tried(name, found, _CAVEATS[precision])


def _more_sequences(workload: Workload, asker: Asker) -> _Tried:
    def lifted(dep: Deployment) -> Deployment:
        return replace(dep, max_sequences=dep.max_sequences * MORE_SEQUENCES)

    name = f"Larger batch within the promises: {MORE_SEQUENCES:g} x the engine's cap on sequences"
    found = asker.cost(workload, lifted)
    batch = found.option.batch if found else None
    return _Tried(name, found, f"about {batch:,.0f} sequences at once" if batch else "")


def _looser_promises(workload: Workload, asker: Asker) -> Iterator[_Tried]:
    for i, slo in enumerate(workload.slos):
        looser = replace(slo, limit_s=slo.limit_s * LOOSER)
        slos = (*workload.slos[:i], looser, *workload.slos[i + 1 :])
        name = f"{slo.name} of {looser.limit_s / MS:,.4g} instead of {slo.limit_s / MS:,.4g} ms"
        yield _Tried(name, asker.cost(replace(workload, slos=slos)), "users wait longer")


def _prefix(workload: Workload, demand: Demand, asker: Asker) -> Iterator[_Tried]:
    """Prefix caching at the share that a public trace shows, where none is known for the team's."""
    shared = {p.id: p.prefix_share for p in asker.catalog.profiles.values() if p.prefix_share}
    if demand.prefix_share > 0.0 or workload.kind is not Kind.CHAT or not shared:
        return
    example = min(shared)
    changed = replace(workload, demand=replace(demand, prefix_share=shared[example]))
    name = f"Prefix caching, if {shared[example]:.0%} of input tokens repeat"
    yield _Tried(name, asker.cost(changed), f"the share measured in {example}: measure yours")


def _prefix_counted(workload: Workload, asker: Asker, now: Priced) -> Lever | None:
    """What prefix caching saves already, where the demand states or measures a share."""
    demand = workload.demand
    if demand is None or demand.prefix_share <= 0.0:
        return None
    without = asker.cost(replace(workload, demand=replace(demand, prefix_share=0.0)))
    if without is None:
        return None
    name = f"Prefix caching at {demand.prefix_share:.0%} of input tokens"
    note = f"already counted; without it {without.usd / now.usd - 1.0:.0%} dearer"
    return Lever(name, now.usd, 1.0 - now.usd / without.usd, note)


# -- speculative decoding --------------------------------------------------------------------


def _speculation(workload: Workload, demand: Demand, asker: Asker) -> Iterator[_Tried]:
    """Decoding with a small model of the family, at the batch each option serves with."""
    target = asker.catalog.models[workload.model]
    draft = draft_of(target, asker.catalog)
    acceptance, depth = (
        asker.catalog.defaults[f"speculation_{name}"].typical for name in ("acceptance", "depth")
    )
    if draft is None or acceptance is None or depth is None:
        return

    def with_room(dep: Deployment) -> Deployment:
        any_gpu = next(iter(asker.catalog.gpus.values()))
        alone = Setup(draft, any_gpu, workload.engine, DRAFT_PRECISION)
        row = deployments([alone], asker.catalog.coefficients)
        whole = float(np.asarray(weights_bytes(row))[0])
        return replace(dep, reserve_bytes=dep.reserve_bytes + whole / dep.ways)

    try:
        options = asker.ask(workload, with_room)
    except NoEstimate:
        return
    speeding = [o for o in options if o.serves and o.batch]
    if not speeding:
        return
    gains = _gains(workload, demand, target, draft, speeding, asker.catalog, acceptance, depth)
    sped = [_sped_up(o, float(gain)) for o, gain in zip(speeding, gains, strict=True)]
    name = f"Speculative decoding with {draft.id}"
    caveat = f"same answers; {acceptance:.0%} of {depth:g} drafted tokens assumed to be accepted"
    yield _Tried(name, asker.price(workload, sped), caveat)


def draft_of(target: Model, catalog: Catalog) -> Model | None:
    """The smallest text model with the target's vocabulary and brand, at most an eighth its size.

    None where there is none.
    """
    brand = target.id.partition("/")[0]
    fitting = [
        m
        for m in catalog.models.values()
        if m.generates_text and m.id.partition("/")[0] == brand and not m.is_moe
        if m.params_active_b <= target.params_active_b * LARGEST_DRAFT
        if m.vocab and target.vocab and abs(m.vocab / target.vocab - 1.0) <= SAME_VOCABULARY
    ]
    return min(fitting, key=lambda m: (m.params_active_b, m.id), default=None)


def _gains(
    workload: Workload,
    demand: Demand,
    target: Model,
    draft: Model,
    options: Sequence[Option],
    catalog: Catalog,
    acceptance: float,
    depth: float,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Time per token without speculation over that with it, for each option."""

    def built(model: Model, precision: str | None = None) -> Deployment:
        setups = [
            setup_of(workload, model, Row(catalog.gpus[o.gpu], o.tp, precision or o.precision))
            for o in options
        ]
        return deployments(setups, catalog.coefficients)

    batch = np.array([max(o.batch or 1.0, 1.0) for o in options])
    context = demand.input.mean + 0.5 * demand.output.mean
    found = speculative_decoding(
        with_adapters(built(target), workload.adapters),
        built(draft, DRAFT_PRECISION),
        batch,
        context,
        acceptance,
        depth,
    )
    return found.speedup


def _sped_up(option: Option, gain: float) -> Option:
    """An option whose decoding takes 1 / gain of its time; no slower than without."""
    share = option.prefill_share
    factor = max(1.0 / (share + (1.0 - share) / gain), 1.0)
    note = f"{gain:.2f} x decoding speed at a batch of {option.batch:,.0f}"
    return replace(option, units_per_hour=option.units_per_hour * factor, note=note)


# -- jobs ------------------------------------------------------------------------------------


def _of_run(workload: Workload, asker: Asker) -> Iterator[_Tried]:
    """Every lever of a training job; most are asked of the GPUs that are cheap now."""
    cheap = _cheap_gpus(workload, asker)
    for change in changes_of(workload):
        asked = change.workload if change.anywhere else replace(change.workload, gpus=cheap)
        yield _Tried(change.name, asker.cost(asked), change.caveat, tells_option=False)


def _cheap_gpus(workload: Workload, asker: Asker) -> tuple[str, ...]:
    """The GPUs on which the workload costs least."""
    options = asker.ask(workload, lambda dep: dep)
    found = []
    for gpu in dict.fromkeys(o.gpu for o in options):
        best = asker.price(workload, [o for o in options if o.gpu == gpu])
        if best is not None:
            found.append((best.usd, gpu))
    return tuple(gpu for _, gpu in sorted(found)[:CHEAP_GPUS])
