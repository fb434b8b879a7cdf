"""Build src/gpumix/data/ from the shared tables: `make data`.

Facts are copied as they are, with their sources; what is left out and what is derived is said
at each table below and in docs/data.md. Hand-kept tables (regions.csv, price_rules.csv) are
checked for completeness and not written.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import build_evidence
import build_profiles

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

LOW, LOW_DISCOUNTED, HIGH = 0.3, 0.12, 5.0
"""Band of sane prices as shares of the median over providers of their median on-demand price."""
HAND_BANDS: dict[str, tuple[float, float, float, str]] = {
    "a100-sxm-40gb": (0.45, 0.18, 10.0, "few neoclouds list it; floor from the 80 GB part"),
    "v100-sxm-16gb": (0.12, 0.04, 8.0, "an old part: real spot prices reach 0.05"),
    "gaudi2-96gb": (0.35, 0.15, 8.0, "one price only"),
    "gb200-186gb": (4.0, 1.5, 40.0, "one price only, of a dear provider; floor from B200"),
    "mi355x-288gb": (1.8, 0.7, 30.0, "one price only, of a dear provider; floor from MI325X"),
    "h200-nvl-141gb": (1.2, 0.45, 18.0, "one price only; as H200 SXM"),
    "mi325x-256gb": (1.0, 0.4, 18.0, "one price only; as MI300X and H200"),
    "b100-sxm-192gb": (1.8, 0.7, 30.0, "no price seen; as B200"),
    "gh200-144gb": (0.6, 0.25, 12.0, "no price seen; as GH200 96 GB"),
    "gaudi3-128gb": (0.6, 0.25, 15.0, "no price seen; between Gaudi 2 and H100"),
    "a40-48gb": (0.15, 0.06, 5.0, "no price seen; as RTX A6000 and L40"),
    "a30-24gb": (0.12, 0.05, 4.0, "no price seen; as A10"),
    "rtxa6000-48gb": (0.15, 0.06, 5.0, "no price seen; as RTX 6000 Ada"),
    "rtx3090-24gb": (0.06, 0.03, 2.5, "no price seen; below RTX 4090"),
    "mi350x-288gb": (1.8, 0.7, 30.0, "no price seen; as MI355X"),
    "h800-sxm-80gb": (0.9, 0.35, 20.0, "no price seen; as H100 SXM"),
    "h100-sxm-96gb-hbm2e-500w": (0.9, 0.35, 20.0, "no price seen; as H100 SXM"),
    "*": (0.02, 0.01, 100.0, "any GPU without a band of its own"),
}

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
    """Current offers only (`use_in_stats` yes); one provider's two clouds become two products."""
    rows = read(SHARED / "prices.csv")
    names = [name for name in rows[0] if name != "use_in_stats"]
    kept = [{n: row[n] for n in names} for row in rows if row["use_in_stats"] == "yes"]
    for row in kept:
        tier = row["note"].partition(";")[0]
        if tier in ("community", "secure"):
            row["instance"] = f"{row['instance']} ({tier} cloud)"
    write(DATA / "prices.csv", names, kept)
    return kept


def build_capex() -> None:
    """Purchase prices in USD: other kinds hold shares and rates; suspect rows are left out."""
    rows = read(SHARED / "onprem_capex.csv")
    kept = [r for r in rows if r["kind"] in CAPEX_KINDS and r["confidence"] != "suspect"]
    write(DATA / "capex.csv", list(rows[0]), kept)


def build_bands(prices: Rows, gpus: Iterable[str]) -> None:
    """Sane price band of each GPU, from providers' medians or by hand where these are too few."""
    by_gpu: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in prices:
        if row["price_model"] == "on_demand":
            by_gpu[row["gpu"]][row["provider"]].append(float(row["usd_per_gpu_hour"]))
    bands = []
    for gpu in [*gpus, "*"]:
        providers = by_gpu.get(gpu, {})
        if gpu in HAND_BANDS:
            low, discounted, high, reason = HAND_BANDS[gpu]
        else:
            middle = median(median(prices) for prices in providers.values())
            low, discounted, high = LOW * middle, LOW_DISCOUNTED * middle, HIGH * middle
            reason = f"{LOW:g}, {LOW_DISCOUNTED:g} and {HIGH:g} x the median of providers' medians"
        bands.append(
            {
                "gpu": gpu,
                "low_usd_per_gpu_hour": f"{low:.3g}",
                "low_discounted_usd_per_gpu_hour": f"{discounted:.3g}",
                "high_usd_per_gpu_hour": f"{high:.3g}",
                "providers": str(len(providers)),
                "basis": "hand" if gpu in HAND_BANDS else "rule",
                "source": "prices.csv of this folder",
                "reason": reason,
            }
        )
    write(DATA / "price_bands.csv", list(bands[0]), bands)


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
    build_capex()
    build_bands(prices, [row["id"] for row in read(SHARED / "gpus.csv")])
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
