"""The catalogue: one object through which every packaged table is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from gpumix.catalog import api_prices, evidence, history, offers, parts, profiles, sites
from gpumix.catalog.bands import Bands, load_bands
from gpumix.catalog.currencies import Rates, exchange_rates
from gpumix.catalog.encoders import load_encoders
from gpumix.catalog.fabrics import Fabrics, load_fabrics
from gpumix.catalog.findings import Known, problems_in
from gpumix.catalog.forms import Named, main_form, named_gpus
from gpumix.catalog.futures import load_futures
from gpumix.catalog.gate import Judged, judge
from gpumix.catalog.gpu_words import GpuNames
from gpumix.catalog.market import Dropped, load_dropped, load_markets
from gpumix.catalog.model_config import read_config
from gpumix.catalog.model_names import ModelNames
from gpumix.catalog.money_ranges import load_money_ranges
from gpumix.catalog.offers import TermRatio
from gpumix.catalog.places import load_places
from gpumix.catalog.providers import DataRates, load_provider_rates
from gpumix.catalog.quotes import read_quotes
from gpumix.catalog.sheet import Words, read_price_sheet
from gpumix.catalog.slices import load_mig_profiles
from gpumix.catalog.specifications import load_specifications
from gpumix.catalog.starts import load_starts
from gpumix.catalog.supersede import Superseded, current
from gpumix.catalog.tables import read_packaged, refuse_data, refuse_input
from gpumix.catalog.validity import Ageing, load_ageing, load_reclaims, of_tiers
from gpumix.domain.api import ApiPrice, ApiSupply
from gpumix.domain.coefficients import Coefficients
from gpumix.domain.encoder import Encoder
from gpumix.domain.futures import Future
from gpumix.domain.gpu import Gpu, NamedGpu, Server, ServerPower, Slice
from gpumix.domain.llm import Model, NamedModel
from gpumix.domain.measurement import Shrinkage
from gpumix.domain.money_ranges import MoneyRange
from gpumix.domain.offer import Layer, Offer
from gpumix.domain.places import Places
from gpumix.domain.price_check import PriceCheck
from gpumix.domain.prices import PriceObservation
from gpumix.domain.quote import Quote, StatedRate
from gpumix.domain.site import CapexQuote, Country, Range
from gpumix.domain.start import StartWork
from gpumix.domain.traffic import Profile
from gpumix.domain.workload import DEFAULT_TIERS
from gpumix.errors import Problem, UnknownName

WORKS = ("inference", "training")


class Catalog:
    """All that gpumix knows to exist. Each table is read when first asked for, once.

    A table in `folder` stands in the place of the packaged one of the same name.
    """

    def __init__(
        self,
        gpus: Path | None = None,
        models: Path | None = None,
        prices: Path | None = None,
        measured: Path | None = None,
        folder: Path | None = None,
        configs: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self._configs = configs
        self._gpu_sheet = gpus
        self._model_sheet = models
        self._price_sheet = prices
        self._measured = measured
        self._folder = folder
        self._stated_rates: tuple[StatedRate, ...] = ()

    def with_measured(self, folder: Path) -> Catalog:
        """This catalogue with the measurements in a folder as they are now; other tables shared."""
        other = self._without("measured")
        other._measured = folder
        return other

    def with_rows(self, measured: Mapping[str, Sequence[str]]) -> Catalog:
        """This catalogue with these measured rows beside its own; other tables shared."""
        rows = len(next(iter(measured.values()), ()))
        before = len(next(iter(self.measured.values()), ()))
        other = self._without("measured")
        other.__dict__["measured"] = {
            name: [*self.measured.get(name, [""] * before), *measured.get(name, [""] * rows)]
            for name in {**self.measured, **measured}
        }
        return other

    def _without(self, *tables: str) -> Catalog:
        other = copy(self)
        for table in tables:
            other.__dict__.pop(table, None)
        return other

    @cached_property
    def gpus(self) -> dict[str, Gpu]:
        """GPU id -> GPU, the user's rows included."""
        return parts.load_gpus(self._gpu_sheet, self._folder)

    @cached_property
    def models(self) -> dict[str, Model]:
        """Model id -> model, the user's rows included."""
        own = {name: read_config(path, name) for name, path in self._configs.items()}
        return parts.load_models(self._model_sheet, self._folder) | own

    @cached_property
    def servers(self) -> tuple[Server, ...]:
        """Servers that GPUs are bought in."""
        return read_packaged("servers.csv", parts.server_record, self._folder)

    @cached_property
    def server_power(self) -> tuple[ServerPower, ...]:
        """What servers draw, by cooling and kind of work, where it was measured."""
        return read_packaged("server_power.csv", parts.server_power_record, self._folder)

    @cached_property
    def mig_profiles(self) -> Mapping[str, tuple[Slice, ...]]:
        """GPU id -> the slices that its hardware can be cut into."""
        return load_mig_profiles(self._folder)

    @cached_property
    def encoders(self) -> Mapping[str, Encoder]:
        """Model id -> what turns images and sound into tokens of its prompt."""
        return load_encoders(self._folder)

    @cached_property
    def gpu_aliases(self) -> dict[str, str]:
        """Other names of GPUs -> id."""
        return parts.load_aliases("gpu", self._folder)

    @cached_property
    def model_aliases(self) -> dict[str, str]:
        """Other names of models -> id."""
        return parts.load_aliases("model", self._folder)

    @cached_property
    def judged(self) -> Judged:
        """The rows of the packaged snapshot, judged by themselves."""
        rows = offers.load_snapshot(self._folder)
        newest = max((offer.as_of for offer, _ in rows), default=date.min)
        # no row is of tomorrow because this machine's clock is behind
        return judge(rows, replace(self._known(()), today=max(newest, date.today())))

    @cached_property
    def _snapshot(self) -> tuple[Offer, ...]:
        refuse_data(problems_in(self.judged.refused, "prices.csv"))
        return self.judged.accepted

    @cached_property
    def listed(self) -> tuple[Offer, ...]:
        """Cloud offers as providers list them, the current ones. Raises: DataError where a row is
        refused."""
        return current(self._snapshot)[0]

    @cached_property
    def rates(self) -> tuple[Offer, ...]:
        """The user's own rates."""
        return () if self._price_sheet is None else self.read_rates(self._price_sheet)

    @cached_property
    def _observed(self) -> tuple[tuple[Offer, ...], Superseded]:
        """Current offers of the snapshot and of imports together, and what they replaced."""
        imported = (rate for rate in self.rates if rate.layer is Layer.IMPORT)
        return current((*self._snapshot, *imported))

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Current cloud offers, the user's rates in place of what they replace."""
        own = [rate for rate in self.rates if rate.layer is Layer.SHEET]
        return offers.overlay(self._observed[0], own)

    @property
    def superseded(self) -> Superseded:
        """Offers that price nothing, each with the newer one that replaced it."""
        return self._observed[1]

    @cached_property
    def estimated_terms(self) -> tuple[Offer, ...]:
        """Commitments that nobody lists, by the usual ratios of their tier."""
        return offers.estimated_terms(self.offers, self.term_ratios)

    @cached_property
    def term_ratios(self) -> tuple[TermRatio, ...]:
        """Usual ratios of commitments to on-demand prices."""
        return offers.load_term_ratios(self._folder)

    @cached_property
    def ageing(self) -> Ageing:
        """How long prices are good."""
        return load_ageing(self._folder)

    @cached_property
    def spot_reclaims(self) -> dict[tuple[str, str], Range]:
        """(provider, GPU) -> share of running spot instances taken back in a month [%]."""
        return load_reclaims(self._folder)

    @cached_property
    def starts(self) -> dict[str, StartWork]:
        """Kinds of work that `gpumix start` knows, by name."""
        return load_starts(self._folder)

    @cached_property
    def specifications(self) -> dict[str, list[tuple[str, str, str]]]:
        """Kind of thing -> (attribute, label, unit) of what is told of it, in order."""
        return load_specifications(self._folder)

    @cached_property
    def markets(self) -> dict[str, str]:
        """GPU id -> its market, of parts that are no data-centre parts on sale."""
        return load_markets(self._folder)

    @cached_property
    def dropped(self) -> tuple[Dropped, ...]:
        """Architectures that engines no longer run on."""
        return load_dropped(self._folder)

    @cached_property
    def fabrics(self) -> Fabrics:
        """Which rented machines form gangs."""
        return load_fabrics(self._folder)

    @cached_property
    def data_rates(self) -> DataRates:
        """What providers ask for egress and storage."""
        return DataRates(load_provider_rates(self._folder), self.defaults)

    def quoted(self, as_of: date) -> tuple[Offer, ...]:
        """What a GPU is usually rented at on a day: usable offers of the default tiers."""
        return of_tiers(self.usable(as_of), DEFAULT_TIERS)

    def usable(self, as_of: date, estimated: bool = False) -> tuple[Offer, ...]:
        """The offers that may price a plan on a day; `estimated` terms only on request."""
        every = (*self.offers, *self.estimated_terms) if estimated else self.offers
        return self.ageing.usable(every, as_of)

    @cached_property
    def price_history(self) -> tuple[PriceObservation, ...]:
        """What providers asked in the past, for trends; never an offer."""
        return history.load_history(self._folder)

    @cached_property
    def api_prices(self) -> tuple[ApiPrice, ...]:
        """Prices of hosted tokens; the team's own are laid over them by `with_apis`."""
        return api_prices.load_api_prices(self.models, self._folder)

    @cached_property
    def countries(self) -> dict[str, Country]:
        """ISO code -> country."""
        return sites.load_countries(self._folder)

    @cached_property
    def places(self) -> Places:
        """Where countries and providers' regions lie."""
        return load_places(self._folder)

    @cached_property
    def capex(self) -> tuple[CapexQuote, ...]:
        """Purchase prices of cards, baseboards and servers."""
        return sites.load_capex(self._folder)

    @cached_property
    def defaults(self) -> dict[str, Range]:
        """Parameter -> range, for what an inventory leaves out."""
        return sites.load_defaults(self._folder)

    @cached_property
    def money_ranges(self) -> tuple[MoneyRange, ...]:
        """By how much each kind of figure of a plan's money may be off."""
        return load_money_ranges(self._folder)

    @cached_property
    def futures(self) -> tuple[Future, ...]:
        """Other growth and prices that a plan is tried in."""
        return load_futures(self._folder)

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """Profile id -> demand profile."""
        return profiles.load_profiles(self._folder)

    @cached_property
    def coefficients(self) -> Coefficients:
        """Constants of the performance formulas."""
        return evidence.load_coefficients(self._folder)

    @cached_property
    def evidence_inference(self) -> dict[str, list[str]]:
        """Packaged measured rows of inference, as columns of text."""
        return evidence.load_evidence("inference", self._folder)

    @cached_property
    def evidence_training(self) -> dict[str, list[str]]:
        """Packaged measured rows of training, as columns of text."""
        return evidence.load_evidence("training", self._folder)

    @cached_property
    def measured(self) -> dict[str, list[str]]:
        """A team's own measured rows, as columns of text; empty where there are none."""
        return evidence.load_measured(self._measured)

    @cached_property
    def shrinkage(self) -> dict[str, Shrinkage]:
        """How a team's own rows are weighed, by work: inference, training."""
        return {work: evidence.load_shrinkage(work, self._folder) for work in WORKS}

    @cached_property
    def nearness(self) -> dict[str, dict[str, float]]:
        """What makes two runs unlike, by work: inference, training."""
        return {work: evidence.load_nearness(work, self._folder) for work in WORKS}

    @cached_property
    def data_as_of(self) -> date:
        """Newest date of the packaged prices, purchase prices and measured rows."""
        measured = (*self.evidence_inference["date"], *self.evidence_training["date"])
        return max(
            *(offer.as_of for offer in self.listed),
            *(quote.as_of for quote in self.capex),
            *(date.fromisoformat(day) for day in measured if evidence.is_day(day)),
        )

    def read_rates(self, sheet: Path) -> tuple[Offer, ...]:
        """The current rates of a price sheet. Raises: InputError with every refused row."""
        judged = self.judge_sheet(sheet)[1]
        refuse_input(problems_in(judged.refused, str(sheet)))
        return current(judged.accepted)[0]

    def read_quotes(self, sheet: Path, as_of: date) -> tuple[Quote, ...]:
        """A team's quotations for servers. Raises: InputError with every bad row."""
        names = {id.lower(): id for id in self.gpus}
        names |= {name.lower(): id for name, id in self.gpu_aliases.items()}
        today = max(as_of, date.today())
        return read_quotes(sheet, names, self.gpus, self.exchange_rates, as_of, today)

    def judge_sheet(self, sheet: Path) -> tuple[int, Judged]:
        """How many rows a price sheet has, and what becomes of them.

        Raises: InputError where it is no table of prices.
        """
        names = {id: id for id in self.gpus} | self.gpu_aliases
        words = Words.of(
            names,
            offers.load_regions(self._folder),
            self._bands.tiers,
            self.exchange_rate,
            date.today(),
        )
        found = read_price_sheet(sheet, words)
        judged = judge(found.placed, self._known(self.listed))
        refused = sorted((*found.refused, *judged.refused), key=lambda one: one.line)
        return found.rows, replace(judged, refused=tuple(refused))

    def check_snapshot(self) -> PriceCheck:
        """The packaged snapshot against the gate's rules."""
        judged = self.judged
        rows = len(judged.accepted) + len({one.line for one in judged.refused})
        return PriceCheck("prices.csv", rows, len(judged.accepted), judged.refused, judged.marked)

    def check_sheet(self, sheet: Path) -> PriceCheck:
        """A price sheet against the gate's rules. Raises: InputError, as `judge_sheet`."""
        rows, judged = self.judge_sheet(sheet)
        return PriceCheck(str(sheet), rows, len(judged.accepted), judged.refused, judged.marked)

    def rate_problems(self, rates: Sequence[Offer], place: str) -> list[Problem]:
        """What is wrong with rates that come from no sheet, each named by its place in a list."""
        placed = [(rate, i) for i, rate in enumerate(rates)]
        refused = judge(placed, self._known(self.listed)).refused
        return [Problem(f"{place}[{one.line}]", one.what, one.fix) for one in refused]

    def judge(self, found: Sequence[Offer]) -> Judged:
        """Offers from elsewhere against the gate's rules; a finding's line is a position."""
        return judge([(offer, i) for i, offer in enumerate(found)], self._known(self.listed))

    @cached_property
    def _bands(self) -> Bands:
        return load_bands(self._folder)

    def _known(self, others: Sequence[Offer]) -> Known:
        return Known(self.gpus, self._bands, others, self.ageing, date.today())

    def with_parts(self, gpus: Sequence[Gpu], models: Sequence[Model]) -> Catalog:
        """This catalogue with a team's own parts and shapes over those it has."""
        if not (gpus or models):
            return self
        other = self._without("gpus", "models", "_gpu_names", "_model_names", "api_prices")
        other.gpus = self.gpus | {gpu.id: gpu for gpu in gpus}
        other.models = self.models | {model.id: model for model in models}
        other._snapshot = self._snapshot  # judged by the packaged parts
        return other

    def with_rates(self, rates: Sequence[Offer]) -> Catalog:
        """This catalogue with the user's rates in place of those it has; tables are shared."""
        other = self._without("offers", "_observed", "estimated_terms")
        other.rates = tuple(rates)
        other._snapshot = self._snapshot  # judged once for both
        return other

    def read_api_prices(self, sheet: Path, today: date) -> tuple[ApiPrice, ...]:
        """A team's own API prices, checked. Raises: InputError with every bad row."""
        return api_prices.read_api_sheet(sheet, self.models, self.model_aliases, today)

    def with_apis(self, supply: ApiSupply) -> Catalog:
        """This catalogue with a team's own API prices over those it has, of allowed providers."""
        other, named = self._without("api_prices"), supply.providers
        laid = api_prices.overlay(self.api_prices, supply.prices)
        other.api_prices = tuple(p for p in laid if named is None or p.provider in named)
        return other

    def exchange_rate(self, currency: str) -> tuple[float, date | None]:
        """Units of a currency per USD, and the rate's date. Raises: UnknownName."""
        rates = self.exchange_rates
        if currency not in rates:
            raise UnknownName("report_currency", "currency", currency, sorted(rates))
        return rates[currency]

    @cached_property
    def exchange_rates(self) -> Rates:
        """Currency -> units of it per USD, and the rate's date."""
        return exchange_rates(self.countries.values(), self._stated_rates)

    def with_fx(self, stated: Sequence[StatedRate]) -> Catalog:
        """This catalogue with a team's exchange rates over the table's; itself without any."""
        if tuple(stated) == self._stated_rates:
            return self
        other = self._without("exchange_rates")
        other._stated_rates = tuple(stated)
        return other

    def gpu(self, name: str, place: str = "") -> Gpu:
        """The GPU that a name means. Raises: UnknownName with the nearest three."""
        return self.named_gpu(name, place).gpu

    def named_gpu(self, name: str, place: str = "") -> NamedGpu:
        """What a GPU's name means: part, count, and what was taken for it. Raises: UnknownName."""
        return self._gpu_names.named(name, place, self._usual_form)

    @cached_property
    def _gpu_names(self) -> GpuNames:
        open_names = parts.load_open_gpu_names(self._folder)
        machines = parts.load_machines(self._folder)
        return GpuNames.of(self.gpus, self.gpu_aliases, open_names, machines)

    def _usual_form(self, forms: Sequence[str]) -> str:
        return main_form(forms, self.listed, self.gpus)

    def named_gpus(self, name: str, place: str = "") -> Named:
        """The GPUs that a family, a description or `8xH100` means. Raises: InputError."""
        return named_gpus(name, self.gpus, self.gpu_aliases, place, self._gpu_names.machines)

    def model(self, name: str, place: str = "") -> Model:
        """The shape that a model's name means. Raises: UnknownName with the nearest three."""
        return self.named_model(name, place).model

    def named_model(self, name: str, place: str = "") -> NamedModel:
        """What a model's name means: shape, precision, context. Raises: UnknownName."""
        return self._model_names.named(name, place)

    @cached_property
    def _model_names(self) -> ModelNames:
        checkpoints = parts.load_checkpoints(self._folder)
        words = parts.load_model_words(self._folder)
        return ModelNames.of(self.models, self.model_aliases, checkpoints, words)


def load(
    gpus: Path | None = None,
    models: Path | None = None,
    prices: Path | None = None,
    measured: Path | None = None,
    folder: Path | None = None,
    configs: Mapping[str, Path] = MappingProxyType({}),
) -> Catalog:
    """The catalogue, with the user's sheets (CSV files) over the packaged tables.

    `measured` is the folder that `gpumix calibrate` keeps a team's own measurements in; `folder`
    holds tables that stand in the place of the packaged ones of the same name; `configs` are
    Hugging Face configs of models by the name that they get.

    Raises: InputError where a sheet cannot be read or a row of it is wrong.
    """
    catalog = Catalog(gpus, models, prices, measured, folder, configs)
    # a mistake in a sheet is told here, not by whatever asks for the table first
    if gpus is not None:
        _ = catalog.gpus
    if models is not None or configs:
        _ = catalog.models
    if prices is not None:
        _ = catalog.offers
    return catalog
