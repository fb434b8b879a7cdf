"""Holds an inventory that comes from a plan.json, not from YAML, against what can be planned.

The reader of YAML checks words; here are the same bounds for the record that it makes of them, so
that a plan.json that somebody edited gets messages too.
"""

from __future__ import annotations

import math
import re
import zoneinfo
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any, Final

from gpumix import formats
from gpumix.catalog import Catalog
from gpumix.catalog.checks import PEAKS
from gpumix.catalog.currencies import unknown_currency
from gpumix.catalog.parts import (
    MODEL_KINDS,
    MOST_GB_PER_S,
    MOST_GIB,
    MOST_PARAMS_B,
    MOST_TDP_W,
    SHAPED_KINDS,
)
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.offer import TIERS, Purchase
from gpumix.domain.promises import SLO_NAMES
from gpumix.domain.quote import INCLUDES
from gpumix.domain.training_words import BASES, OFFLOADS, OPTIMIZERS
from gpumix.domain.workload import (
    HIGHEST_RANK,
    LEAST_CLASS,
    LONGEST_NAME,
    MOST_ADAPTERS,
    Inventory,
    Kind,
    RequestClass,
    Workload,
)
from gpumix.errors import Problem, unknown_name
from gpumix.inventory.dates import Span
from gpumix.inventory.sites import country_problems
from gpumix.units import HOURS_PER_WEEK, HOURS_PER_YEAR, SECONDS_PER_HOUR

_WEEK: Final = int(HOURS_PER_WEEK)
_JOBS: Final = (Kind.FINETUNE, Kind.PRETRAIN)
_TEXT: Final = (Kind.CHAT, Kind.BATCH, Kind.EMBEDDING)
_RESOLUTION: Final = re.compile(r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 1e17
_SECONDS: Final = (1e-4, 10.0 * HOURS_PER_YEAR * SECONDS_PER_HOUR)
_HOURS: Final = (0.0, 10.0 * HOURS_PER_YEAR)
_RENTED: Final = tuple(purchase for purchase in Purchase if purchase.is_rental)
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "Inventory.years": (1, 10),
    "Inventory.short_months": (0, 11),
    "Workload.grows_in_month": (0, 11),
    "Lengths.mean": (0.0, 1e7),
    "Lengths.cv": (0.0, 1e3),
    "Demand.units_per_hour": (0.0, 1e7 * SECONDS_PER_HOUR),
    "Demand.growth_per_year": (-0.99, 20.0),
    "Demand.arrival_cv": (0.0, 1e3),
    "Demand.length_correlation": (-1.0, 1.0),
    "Demand.prefix_share": (0.0, 1.0),
    "Slo.limit_s": _SECONDS,
    "RequestClass.share": (LEAST_CLASS / 2.0, 1.0),
    "SpotTerms.mtti_h": (1e-6, _HOURS[1]),
    "SpotTerms.availability": (0.01, 1.0),
    "TrainingRun.tokens": (1.0, _LARGEST),
    "TrainingRun.seq_len": (16, 10_000_000),
    "TrainingRun.global_batch": (1, 1_000_000),
    "TrainingRun.finish_within_h": _HOURS,
    "TrainingRun.runs_per_year": (1e-9, 1.2e7),
    "TrainingRun.lora_rank": (1, 4096),
    "TrainingRun.gpus": (1, 100_000),
    "TrainingRun.token_fill": (0.01, 1.0),
    "TrainingRun.queue_h": _HOURS,
    "TrainingRun.programme_factor": (1.0, 100.0),
    "TrainingRun.calendar_usd_per_day": (0.0, 1e9),
    "Adapters.count": (1, MOST_ADAPTERS),
    "Adapters.rank": (1, HIGHEST_RANK),
    "MeasuredRate.units_per_hour": (1e-12, 1e11),
    "MeasuredRate.gpus": (1, 1024),
    "Needs.nvenc": (0, 64),
    "Needs.nvdec": (0, 64),
    "MeasuredRate.cv": (0.001, 2.0),
    "Workload.window": (0, _WEEK - 1),
    "Workload.confidence": (0.5, 0.99),
    "Workload.finish_within_h": (1.0, _HOURS[1]),
    "Workload.steps": (1, 1000),
    "Workload.frames": (1, 10_000),
    "Workload.availability": (0.01, 1.0),
    "Workload.data_tb": (0.0, 1e6),
    "Workload.egress_tb_per_month": (0.0, 1e6),
    "Workload.from_month": (0, 119),
    "Workload.until_month": (1, 120),
    "StatedTrip.seconds": (0.0, 10.0),
    "Site.lead_months": (0, 120),
    "Inventory.phases": (0, 119),
    "OwnedTerms.age_months": (0.0, 240.0),
    "OwnedTerms.sell_usd": (0.0, 1e6),
    "CloudSupply.max_instances": (1, 1_000_000),
    "Quota.instances": (0, 1_000_000),
    "Discount.share": (0.0, 0.99),
    "Support.share": (0.0, 1.0),
    "Credit.usd": (1e-9, 1e12),
    "Contracts.tax_share": (0.0, 1.0),
    "Site.racks": (0, 10_000),
    "Site.kw_per_rack": (1e-6, 500.0),
    "Site.usd_per_kwh": (1e-9, 10.0),
    "Site.pue": (1.0, 4.0),
    "Site.outage_hours_per_year": (0.0, HOURS_PER_YEAR),
    "Site.cost_of_capital": (0.0, 1.0),
    "Site.staff_fte": (0.0, 10_000.0),
    "Site.staff_per_server": (0.0, 100.0),
    "Site.fte_usd_per_year": (0.0, 1e7),
    "Site.facility_usd_per_kw_month": (0.0, 10_000.0),
    "Site.owned": (1, 1_000_000),
    "StatedRate.per_usd": (1e-9, 1e9),
    "StatedRate.drift_per_year": (-0.99, 20.0),
    "Jump.month": (0.0, 120.0),
    "Jump.factor": (1e-9, 1e9),
    "Tax.rate": (0.0, 100.0),
    "Tax.recoverable": (0.0, 1.0),
    "Tax.lag_months": (0, 120),
    "Quote.gpus": (1, 1_000_000),
    "Quote.price": (1e-9, 1e12),
    "Quote.usd": (1e-9, 1e12),
    "Limits.capex_usd": (0.0, 1e15),
    "Limits.cash": (0.0, 1e15),
    "Licence.usd_per_gpu_year": (0.0, 1e6),
    "Limits.spot_share": (0.0, 1.0),
    "Limits.providers": (1, 1000),
    "Limits.gpu_types": (1, 1000),
    "Limits.lines": (1, 1000),
    "Inventory.simplicity": (0.0, 0.5),
    "Inventory.cost_of_capital": (0.0, 1.0),
    "Offer.gpus_per_instance": (1, 1024),
    "Rented.gpus_per_instance": (1, 1024),
    "Rented.count": (1, 1_000_000),
    "Rented.usd_per_gpu_hour": (0.0, 1e4),
    "Today.monthly_usd": (1e-9, 1e12),
    "ApiPrice.usd_per_mtok_input": (1e-9, 1e4),
    "ApiPrice.usd_per_mtok_cached": (0.0, 1e4),
    "ApiPrice.usd_per_mtok_output": (0.0, 1e4),
    "ApiPrice.batch_input": (0.0, 1e4),
    "ApiPrice.batch_output": (0.0, 1e4),
    "ApiPrice.context": (1, 1e9),
    "Gpu.mem_gib": (1e-6, MOST_GIB),
    "Gpu.bandwidth_gb_per_s": (1e-6, MOST_GB_PER_S),
    "Gpu.tdp_w": (1e-6, MOST_TDP_W),
    "Gpu.scale_up_domain": (1, 1e6),
    "Model.params_total_b": (1e-9, MOST_PARAMS_B),
    "Model.params_active_b": (1e-9, MOST_PARAMS_B),
    **{f"Gpu.{peak}": (0.0, 1e9) for peak in PEAKS},
    **{f"Model.{name}": (1, 1e9) for name in ("layers", "hidden", "heads", "kv_heads", "context")},
}
"""Record and field -> smallest and largest number; the same as schema.py's, in base units."""
_NAMES: Final = (
    "Gpu.id",
    "Model.id",
    "Inventory.name",
    "Workload.id",
    "Site.id",
    "RequestClass.name",
    "Confirmation.subject",
    "Confirmation.owner",
)
_WORDS: Final[Mapping[str, Collection[str]]] = {
    "TrainingRun.method": ("pretrain", "full", "dpo", "lora", "qlora"),
    "TrainingRun.activation_ckpt": ("none", "selective", "full"),
    "TrainingRun.checkpoint": ("sync", "async"),
    "TrainingRun.optimizer": OPTIMIZERS,
    "TrainingRun.offload": OFFLOADS,
    "TrainingRun.base_precision": BASES,
    "Quote.includes": INCLUDES,
    "Site.cooling": ("air", "rear_door", "liquid"),
    "CloudSupply.purchases": _RENTED,
    "CloudSupply.tiers": TIERS,
    "Discount.purchases": _RENTED,
    "Offer.purchase": _RENTED,
    "Rented.purchase": _RENTED,
}


def problems_of(inventory: Inventory, catalog: Catalog, place: str) -> list[Problem]:
    """All that is wrong with an inventory; `place` is what messages call it."""
    catalog = catalog.with_parts(inventory.own_gpus, inventory.own_models)
    found = [problem for problem in _walk(inventory, "", place, catalog) if problem is not None]
    found += _of_parts(inventory.own_gpus, inventory.own_models, place)
    if not found:
        found += catalog.rate_problems(inventory.rates, f"{place}.rates")
    zones = zoneinfo.available_timezones() | {"UTC"}
    if inventory.timezone not in zones:
        found.append(unknown_name(f"{place}.timezone", "timezone", inventory.timezone, zones))
    rates = catalog.with_fx(inventory.fx).exchange_rates
    if (name := inventory.report_currency) not in rates:
        found.append(unknown_currency(f"{place}.report_currency", name, rates))
    for i, site in enumerate(inventory.sites):
        found += country_problems(site, catalog.countries, f"{place}.sites[{i}]")
    for field, records in (
        ("workloads", inventory.workloads),
        ("sites", inventory.sites),
        ("own_gpus", inventory.own_gpus),
        ("own_models", inventory.own_models),
    ):
        ids = [one.id for one in records]
        if len(set(ids)) < len(ids):
            found.append(Problem(f"{place}.{field}", "two have one id"))
    if not inventory.workloads:
        found.append(Problem(f"{place}.workloads", "names no workload"))
    phases, horizon = inventory.phases, inventory.months
    if phases is not None and not (phases and phases[-1] < horizon and _rises(phases)):
        found.append(Problem(f"{place}.phases", "must be months of the horizon that rise"))
    limited = [year for year, _ in inventory.limits.cash]
    last = Span(inventory.start, inventory.years).last_day.year
    if not (_rises(limited) and all(inventory.start.year <= year <= last for year in limited)):
        found.append(Problem(f"{place}.limits.cash", "must be of years of the horizon that rise"))
    for i, one in enumerate(inventory.confirmations):
        if one.confirmed_on is not None and one.confirmed_on > inventory.as_of:
            place_of = f"{place}.confirmations[{i}].confirmed_on"
            found.append(Problem(place_of, f"is after the plan's day, {inventory.as_of}"))
    if inventory.cloud is None and not inventory.sites:
        found.append(Problem(place, "offers nothing", "add cloud or sites"))
    for i, workload in enumerate(inventory.workloads):
        found += _of_workload(workload, f"{place}.workloads[{i}]")
        if not _runs_within(workload, horizon):
            found.append(Problem(f"{place}.workloads[{i}]", "runs in no month of the horizon"))
    return found


def _of_parts(gpus: Sequence[Gpu], models: Sequence[Model], place: str) -> Iterator[Problem]:
    """What the rows of sheets must have."""
    for i, gpu in enumerate(gpus):
        if not (gpu.bf16_tflops or gpu.fp16_tflops):
            yield Problem(f"{place}.own_gpus[{i}]", "has no 16-bit peak")
    for i, model in enumerate(models):
        if model.kind in SHAPED_KINDS and None in (model.layers, model.hidden, model.heads):
            yield Problem(
                f"{place}.own_models[{i}]", f"a model of kind {model.kind} needs its shape"
            )
        if model.params_active_b > model.params_total_b:
            yield Problem(f"{place}.own_models[{i}].params_active_b", "is above params_total_b")


def _rises(months: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(months))


def _runs_within(workload: Workload, months: int) -> bool:
    until = months if workload.until_month is None else workload.until_month
    return workload.from_month < min(until, months)


def _of_workload(workload: Workload, place: str) -> Iterator[Problem]:
    """What a workload's kind asks for."""
    if workload.demand is None:
        yield Problem(f"{place}.demand", "is missing")
    elif len(workload.demand.units_per_hour) != _WEEK:
        yield Problem(f"{place}.demand.units_per_hour", f"must have {_WEEK} hours")
    elif not any(workload.demand.units_per_hour):
        yield Problem(f"{place}.demand.units_per_hour", "are all 0")
    elif workload.kind in _TEXT and workload.demand.input.mean < 1.0:
        yield Problem(f"{place}.demand.input.mean", "must be 1 token or more")
    if (workload.run is None) == (workload.kind in _JOBS):
        yield Problem(f"{place}.run", f"does not go with kind {workload.kind}")
    if workload.adapters is not None and workload.kind not in (Kind.CHAT, Kind.BATCH):
        yield Problem(f"{place}.adapters", f"does not go with kind {workload.kind}")
    if not workload.window:
        yield Problem(f"{place}.window", "is empty")
    yield from _of_custom(workload, place)
    if not workload.precisions and workload.kind is not Kind.CUSTOM:
        yield Problem(f"{place}.precisions", "names nothing")
    if workload.resolution is not None and not _RESOLUTION.fullmatch(workload.resolution):
        yield Problem(f"{place}.resolution", "must read like 1024x1024")
    classes = workload.demand.classes if workload.demand else ()
    names = tuple(one.name for one in classes)
    for i, slo in enumerate(workload.slos):
        if slo.key not in SLO_NAMES:
            yield unknown_name(f"{place}.slos[{i}]", "promise", slo.key, SLO_NAMES)
        if slo.of_class not in (names or ("",)):
            yield unknown_name(f"{place}.slos[{i}].of_class", "class", slo.of_class, names or ("",))
    yield from _of_classes(workload, classes, f"{place}.demand.classes")


def _of_custom(workload: Workload, place: str) -> Iterator[Problem]:
    """What measured rates must be together, and that nothing but custom work has them."""
    is_custom, gpus = workload.kind is Kind.CUSTOM, [rate.gpu for rate in workload.rates]
    for field, has_it in (("rates", gpus), ("unit_name", workload.unit_name)):
        if bool(has_it) is not is_custom:
            yield Problem(f"{place}.{field}", f"must go with kind {Kind.CUSTOM}, and it alone")
    if bool(workload.model) is is_custom:
        yield Problem(f"{place}.model", f"does not go with kind {workload.kind}")
    if len(set(gpus)) < len(gpus):
        yield Problem(f"{place}.rates", "must name each GPU once")


def _of_classes(
    workload: Workload, classes: Sequence[RequestClass], place: str
) -> Iterator[Problem]:
    """What classes of requests must be together."""
    if classes and workload.kind is not Kind.CHAT:
        yield Problem(place, f"does not go with kind {workload.kind}")
    if classes and not math.isclose(math.fsum(one.share for one in classes), 1.0, rel_tol=1e-6):
        yield Problem(place, "must have shares that add up to 1")
    if len({one.name for one in classes}) < len(classes):
        yield Problem(place, "must have names that differ")
    promised = {slo.of_class for slo in workload.slos}
    for i, one in enumerate(classes):
        if one.name not in promised:
            yield Problem(f"{place}[{i}]", "has no promise in slos")
        if min(one.input.mean, one.output.mean) < 1.0:
            yield Problem(f"{place}[{i}]", "must have 1 token or more in and out")


def _walk(value: Any, kind: str, place: str, catalog: Catalog) -> Iterator[Problem | None]:
    """Problems of every value below a record; `kind` is `Record.field`."""
    if is_dataclass(value):
        record = type(value).__name__
        for one in fields(value):
            below = getattr(value, one.name)
            yield from _walk(below, f"{record}.{one.name}", f"{place}.{one.name}", catalog)
    elif isinstance(value, tuple):
        for i, below in enumerate(value):
            yield from _walk(below, kind, f"{place}[{i}]", catalog)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _number_problem(value, kind, place)
    elif isinstance(value, str):
        yield _name_problem(value, kind, place, catalog)


def _number_problem(value: float, kind: str, place: str) -> Problem | None:
    low, high = _BOUNDS.get(kind, (-_LARGEST, _LARGEST))
    if math.isfinite(value) and low <= value <= high:
        return None
    return Problem(place, f"must lie between {low:g} and {high:g}, got {value:g}")


def _name_problem(value: str, kind: str, place: str, catalog: Catalog) -> Problem | None:
    if kind == "InputFile.sha256":
        return None if _DIGEST.fullmatch(value) else Problem(place, "must be 64 hexadecimal digits")
    known: Mapping[str, tuple[str, Collection[str]]] = {
        "Workload.model": ("model", ("", *catalog.models)),
        "ApiPrice.model": ("model", catalog.models),
        "Workload.precisions": ("precision", formats.precisions()),
        "Workload.kv_precision": ("precision", ("", *formats.precisions())),
        "Workload.users_at": ("country", catalog.places.countries),
        "Model.kind": ("kind", MODEL_KINDS),
        "Model.precision": ("precision", formats.precisions()),
        "Workload.gpus": ("GPU", catalog.gpus),
        "MeasuredRate.gpu": ("GPU", catalog.gpus),
        "CloudSupply.gpus": ("GPU", catalog.gpus),
        "Quota.gpu": ("GPU", catalog.gpus),
        "Rented.gpu": ("GPU", catalog.gpus),
        "Discount.gpus": ("GPU", catalog.gpus),
        "SpotTerms.gpu": ("GPU", catalog.gpus),
        "Site.gpus": ("GPU", catalog.gpus),
        "Site.owned": ("GPU", catalog.gpus),
        "OwnedTerms.gpu": ("GPU", catalog.gpus),
        "Quote.gpu": ("GPU", catalog.gpus),
        "Licence.gpus": ("GPU", catalog.gpus),
        "Site.country": ("country", {**catalog.places.countries, **catalog.countries}),
    }
    if kind in _WORDS:
        known = {kind: ("word", _WORDS[kind])}
    if kind in _NAMES and not 1 <= len(value) <= LONGEST_NAME:
        return Problem(place, f"must be a name of 1 to {LONGEST_NAME} characters")
    what, names = known.get(kind, ("", (value,)))
    return None if value in names else unknown_name(place, what, value, names)
