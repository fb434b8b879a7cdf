"""Build src/gpumix/data/ from the shared tables: `make data`.

Facts are copied as they are, with their sources; what is left out and what is derived is said
at each table below and in docs/data.md. Hand-kept tables (regions.csv, price_rules.csv) are
checked for completeness and not written.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import build_bands
import build_evidence
import build_profiles
from gpumix.catalog.importers.api_price_map import country_of

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
CAPEX_KINDS = ("server", "baseboard", "card")

PROVIDER_COLUMNS = ("provider", "tier", "source", "as_of", "confidence")
"""What the product needs of a provider: its tier, for the band of its prices."""

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
    """Model shapes; that a size is published rounded becomes a column, no longer a remark."""
    rows = read(SHARED / "models.csv")
    names = list(rows[0])
    at = names.index("params_active_b") + 1
    for row in rows:
        rounded = row["note"].startswith(ROUNDED)
        row["published_rounded"] = "yes" if rounded else "no"
        if rounded:
            row["note"] = row["note"].removeprefix(ROUNDED).lstrip("; ")
    write(DATA / "models.csv", [*names[:at], "published_rounded", *names[at:]], rows)


def build_prices() -> Rows:
    """Current offers only (`use_in_stats` yes), the newest of each key.

    Terms that the product cannot express are never current in the shared table. One provider's
    two clouds become two products.
    """
    rows = read(SHARED / "prices.csv")
    names = [name for name in rows[0] if name != "use_in_stats"]
    kept = [{n: row[n] for n in names} for row in rows if row["use_in_stats"] == "yes"]
    for row in kept:
        cloud = row["note"].partition(";")[0]
        if cloud in ("community", "secure"):
            row["instance"] = f"{row['instance'].removesuffix(' ' + cloud)} ({cloud} cloud)"
    kept = newest(kept)
    write(DATA / "prices.csv", names, kept)
    return kept


def newest(rows: Rows) -> Rows:
    """Without the rows that are older than another of the same offer; equal dates all stay."""
    dates: dict[tuple[str, ...], str] = {}
    for row in rows:
        dates[_offer(row)] = max(row["as_of"], dates.get(_offer(row), ""))
    return [row for row in rows if row["as_of"] == dates[_offer(row)]]


def _offer(row: dict[str, str]) -> tuple[str, ...]:
    names = ("provider", "instance", "region", "gpu", "gpus_per_instance", "price_model")
    return tuple(row[name] for name in names)


def build_providers() -> dict[str, str]:
    """Tier of each provider, written with its source."""
    rows = read(SHARED / "providers.csv")
    kept = [{name: row[name] for name in PROVIDER_COLUMNS} for row in rows]
    write(DATA / "providers.csv", PROVIDER_COLUMNS, kept)
    return {row["provider"]: row["tier"] for row in rows}


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
    for source, target in COPIED.items():
        text = (SHARED / source).read_text(encoding="utf-8")
        for page, ours in PAGES.items():
            text = text.replace(page, ours)
        (DATA / target).write_text(text, encoding="utf-8")
    build_models()
    prices = build_prices()
    gpus = [row["id"] for row in read(SHARED / "gpus.csv")]
    build_capex(gpus)
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
