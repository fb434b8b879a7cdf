"""The fleet that runs today -> domain records, each name checked against the offers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gpumix.catalog import nearest_offer
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.today import Rented, Today
from gpumix.errors import Hint
from gpumix.inventory.dates import Span
from gpumix.inventory.schema import InventorySpec, RentedSpec
from gpumix.inventory.yaml import KeyPath
from gpumix.units import MONTHS_PER_YEAR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

MOST_GPUS, MOST_USD = 1024, 1e4
"""GPUs of one instance, USD per GPU-hour."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader of an inventory lends: `check` notes a name that is not among the known
    ones, `gpus` finds ids, `say` notes a problem, `note` an assumption."""

    check: Callable[[KeyPath, str, str, Iterable[str]], None]
    gpus: Callable[[KeyPath, Iterable[str]], list[str]]
    say: Callable[[KeyPath, str, str | Hint], None]
    note: Callable[[str], None]


def today_of(whole: InventorySpec, as_of: date, catalog: Catalog, reading: Reading) -> Today | None:
    """What is rented and billed, None where it is not stated; every problem is noted at its key."""
    spec, path = whole.today, ("today",)
    if spec is None:
        return None
    if not spec.rented and spec.monthly_usd is None:
        reading.say(path, "states nothing", "add rented: [{provider, gpu, count}], monthly_usd")
    if spec.rented and spec.monthly_usd is None:
        reading.note("today: monthly_usd not stated, so that the bill is not compared")
    market = _Market(catalog.offers, catalog.usable(as_of, estimated=True), as_of)
    rows = [
        _Row(one, (*path, "rented", i), reading, market, whole.horizon.start)
        for i, one in enumerate(spec.rented)
    ]
    return Today(tuple(row.rented() for row in rows), spec.monthly_usd)


@dataclass(frozen=True, slots=True)
class _Market:
    """Offers that hold the known names, and those of them that may price a plan of a day."""

    offers: Sequence[Offer]
    current: Sequence[Offer]
    as_of: date


class _Row:
    """One line of what is rented."""

    def __init__(
        self, spec: RentedSpec, path: KeyPath, reading: Reading, market: _Market, start: date
    ) -> None:
        self.spec, self.path, self.reading, self.market = spec, path, reading, market
        self.start = start
        self.own = [o for o in market.offers if o.provider == spec.provider]

    def rented(self) -> Rented:
        """The line in gpumix's words."""
        spec = self.spec
        self._check_place()
        if spec.count < 1:
            self._say("count", f"must be at least 1, got {spec.count}")
        if spec.usd_per_gpu_hour is not None and not 0.0 < spec.usd_per_gpu_hour <= MOST_USD:
            self._say("usd_per_gpu_hour", f"must be above 0 and at most {MOST_USD:g}")
        gpu, gpus = self._machine()
        rented = Rented(
            provider=spec.provider,
            instance=spec.instance or "",
            gpu=gpu,
            gpus_per_instance=gpus,
            region=spec.region,
            purchase=Purchase(spec.purchase),
            count=spec.count,
            until=self._until(Purchase(spec.purchase)),
            usd_per_gpu_hour=spec.usd_per_gpu_hour,
        )
        self._needs_price(rented)
        return rented

    def _check_place(self) -> None:
        """Provider and region are known."""
        spec, path, check = self.spec, self.path, self.reading.check
        known = sorted({o.provider for o in self.market.offers})
        check((*path, "provider"), "provider", spec.provider, known)
        if spec.region and self.own:
            regions = sorted({o.region for o in self.own if o.region})
            check((*path, "region"), "region", spec.region, regions)

    def _say(self, key: str, message: str, fix: str = "") -> None:
        self.reading.say((*self.path, key), message, fix)

    def _machine(self) -> tuple[str, int]:
        """GPU and GPUs of an instance, by the instance's name or as stated."""
        spec = self.spec
        if spec.instance is not None:
            for key in ("gpu", "gpus_per_instance"):
                if getattr(spec, key) is not None:
                    self._say(key, "stands beside instance, which says it", "keep one of them")
            named = {o.instance: o for o in self.own if o.instance}
            if self.own:
                self.reading.check(
                    (*self.path, "instance"), "instance", spec.instance, sorted(named)
                )
            offer = named.get(spec.instance)
            return (offer.gpu, offer.gpus_per_instance) if offer else ("", 1)
        if spec.gpu is None:
            self.reading.say(self.path, "names no machine", "add instance, or gpu")
            return "", 1
        gpu = self.reading.gpus((*self.path, "gpu"), [spec.gpu])[0]
        if spec.gpus_per_instance is None:
            self.reading.note(f"today: {spec.provider}, gpus_per_instance not stated, 1 assumed")
        gpus = 1 if spec.gpus_per_instance is None else spec.gpus_per_instance
        if not 1 <= gpus <= MOST_GPUS:
            self._say("gpus_per_instance", f"must lie between 1 and {MOST_GPUS}, got {gpus}")
        return gpu, max(gpus, 1)

    def _until(self, purchase: Purchase) -> date | None:
        """Last day of a commitment; one that is not stated lasts a full term from the start."""
        until = self.spec.until
        if not purchase.is_committed:
            if until is not None:
                fix = "state purchase: reserved_1y, or leave until out"
                self._say("until", f"goes with a commitment, not with {purchase.value}", fix)
            return None
        if until is None:
            years = int(max(purchase.term_months / MONTHS_PER_YEAR, 1.0))
            until = Span(self.start, years).last_day
            self.reading.note(
                f"today: {self.spec.provider}, until of a {purchase.value} commitment not stated,"
                f" {until} assumed"
            )
        elif until < self.market.as_of:
            text = f"ended on {until}, before the day of the plan ({self.market.as_of})"
            self._say("until", text, "leave out what no longer runs")
        return until

    def _needs_price(self, rented: Rented) -> None:
        """A price is stated, or the catalogue has one."""
        is_known = bool(self.own) and bool(rented.gpu)
        if rented.usd_per_gpu_hour is not None or not is_known:
            return
        offer = nearest_offer(
            self.market.current,
            rented.provider,
            rented.gpu,
            rented.purchase,
            rented.gpus_per_instance,
            rented.region,
        )
        if offer is None:
            what = f"{rented.purchase.value} {rented.gpu} of {rented.provider}"
            fix = _alternatives(self.own, rented.gpu)
            self.reading.say(self.path, f"no price of {what} is known", fix)


def _alternatives(own: Collection[Offer], gpu: str) -> str:
    """What to do about a price that is not known."""
    ways = sorted({o.purchase.value for o in own if o.gpu == gpu})
    known = f" (known of it: {', '.join(ways)})" if ways else ""
    return f"state usd_per_gpu_hour{known}"
