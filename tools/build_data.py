"""Build src/gpumix/data/ from the shared tables: `make data`.

Facts are copied as they are, with their sources; what is left out and what is derived is said
at each table below and in docs/data.md. Of the hand-kept tables regions.csv is checked
for completeness; none is written.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import build_bands
import build_evidence
import build_history
import build_profiles
from gpumix.catalog.importers.api_price_map import country_of
from gpumix.catalog.marks import ABSENT_SPOT_SHARE

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
DATA = ROOT / "src" / "gpumix" / "data"

COPIED = {
    "gpus.csv": "gpus.csv",
    "aliases.csv": "aliases.csv",
    "servers.csv": "servers.csv",
    "tco_defaults.csv": "tco_defaults.csv",
    "sites.csv": "countries.csv",
}
PAGES = {"(docs/tco-model.md)": "(docs/cost.md)"}
"""Pages that cells of the tables cite, and where the same is told here."""
ROUNDED = "published rounded"
"""How remarks on models begin whose source gives one decimal of the size."""
OWN = "kept by hand: "
"""How remarks on aliases begin that are no row of the shared table."""
PRECISION_COLUMNS = ("precision", "precision_source")
CAPEX_KINDS = ("server", "baseboard", "card")

PROVIDER_COLUMNS = (
    "provider", "tier", "egress_usd_per_gb", "storage_usd_per_gb_month",
    "source", "as_of", "confidence",
)  # fmt: skip
"""What the product needs of a provider: its tier, and what data costs there."""

TERM_GOOD_FOR = timedelta(days=180)
PAID_UP_FRONT = ("all upfront", "charged up front", "prepaid")
"""What notes call a commitment that is paid at its start."""
SPOT_METRICS = ("spot_over_on_demand", "reclaimed_share_per_month")

Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def write(path: Path, names: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    """Write rows as CSV with these columns."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def build_models() -> None:
    """Model shapes; that a size is published rounded becomes a column, no longer a remark.

    The precision of published weights and its source are kept by hand, in the table itself.
    """
    rows = read(SHARED / "models.csv")
    names = list(rows[0])
    kept = {row["hf_id"]: row for row in read(DATA / "models.csv")}
    for row in rows:
        row |= {name: kept.get(row["hf_id"], {}).get(name, "") for name in PRECISION_COLUMNS}
    at = names.index("params_active_b") + 1
    for row in rows:
        rounded = row["note"].startswith(ROUNDED)
        row["published_rounded"] = "yes" if rounded else "no"
        if rounded:
            row["note"] = row["note"].removeprefix(ROUNDED).lstrip("; ")
    write(
        DATA / "models.csv",
        [*names[:at], "published_rounded", *names[at:], *PRECISION_COLUMNS],
        rows,
    )


def build_prices() -> Rows:
    """Current offers, the newest of each key.

    Current is what the shared table uses in statistics (`use_in_stats` yes), and its commitments
    of other lengths than one and three years, which stand as `no` there for their length alone;
    of these none that was too old when the table was made: the list price beside it has moved.
    One provider's two clouds become two products.
    """
    rows = read(SHARED / "prices.csv")
    names = [name for name in rows[0] if name != "use_in_stats"]
    made = date.fromisoformat(max(row["as_of"] for row in rows))
    kept = [{n: row[n] for n in names} for row in rows if _is_current(row, made)]
    for row in kept:
        cloud = row["note"].partition(";")[0]
        if cloud in ("community", "secure"):
            row["instance"] = f"{row['instance'].removesuffix(' ' + cloud)} ({cloud} cloud)"
        _term(row)
    at = names.index("price_model") + 1
    names[at:at] = ["term_months", "upfront_share"]
    kept = newest(kept)
    write(DATA / "prices.csv", names, kept)
    return kept


def _is_current(row: dict[str, str], made: date) -> bool:
    other_length = row["price_model"] in build_history.OTHER_LENGTHS
    age = made - date.fromisoformat(row["as_of"])
    return row["use_in_stats"] == "yes" or (other_length and age <= TERM_GOOD_FOR)


def _term(row: dict[str, str]) -> None:
    """Length and payment of a commitment as columns of their own."""
    months = build_history.MONTHS.get(row["price_model"])
    note = row["note"].lower()
    row["term_months"] = str(months) if months else ""
    row["upfront_share"] = (
        "" if not months else "1" if any(words in note for words in PAID_UP_FRONT) else "0"
    )
    if row["price_model"] in build_history.OTHER_LENGTHS:
        row["price_model"] = "reserved"


def build_history_of_prices() -> None:
    """What was asked on each day, current and past; never an offer."""
    lines = build_history.history(read(SHARED / "prices.csv"))
    write(DATA / "price_history.csv", build_history.COLUMNS, lines)


def newest(rows: Rows) -> Rows:
    """One row of each offer: the newest, and of equal dates the dearest (two variants under one
    name); no spot row at the on-demand price, which says that there is no spot market."""
    best: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        known = best.get(_offer(row))
        if known is None or _rank(row) > _rank(known):
            best[_offer(row)] = row
    on_demand = {
        _offer(row)[:-1]: _rank(row)[1]
        for row in best.values()
        if row["price_model"] == "on_demand"
    }
    return [
        row
        for row in rows
        if row is best[_offer(row)]
        and not (
            row["price_model"] == "spot"
            and _rank(row)[1] >= ABSENT_SPOT_SHARE * on_demand.get(_offer(row)[:-1], math.inf)
        )
    ]


def _rank(row: dict[str, str]) -> tuple[str, float]:
    return row["as_of"], float(row["usd_per_instance_hour"])


def _offer(row: dict[str, str]) -> tuple[str, ...]:
    names = (
        "provider", "instance", "region", "gpu", "gpus_per_instance", "term_months", "price_model",
    )  # fmt: skip
    return tuple(row[name] for name in names)


def build_providers() -> dict[str, str]:
    """Tier of each provider, written with its source."""
    rows = read(SHARED / "providers.csv")
    kept = [{name: row[name] for name in PROVIDER_COLUMNS} for row in rows]
    write(DATA / "providers.csv", PROVIDER_COLUMNS, kept)
    return {row["provider"]: row["tier"] for row in rows}


def build_spot() -> None:
    """Ratios of spot to list by provider and GPU, and how often AWS takes instances back.

    Of the advisor's bands by size and region only their median for each GPU is kept.
    """
    rows = read(SHARED / "spot.csv")
    kept = [
        row
        for row in rows
        if row["metric"] in SPOT_METRICS and row["kind"] == "computed from published"
    ]
    for row in kept:
        row["source"] = row["source"].replace("this folder's prices.csv", "the price table")
    write(DATA / "spot.csv", list(rows[0]), kept)


def build_api_prices() -> None:
    """Prices of hosted tokens, with the country of the region that a name states."""
    rows = read(SHARED / "api_prices.csv")
    names = list(rows[0])
    at = names.index("as_of")
    countries = {(r["provider"], r["region"]): r["country"] for r in read(DATA / "regions.csv")}
    for row in rows:
        row["country"] = country_of(row["provider"], row["name"], countries) or ""
    write(DATA / "api_prices.csv", [*names[:at], "country", *names[at:]], rows)


def build_capex(gpus: Sequence[str]) -> None:
    """Purchase prices in USD of known GPUs: other kinds hold shares and rates; no suspect rows."""
    rows = read(SHARED / "onprem_capex.csv")
    kept = [
        r
        for r in rows
        if r["kind"] in CAPEX_KINDS and r["confidence"] != "suspect" and r["gpu"] in gpus
    ]
    write(DATA / "capex.csv", list(rows[0]), kept)


def check_regions(prices: Rows) -> list[str]:
    """Regions of kept prices that the hand-kept table lacks."""
    known = {(r["provider"], r["region"]) for r in read(DATA / "regions.csv")}
    met = {(r["provider"], r["region"]) for r in prices}
    return [f"regions.csv lacks {provider}, {region}" for provider, region in sorted(met - known)]


def main() -> int:
    """Build everything, then load it with the catalogue's own checks."""
    if not SHARED.is_dir():
        print(f"{SHARED} is not there: nothing to build from", file=sys.stderr)
        return 1
    own = [row for row in read(DATA / "aliases.csv") if row["note"].startswith(OWN)]
    for source, target in COPIED.items():
        text = (SHARED / source).read_text(encoding="utf-8")
        for page, ours in PAGES.items():
            text = text.replace(page, ours)
        (DATA / target).write_text(text, encoding="utf-8")
    aliases = read(DATA / "aliases.csv")
    write(DATA / "aliases.csv", list(aliases[0]), [*aliases, *own])
    build_models()
    prices = build_prices()
    build_history_of_prices()
    gpus = [row["id"] for row in read(SHARED / "gpus.csv")]
    build_capex(gpus)
    build_spot()
    build_api_prices()
    bands = build_bands.bands(prices, build_providers(), gpus)
    write(DATA / "price_bands.csv", list(bands[0]), bands)
    build_profiles.build(SHARED / "traces", DATA / "profiles.json")
    build_evidence.build(SHARED / "measured", DATA)
    missing = check_regions(prices)
    for line in missing:
        print(line, file=sys.stderr)
    from gpumix.catalog import load

    print(f"{len(load().offers)} offers; data written to {DATA}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
