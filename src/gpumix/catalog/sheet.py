"""The user's price sheet: rows to offers, what is wrong with a row kept by line and rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from gpumix.catalog.findings import Placed
from gpumix.catalog.importers.formats import foreign_format_hint
from gpumix.catalog.machines import squeezed
from gpumix.catalog.marks import says_estimated
from gpumix.catalog.offers import PRICE_MODELS, Regions, check_agreement, instance_price
from gpumix.catalog.peers import ANY_INSTANCE
from gpumix.catalog.tables import Row, column_problems, refuse_input
from gpumix.domain.cells import number_in
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Layer, Offer, OwnTerms, Purchase
from gpumix.domain.price_check import Finding
from gpumix.errors import Problem, UnknownName, shortened, unknown_name
from gpumix.files import read_lines, width_fault

T = TypeVar("T")

REQUIRED: Final = ("provider", "gpu", "gpus_per_instance")
COLUMNS: Final = (
    *REQUIRED,
    "purchase",
    "price_model",
    "term_months",
    "upfront_share",
    "usd_per_gpu_hour",
    "usd_per_instance_hour",
    "discount",
    "support_share",
    "egress_usd_per_gb",
    "credit_until",
    "region",
    "country",
    "instance",
    "as_of",
    "as_of_precision",
    "currency",
    "estimated",
    "fabric",
    "layer",
    "source",
    "note",
)
PRECISIONS: Final = ("day", "month", "approx")
LAYERS: Final = (Layer.SHEET.value, Layer.IMPORT.value)
LONGEST_TERM: Final = 120
"""Months."""
MOST_GPUS: Final = 1024
"""Of one instance."""
YES: Final = ("yes", "true", "1", "y", "estimated", "estimate")
NO: Final = ("no", "false", "0", "n", "")


@dataclass(frozen=True, slots=True)
class Words:
    """What the cells of a sheet are read with.

    `gpus` maps squeezed names to ids; `fx` gives the units of a currency per USD and the day of
    the rate, or raises UnknownName.
    """

    gpus: Mapping[str, str]
    regions: Regions
    tiers: Mapping[str, str]
    fx: Callable[[str], tuple[float, date | None]]
    today: date

    @classmethod
    def of(
        cls,
        names: Mapping[str, str],
        regions: Regions,
        tiers: Mapping[str, str],
        fx: Callable[[str], tuple[float, date | None]],
        today: date,
    ) -> Words:
        """`names` maps GPU ids and their other names to ids, in any spelling."""
        return cls({squeezed(name): id for name, id in names.items()}, regions, tiers, fx, today)

    def region(self, provider: str, named: str) -> str:
        """A region as the provider writes it, where it is known in another case."""
        if (provider, named) in self.regions:
            return named
        alike = (r for p, r in self.regions if p == provider and r.lower() == named.lower())
        return next(alike, named)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's rows: those that can be read, with their lines, and why others cannot."""

    rows: int
    placed: tuple[Placed, ...]
    refused: tuple[Finding, ...]


def read_price_sheet(path: Path, words: Words) -> Sheet:
    """Every row of a sheet. Raises: InputError where it is no table of prices at all."""
    names, lines = read_lines(path)
    header = [name.lower() for name in names]
    problems = column_problems(path, header, REQUIRED, COLUMNS)
    hint = foreign_format_hint(path) if problems else None
    problems = [hint] if hint else problems
    if len(set(header)) < len(header) and not problems:
        problems = [Problem(f"{path} line 1", "names a column twice", "keep one of them")]
    rows = [(line, cells) for line, cells in lines if any(cell.strip() for cell in cells)]
    if not rows and not problems:
        problems = [Problem(str(path), "has no rows")]
    refuse_input(problems)
    placed: list[Placed] = []
    refused: list[Finding] = []
    for line, cells in rows:
        fault = _shape_fault(cells, header)
        if fault:
            refused.append(Finding(line, "cell", *fault))
            continue
        read = _Line(Row(dict(zip(header, cells, strict=True)), str(path), line, []))
        offer = _offer(read, words)
        refused += read.found
        placed += [] if read.found else [(offer, line)]
    return Sheet(len(rows), tuple(placed), tuple(refused))


def _shape_fault(cells: Sequence[str], header: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a row before any cell is read, and the fix."""
    fault = width_fault(cells, header)
    if fault:
        return fault, "put cells that hold a comma in quotes, numbers without commas"
    broken = [name for name, cell in zip(header, cells, strict=True) if re.search(r"[\n\r]", cell)]
    return (f"{broken[0]} holds a line break", "write it on one line") if broken else None


class _Line:
    """One row being read; what is wrong with it is kept under the rule that it breaks."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.found: list[Finding] = []

    def under(self, rule: str, read: Callable[[Row], T]) -> T:
        """What `read` makes of the row; its problems are findings of this rule."""
        known = len(self.row.problems)
        value = read(self.row)
        self.found += [
            Finding(self.row.line, rule, problem.message, str(problem.fix))
            for problem in self.row.problems[known:]
        ]
        return value


def _offer(line: _Line, words: Words) -> Offer:
    """The offer of a row; neutral values where the row is wrong."""
    provider = line.under("cell", lambda row: row.required_text("provider").lower())
    region, country = line.under("place", lambda row: _place(row, provider, words))
    gpu = line.under("gpu", lambda row: _gpu(row, words))
    instance, gpus = line.under("count", _size)
    purchase, months, upfront = line.under("term", _term)
    price = line.under("no-price", lambda row: instance_price(row, gpus))
    if not any(finding.rule in ("no-price", "count") for finding in line.found):
        line.under("per-gpu-times-count", lambda row: check_agreement(row, gpus))
    per_usd, conversion = line.under("currency", lambda row: _currency(row, words))
    own = line.under("own-terms", _own_terms)
    dated = bool(line.row.text("as_of"))
    as_of = line.under("date", lambda row: row.day("as_of") if dated else words.today)
    precision = line.under("date", lambda row: _one_of(row, "as_of_precision", PRECISIONS))
    estimated = line.under("cell", _is_estimated)
    layer = line.under("cell", lambda row: _one_of(row, "layer", LAYERS))
    has_fabric = line.under("cell", _has_fabric)
    return Offer(
        provider=provider,
        instance=instance,
        region=region,
        country=country,
        gpu=gpu,
        gpus_per_instance=gpus,
        purchase=purchase,
        usd_per_instance_hour=price / per_usd * (1.0 - own.discount) * (1.0 + own.support_share),
        as_of=as_of,
        as_of_precision=precision if dated else "undated; counts as today",
        basis=Basis.ASSUMED if estimated else Basis.MEASURED,
        source=line.row.text("source") or f"your sheet, {line.row.place}",
        note="; ".join(words for words in (line.row.text("note"), conversion) if words),
        tier=words.tiers.get(provider, ""),
        layer=Layer(layer),
        term_months=months,
        upfront_share=upfront,
        estimated=estimated,
        has_fabric=has_fabric,
        own=None if own == OwnTerms() else own,
    )


def _place(row: Row, provider: str, words: Words) -> tuple[str, str | None]:
    region = words.region(provider, row.text("region"))
    country = row.text("country").upper() or words.regions.get((provider, region))
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        row.wrong(f"country is {shortened(country)}", "write the two-letter ISO code, as BD")
    return region, country


def _gpu(row: Row, words: Words) -> str:
    named = row.required_text("gpu")
    gpu = words.gpus.get(squeezed(named))
    if named and gpu is None:
        row.problems.append(unknown_name(row.place, "GPU", named, set(words.gpus.values())))
    return gpu or named


def _size(row: Row) -> tuple[str, int]:
    """Instance and GPUs; a price per GPU for `any` instance counts as that of one GPU."""
    instance = row.text("instance")
    if instance.lower() == ANY_INSTANCE:
        if row.text("usd_per_instance_hour"):
            row.wrong(
                "instance is any and usd_per_instance_hour is filled", "give usd_per_gpu_hour"
            )
        return ANY_INSTANCE, 1
    gpus = row.positive("gpus_per_instance", MOST_GPUS)
    if gpus != int(gpus):
        row.wrong(f"gpus_per_instance is {gpus:g}", "write a whole number")
    return instance, max(int(gpus), 1)


def _term(row: Row) -> tuple[Purchase, int, float]:
    """Purchase, months and share paid at the start."""
    column = "purchase" if row.text("purchase") or not row.text("price_model") else "price_model"
    named = row.text(column).lower()
    if named not in PRICE_MODELS:
        row.wrong(f"{column} is {shortened(row.text(column))}", f"one of {', '.join(PRICE_MODELS)}")
        return Purchase.ON_DEMAND, 0, 0.0
    purchase, stated = Purchase(named), row.whole("term_months") or 0
    upfront = _share(row, "upfront_share", 1.0)
    if not purchase.is_committed:
        if stated or upfront:
            row.wrong(f"{named} has no term and nothing up front", "leave the cells empty")
        return purchase, 0, 0.0
    months = purchase.term_months or stated
    if not 1 <= months <= LONGEST_TERM:
        length = f"{months:.4g} months" if months else "no length"
        row.wrong(f"{named} has {length}", f"write the months in term_months, 1 to {LONGEST_TERM}")
    elif stated and stated != months:
        row.wrong(f"{named} has {months} months, and term_months is {stated}", "correct one")
    return Purchase.of_term(months), months, upfront


def _currency(row: Row, words: Words) -> tuple[float, str]:
    """Units of the row's currency per USD, and what to note of the conversion."""
    code = row.text("currency").upper()
    if not code:
        if "currency" in row.cells:
            row.wrong("currency is empty", "write USD, or the currency of the price")
        return 1.0, ""
    try:
        per_usd, day = words.fx(code)
    except UnknownName as error:
        row.wrong(
            f"currency {shortened(code)} has no exchange rate",
            f"{error.problems[0].fix}; or convert the price to USD",
        )
        return 1.0, ""
    return per_usd, "" if code == "USD" else f"converted at {per_usd:g} {code} per USD of {day}"


def _own_terms(row: Row) -> OwnTerms:
    until = row.text("credit_until")
    return OwnTerms(
        discount=_share(row, "discount", 0.99),
        support_share=_share(row, "support_share", 1.0),
        egress_usd_per_gb=row.number("egress_usd_per_gb"),
        credit_until=row.day("credit_until") if until else None,
    )


def _share(row: Row, column: str, most: float) -> float:
    """A share, as 0.12 or 12%; 0 where the cell is empty."""
    text = row.text(column)
    if not text:
        return 0.0
    percent = text.endswith("%")
    share = number_in(text.removesuffix("%")) / (100.0 if percent else 1.0)
    if 0.0 <= share <= most:
        return share
    row.wrong(f"{column} is {shortened(text)}", f"write a share of 0 to {most:g}, as 0.12 or 12%")
    return 0.0


def _one_of(row: Row, column: str, known: Sequence[str]) -> str:
    """One of `known`, in any case; the first where the cell is empty."""
    text = row.text(column, known[0])
    if text.lower() not in known:
        row.wrong(f"{column} is {shortened(text)}", f"one of {', '.join(known)}")
        return known[0]
    return text.lower()


def _has_fabric(row: Row) -> bool | None:
    """Whether a fast network joins several of the machines; None where the row does not say."""
    said = row.text("fabric").lower()
    if said and said not in (*YES, *NO):
        row.wrong(f"fabric is {shortened(said)}", "write yes or no")
    return said in YES if said else None


def _is_estimated(row: Row) -> bool:
    """Whether the row says so, in its column or in any words."""
    said = row.text("estimated").lower()
    if said not in (*YES, *NO):
        row.wrong(f"estimated is {shortened(said)}", "write yes or no")
    words = (text for column, text in row.cells.items() if column != "estimated")
    return said in YES or any(map(says_estimated, words))
