"""The catalogue: one object through which every packaged table is reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from gpumix.catalog import evidence, offers, parts, profiles, sites
from gpumix.catalog.offers import Discount
from gpumix.catalog.tables import read_packaged
from gpumix.domain.coefficients import Coefficients
from gpumix.domain.gpu import Gpu, Server
from gpumix.domain.llm import Model
from gpumix.domain.measurement import Shrinkage
from gpumix.domain.offer import Offer
from gpumix.domain.site import CapexQuote, Country, Range
from gpumix.domain.traffic import Profile
from gpumix.errors import UnknownName

T = TypeVar("T")

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
    ) -> None:
        self._gpu_sheet = gpus
        self._model_sheet = models
        self._price_sheet = prices
        self._measured = measured
        self._folder = folder

    @cached_property
    def gpus(self) -> dict[str, Gpu]:
        """GPU id -> GPU, the user's rows included."""
        return parts.load_gpus(self._gpu_sheet, self._folder)

    @cached_property
    def models(self) -> dict[str, Model]:
        """Model id -> model, the user's rows included."""
        return parts.load_models(self._model_sheet, self._folder)

    @cached_property
    def servers(self) -> tuple[Server, ...]:
        """Servers that GPUs are bought in."""
        return read_packaged("servers.csv", parts.server_record, self._folder)

    @cached_property
    def gpu_aliases(self) -> dict[str, str]:
        """Other names of GPUs -> id."""
        return parts.load_aliases("gpu", self._folder)

    @cached_property
    def model_aliases(self) -> dict[str, str]:
        """Other names of models -> id."""
        return parts.load_aliases("model", self._folder)

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Cloud offers, derived reserved terms and the user's rates included."""
        return offers.load_offers(self.gpus, self.gpu_aliases, self._price_sheet, self._folder)

    @cached_property
    def discounts(self) -> tuple[Discount, ...]:
        """Paired discounts that reserved offers are derived with."""
        return offers.load_discounts(self._folder)

    @cached_property
    def countries(self) -> dict[str, Country]:
        """ISO code -> country."""
        return sites.load_countries(self._folder)

    @cached_property
    def capex(self) -> tuple[CapexQuote, ...]:
        """Purchase prices of cards, baseboards and servers."""
        return sites.load_capex(self._folder)

    @cached_property
    def defaults(self) -> dict[str, Range]:
        """Parameter -> range, for what an inventory leaves out."""
        return sites.load_defaults(self._folder)

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

    def exchange_rate(self, currency: str) -> tuple[float, date | None]:
        """Units of a currency per USD, and the rate's date. Raises: UnknownName."""
        if currency == "USD":
            return 1.0, None
        for country in self.countries.values():
            if country.currency == currency:
                return country.fx_per_usd, country.fx_as_of
        known = sorted({c.currency for c in self.countries.values()} | {"USD"})
        raise UnknownName("report_currency", "currency", currency, known)

    def gpu(self, name: str, place: str = "") -> Gpu:
        """The GPU of this id or alias, in any case. Raises: UnknownName with did-you-mean."""
        return _named(name, self.gpus, self.gpu_aliases, "GPU", place)

    def model(self, name: str, place: str = "") -> Model:
        """The model of this id or alias, in any case. Raises: UnknownName with did-you-mean."""
        return _named(name, self.models, self.model_aliases, "model", place)


def load(
    gpus: Path | None = None,
    models: Path | None = None,
    prices: Path | None = None,
    measured: Path | None = None,
    folder: Path | None = None,
) -> Catalog:
    """The catalogue, with the user's sheets (CSV files) over the packaged tables.

    `measured` is the folder that `gpumix calibrate` keeps a team's own measurements in; `folder`
    holds tables that stand in the place of the packaged ones of the same name.
    """
    return Catalog(gpus, models, prices, measured, folder)


def _named(
    name: str, records: Mapping[str, T], aliases: Mapping[str, str], kind: str, place: str
) -> T:
    if name in records:
        return records[name]
    wanted = name.strip().lower()
    for known, id in [*((id, id) for id in records), *aliases.items()]:
        if known.lower() == wanted:
            return records[id]
    raise UnknownName(place, kind, name, records)
