"""Joins the parts: a file -> Inventory, or every problem in it at once."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from gpumix.catalog import Catalog
from gpumix.catalog.currencies import unknown_currency
from gpumix.domain import defaults
from gpumix.domain.api import ApiPrice, ApiSupply
from gpumix.domain.gpu import Needs
from gpumix.domain.llm import NamedModel
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.quote import Quote
from gpumix.domain.site import Site
from gpumix.domain.workload import (
    CONFIDENCE,
    Adapters,
    CloudSupply,
    Demand,
    InputFile,
    Inventory,
    Kind,
    Quota,
    Slo,
    SpotTerms,
    TrainingRun,
    Workload,
)
from gpumix.errors import Hint, InputError, Problem, UnknownName, unknown_name
from gpumix.files import sha256
from gpumix.inventory import demand
from gpumix.inventory.applies import APPLIES, keys_of
from gpumix.inventory.classes import class_problems, tier_of, with_class_lengths, with_classes
from gpumix.inventory.confirmed import confirmations_of
from gpumix.inventory.contracts import contracts_of
from gpumix.inventory.custom import (
    MEASURED_INSTEAD,
    custom_problems,
    rates_of_work,
    unit_of,
)
from gpumix.inventory.dates import Span, active_months, phases_of
from gpumix.inventory.demand import within
from gpumix.inventory.fx import rates_of
from gpumix.inventory.licences import licences_of
from gpumix.inventory.limits import limits_of
from gpumix.inventory.models import can_do, refuse_long, weights_of
from gpumix.inventory.overridden import NO_CHANGES, read_document
from gpumix.inventory.own_parts import own_parts
from gpumix.inventory.places import quota_of
from gpumix.inventory.promised import availability_of, promised
from gpumix.inventory.schema import ApiSpec, CloudSpec, InventorySpec
from gpumix.inventory.schema_work import WorkloadSpec
from gpumix.inventory.seen import with_what_is_seen
from gpumix.inventory.sites import quotes_of, sites_of
from gpumix.inventory.today import Reading, today_of
from gpumix.inventory.users import Ends, users_of
from gpumix.inventory.validate import Checked, check
from gpumix.inventory.yaml import Document, KeyPath
from gpumix.units import SECONDS_PER_HOUR

T = TypeVar("T")

EXAMPLE = Path(__file__).parents[1] / "data" / "examples" / "inference-first.yaml"
"""The inventory that `gpumix demo` plans."""

LEAST_TOKEN_FILL = 0.01


def starter_text() -> str:
    """The commented inventory that `gpumix init` writes."""
    return resources.files("gpumix.data").joinpath("starter.yaml").read_text(encoding="utf-8")


def read_inventory(
    path: Path, catalog: Catalog, today: date, changes: Mapping[str, Any] = NO_CHANGES
) -> Inventory:
    """The inventory in a YAML file, checked against the catalogue.

    `today` dates the plan where the file has no `as_of`; `changes` are values that stand in the
    place of its own, by paths with points.

    Raises: InputError with every problem of the file, each with its key path and line.
    """
    document = read_document(path, changes)
    checked = check(document)
    if checked.spec is None:
        raise InputError(checked.problems)
    reader = _Reader(document, checked, catalog, path.parent)
    inventory = reader.inventory(checked.spec, today)
    if reader.problems:
        raise InputError(reader.problems)
    return inventory


class _Reader:
    """Turns the checked schema into domain records, collecting problems as it goes."""

    def __init__(
        self, document: Document, checked: Checked, catalog: Catalog, folder: Path
    ) -> None:
        self.document = document
        self.checked = checked
        self.catalog = catalog
        self.folder = folder
        self.problems: list[Problem] = list(checked.problems)
        self.notes: list[str] = []
        self.rates: tuple[Offer, ...] = ()
        self.offers: tuple[Offer, ...] = ()
        self.traces: dict[str, InputFile] = {}

    def _say(self, path: KeyPath, message: str, fix: str | Hint = "") -> None:
        if not self.checked.lacks_part_of(path):
            self.problems.append(Problem(self.document.place(path), message, fix))

    def _try(self, path: KeyPath, make: Callable[[], T], default: T) -> T:
        try:
            return make()
        except UnknownName as error:
            self.problems += [
                Problem(self.document.place(path), p.message, p.fix) for p in error.problems
            ]
        except InputError as error:
            if not self.checked.lacks_part_of(path):
                self.problems += error.problems
        return default

    def _known(self, path: KeyPath, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        if name not in names:
            self.problems.append(unknown_name(self.document.place(path), kind, name, names))

    def inventory(self, spec: InventorySpec, today: date) -> Inventory:
        """The whole; problems found are in `self.problems`."""
        fx = rates_of(spec.fx, spec.as_of or today, self._say, self.notes.append)
        self.catalog = self.catalog.with_fx(fx)
        self.own = own_parts(spec, self.document, self.catalog, self.folder)
        self.problems += self.own.problems
        self.notes += self.own.notes
        self.catalog = self.catalog.with_parts(self.own.gpus, tuple(self.own.models.values()))
        self.rates = self._rates(spec)
        self.offers = self.catalog.with_rates(self.rates).offers
        zones = zoneinfo.available_timezones() | {"UTC"}  # the system's, or those of tzdata
        self._known(("timezone",), "timezone", spec.timezone, zones)
        self._currency(("report_currency",), spec.report_currency)
        self.abroad = {site.country for site in spec.supply.on_prem.values()}
        self.ends = Ends.of(self.catalog.places.countries, self.offers, spec.supply.on_prem)
        self.spot = self._spot(spec.supply.cloud)
        self.span = Span(spec.horizon.start, spec.horizon.years)
        workloads = tuple(self.workload(name, w) for name, w in spec.workloads.items())
        if not workloads:
            self._say(
                ("workloads",), "names no workload", "add one, such as chat: {kind: chat, ...}"
            )
        lent = Reading(self._known, self._gpus, self._say, self.notes.append)
        sites = sites_of(spec, self.checked, self.catalog, lent, self._known_countries)
        cloud = self.cloud(spec.supply.cloud) if spec.supply.cloud is not None else None
        if cloud is None and not sites:
            self._say(("supply",), "offers nothing", "add cloud, on_prem or owned")
        quotes = self._quotes(spec, sites, spec.as_of or today, lent)
        running = today_of(spec, spec.as_of or today, self.catalog.with_rates(self.rates), lent)
        return Inventory(
            name=spec.name,
            start=spec.horizon.start,
            years=spec.horizon.years,
            timezone=spec.timezone,
            as_of=spec.as_of or today,
            report_currency=spec.report_currency,
            workloads=workloads,
            cloud=cloud,
            sites=sites,
            limits=limits_of(spec, self.span, self._currency, self._say, self.notes.append),
            simplicity=spec.prefer.simplicity,
            rates=self.rates,
            notes=tuple(self.notes),
            traces=tuple(self.traces.values()),
            api=self.api(spec.supply.api, today) if spec.supply.api is not None else None,
            today=running,
            cost_of_capital=spec.finance.cost_of_capital,
            quotes=quotes,
            fx=fx,
            licences=licences_of(spec.licences, lent),
            phases=phases_of(self.span, spec.supply.phases, self._say),
            own_gpus=self.own.gpus,
            own_models=tuple(self.own.models.values()),
            confirmations=confirmations_of(spec.assumptions, spec.as_of or today, self._say),
        )

    def _rates(self, spec: InventorySpec) -> tuple[Offer, ...]:
        """Offers of the inventory's own price sheet."""
        if not spec.prices:
            return ()
        sheet = self.folder / spec.prices
        place = self.document.place(("prices",))
        read = partial(self.catalog.read_rates, sheet)
        return self._try(("prices",), lambda: within(place, read), ())

    # -- workloads ---------------------------------------------------------------------------

    def workload(self, name: str, spec: WorkloadSpec) -> Workload:
        """One workload in gpumix's words."""
        path: KeyPath = ("workloads", name)
        self._refuse_foreign_keys(path, spec)
        named = self._model((*path, "model"), spec)
        precisions, kv_precision = weights_of(
            spec,
            named,
            partial(self._place, path),
            self.problems,
            lambda told: self.notes.append(f"{name}: {told}"),
        )
        slos = promised(path, spec, self._known, self._say, self.notes.append)
        class_problems(path, spec, self._say)
        custom_problems(path, spec, self._say)
        asked = self._demand(path, spec, slos)
        if named is not None and asked is not None:
            encoders = self.catalog.encoders
            asked = with_what_is_seen(path, spec, asked, named.model, encoders, self._say)
            refuse_long(path, spec, named, asked, self._say)
            asked = with_classes(path, spec, asked, named, self._say)
        users, trips = users_of(
            path, spec, slos, self.ends, self._known_countries, self._say, self._known
        )
        gpus = tuple(self._gpus((*path, "gpus"), spec.gpus or []))
        is_custom = spec.kind is Kind.CUSTOM
        begins, ends = active_months(self.span, path, spec.from_, spec.until, self._say)
        return Workload(
            id=name,
            kind=spec.kind,
            model=named.model.id if named else "",
            precisions=() if is_custom else precisions,
            kv_precision=kv_precision,
            engine="" if is_custom else spec.engine,
            tier=tier_of(spec),
            demand=asked,
            run=self._run(path, spec),
            slos=slos,
            window=demand.window_of(spec),
            countries=tuple(self._countries((*path, "residency"), spec.residency or [])),
            gpus=gpus,
            steps=spec.steps,
            frames=spec.frames,
            resolution=spec.resolution,
            data_tb=spec.data_tb,
            egress_tb_per_month=spec.egress_tb_per_month,
            from_month=begins,
            until_month=ends,
            mig=spec.mig,
            share_gpu=spec.share_gpu,
            availability=availability_of(path, spec, slos, self._say),
            confidence=spec.confidence or CONFIDENCE[tier_of(spec)],
            finish_within_h=demand.finish_within_h(spec, path, self._say),
            adapters=Adapters(spec.adapters.count, spec.adapters.rank) if spec.adapters else None,
            share_replicas=spec.share_replicas,
            users_at=users,
            stated_trips=trips,
            rates=rates_of_work(path, spec, gpus, self._gpus, self._say) if is_custom else (),
            unit_name=unit_of(spec) if is_custom else "",
            needs=Needs(**spec.needs.model_dump()),
        )

    def _model(self, path: KeyPath, spec: WorkloadSpec) -> NamedModel | None:
        if spec.kind is Kind.CUSTOM:
            return None
        name = self.own.name_of(str(path[1]), spec.model)
        if name is None:
            if spec.model is None:
                self._say(path[:-1], "needs the key 'model'")
            return None
        named = self._try(path, lambda: self.catalog.named_model(name), None)
        if named is not None and not can_do(named.model, spec.kind):
            model = named.model
            said = f"{model.id} ({model.kind}) cannot do kind {spec.kind}"
            self._say(path, said, MEASURED_INSTEAD.get(model.kind, ""))
        self.notes += [] if named is None else [f"{path[1]}: {note}" for note in named.notes]
        return named and named.with_context(spec.context)

    def _refuse_foreign_keys(self, path: KeyPath, spec: WorkloadSpec) -> None:
        for key in sorted(spec.model_fields_set - keys_of(spec.kind)):
            fitting = ", ".join(sorted(APPLIES[spec.kind]))
            self._say((*path, key), f"does not go with kind {spec.kind}", f"it takes {fitting}")

    def _demand(self, path: KeyPath, spec: WorkloadSpec, slos: Sequence[Slo]) -> Demand | None:
        if spec.traffic is not None and "traffic" in APPLIES[spec.kind]:
            for key in ("tokens_per_day", "images_per_day", "videos_per_day", "per_day"):
                if getattr(spec, key) is not None and key in APPLIES[spec.kind]:
                    self._say(path, f"states traffic and {key}", "keep one of them")
            return self._try((*path, "traffic"), lambda: self._traffic(path, spec, slos), None)
        if spec.kind in (Kind.BATCH, Kind.EMBEDDING):
            if spec.tokens_per_day is not None:
                return self._try(
                    (*path, "tokens_per_day"),
                    lambda: demand.of_volume(spec, partial(self._place, path)),
                    None,
                )
            self._say(path, "states no work", "add tokens_per_day")
        elif spec.kind is Kind.MEDIA:
            if spec.images_per_day or spec.videos_per_day:
                return demand.of_samples(spec)
            self._say(path, "states no work", "add images_per_day or videos_per_day")
        elif spec.kind is Kind.CUSTOM:
            if spec.per_day is not None:
                return demand.of_units(spec)
            self._say(path, "states no work", "add per_day, or traffic: {requests_per_s: ...}")
        elif spec.kind is Kind.CHAT:
            self._say(
                path, "states no traffic", "add traffic: {profile: ..., peak_requests_per_s: ...}"
            )
        else:
            return demand.of_runs(spec)
        return None

    def _traffic(self, path: KeyPath, spec: WorkloadSpec, slos: Sequence[Slo]) -> Demand | None:
        traffic = with_class_lengths(spec)
        if traffic is None:
            return None
        place = partial(self._place, (*path, "traffic"))
        found = demand.of_traffic(
            traffic, spec.kind, self.catalog.profiles, self.folder, place, slos, spec.time_cv
        )
        if (name := traffic.trace) is not None:
            self.traces[name] = InputFile(name, sha256(self.folder / name))
        return found

    def _place(self, path: KeyPath, *keys: str) -> str:
        return self.document.place((*path, *keys))

    def _run(self, path: KeyPath, spec: WorkloadSpec) -> TrainingRun | None:
        if spec.kind not in (Kind.FINETUNE, Kind.PRETRAIN):
            return None
        if spec.tokens is None:
            self._say(path, "states no work", "add tokens (of one run)")
        if spec.runs_per_month is not None and spec.runs_per_year is not None:
            self._say(path, "states runs_per_month and runs_per_year", "keep one of them")
        seq_len = spec.seq_len or defaults.SEQ_LEN[spec.kind]
        method = "pretrain" if spec.kind is Kind.PRETRAIN else (spec.method or "lora")
        if spec.kind is Kind.FINETUNE and spec.method is None:
            self.notes.append(f"{path[-1]}: method not stated, LoRA assumed")
        return TrainingRun(
            method=method,
            tokens=spec.tokens or 0.0,
            seq_len=seq_len,
            global_batch=spec.global_batch or self._global_batch(path, spec, seq_len),
            finish_within_h=spec.finish_within / SECONDS_PER_HOUR if spec.finish_within else None,
            runs_per_year=demand.runs_per_year(spec),
            stack=spec.stack or defaults.STACK[method],
            lora_rank=spec.lora_rank,
            gpus=spec.n_gpus,
            token_fill=self._token_fill(path, spec),
            activation_ckpt=spec.activation_ckpt,
            checkpoint=spec.checkpoint,
            queue_h=spec.queue / SECONDS_PER_HOUR if spec.queue else 0.0,
            new_fleet=spec.new_fleet,
            programme_factor=spec.programme_factor,
            calendar_usd_per_day=spec.calendar_usd_per_day,
            spot=self.spot,
            **{key: getattr(spec, key) or "" for key in ("optimizer", "offload", "base_precision")},
        )

    def _global_batch(self, path: KeyPath, spec: WorkloadSpec, seq_len: int) -> int | None:
        """Sequences of a step of a pre-training that does not state them."""
        if spec.kind is not Kind.PRETRAIN:
            return None
        batch = max(defaults.PRETRAIN_TOKENS_PER_STEP // seq_len, 1)
        self.notes.append(f"{path[-1]}: global_batch not stated, {batch:,} sequences assumed")
        return batch

    def _token_fill(self, path: KeyPath, spec: WorkloadSpec) -> float:
        if spec.token_fill < LEAST_TOKEN_FILL:
            self._say((*path, "token_fill"), f"must be {LEAST_TOKEN_FILL:g} or more")
        return max(spec.token_fill, LEAST_TOKEN_FILL)

    # -- supply ------------------------------------------------------------------------------

    def cloud(self, spec: CloudSpec) -> CloudSupply:
        """Rentals allowed, each name checked against the catalogue's offers."""
        path: KeyPath = ("supply", "cloud")
        providers = self._any_or(spec.providers)
        regions = self._any_or(spec.regions)
        for i, name in enumerate(providers or ()):
            known = sorted({o.provider for o in self.offers})
            self._known((*path, "providers", i), "provider", name, known)
        for i, name in enumerate(regions or ()):
            known = sorted({o.region for o in self.offers if o.region})
            self._known((*path, "regions", i), "region", name, known)
        countries = self._any_or(spec.countries)
        gpus = self._any_or(spec.gpus)
        most = spec.max_instances
        return CloudSupply(
            providers=providers,
            countries=(
                None
                if countries is None
                else tuple(self._countries((*path, "countries"), countries))
            ),
            regions=regions,
            gpus=None if gpus is None else tuple(self._gpus((*path, "gpus"), gpus)),
            purchases=tuple(Purchase(p) for p in dict.fromkeys(spec.purchase)),
            max_instances=None if isinstance(most, dict) else most,
            spot=self.spot,
            tiers=self._any_or(spec.tiers),
            estimated_terms=spec.estimated_terms,
            quotas=self._quotas(most) if isinstance(most, dict) else (),
            contracts=contracts_of(spec, self.offers, self._known, self._gpus),
        )

    def _quotas(self, most: Mapping[str, int]) -> tuple[Quota, ...]:
        """Limits by place; two ways to write one place are a problem."""
        found: dict[str, Quota] = {}
        for text, instances in most.items():
            path: KeyPath = ("supply", "cloud", "max_instances", text)
            read = partial(quota_of, text, instances, self.offers, self.catalog)
            quota = self._try(path, read, None)
            if quota is not None and found.setdefault(quota.place, quota) is not quota:
                self._say(path, f"limits {quota.place} a second time", "keep one of them")
        return tuple(found.values())

    def api(self, spec: ApiSpec, today: date) -> ApiSupply:
        """APIs allowed, each name checked against the catalogue's and the team's own prices."""
        path: KeyPath = ("supply", "api")
        own: tuple[ApiPrice, ...] = ()
        if spec.prices is not None:
            place = self.document.place((*path, "prices"))
            read = partial(self.catalog.read_api_prices, self.folder / spec.prices, today)
            own = self._try((*path, "prices"), lambda: within(place, read), ())
        known = sorted({p.provider for p in (*self.catalog.api_prices, *own)})
        providers = self._any_or(spec.providers)
        for i, name in enumerate(providers or ()):
            self._known((*path, "providers", i), "API provider", name, known)
        return ApiSupply(providers, own)

    def _spot(self, spec: CloudSpec | None) -> tuple[SpotTerms, ...]:
        """The user's own terms of spot capacity; `any` stands for GPUs that are not named."""
        stated = spec.spot if spec is not None else {}
        path: KeyPath = ("supply", "cloud", "spot")
        return tuple(
            SpotTerms(
                None if name == "any" else self._gpus((*path, name), [name])[0],
                terms.mean_uptime / SECONDS_PER_HOUR,
                terms.availability,
            )
            for name, terms in stated.items()
        )

    @staticmethod
    def _any_or(names: Any) -> tuple[str, ...] | None:
        return None if names == "any" else tuple(dict.fromkeys(names))

    def _quotes(
        self, spec: InventorySpec, sites: Sequence[Site], as_of: date, lent: Reading
    ) -> tuple[Quote, ...]:
        """Quotations for servers, of the inventory's own sheet."""
        if not spec.supply.quotes:
            return ()
        path: KeyPath = ("supply", "quotes")
        sheet, place = self.folder / spec.supply.quotes, self.document.place(path)
        read = partial(quotes_of, sheet, place, self.catalog, sites, as_of, lent)
        return self._try(path, read, ())

    # -- names -------------------------------------------------------------------------------

    def _currency(self, path: KeyPath, currency: str) -> float:
        rates = self.catalog.exchange_rates
        if currency not in rates:
            place = self.document.place(path)
            self.problems.append(unknown_currency(place, currency, rates))
        return rates.get(currency, (1.0, None))[0]

    def _countries(self, path: KeyPath, codes: Iterable[str]) -> list[str]:
        sold_in = {o.country for o in self.offers if o.country is not None}
        known = {*self.catalog.countries, *sold_in, *self.abroad}
        codes = list(dict.fromkeys(codes))
        self._known_countries(path, codes, known)
        return codes

    def _known_countries(self, path: KeyPath, codes: Iterable[str], known: Iterable[str]) -> None:
        """Country codes, with the code as the fix where somebody wrote the country's name."""
        by_name = {c.name.lower(): c.iso2 for c in self.catalog.countries.values()}
        for code in codes:
            if code.lower() in by_name:
                self._say(path, f"unknown country {code!r}", f"write {by_name[code.lower()]}")
            else:
                self._known(path, "country", code, sorted(known))

    def _gpus(self, path: KeyPath, names: Iterable[str]) -> list[str]:
        ids = []
        for name in names:
            named = self._try(path, lambda name=name: self.catalog.named_gpu(name), None)  # type: ignore[misc]
            ids.append(named.gpu.id if named else name)
            if named and named.note and named.note not in self.notes:
                self.notes.append(named.note)
        return list(dict.fromkeys(ids))
