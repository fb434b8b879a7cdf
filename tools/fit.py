"""Measurements -> src/gpumix/data/coefficients.json. Run by `make fit`; minutes.

Each engine brings its own fit: tools/fit_inference.py (text), fit_media.py, fit_power.py,
fit_training.py. Rows whose split is `calib` and that are usable are fitted; nothing else is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np

import fit_left_out
import fit_media
import fit_power
import fit_record
import fit_training
from fit_priors import tables_of
from gpumix.catalog import Catalog, load
from gpumix.files import read_columns
from measured import MEASURED, ROOT, read_rows

TARGET = ROOT / "src" / "gpumix" / "data" / "coefficients.json"
DIGITS = 6


def main() -> None:
    """Fit every engine and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep-training", action="store_true", help="leave that section as it is")
    parser.add_argument("--only-training", action="store_true", help="leave all others as they are")
    arguments = parser.parse_args()
    started = time.perf_counter()
    catalog = load()
    if arguments.only_training:
        training = fit_training.fit(catalog, read_columns(MEASURED / "training.csv.gz"))
        write(json.loads(TARGET.read_text(encoding="utf-8")) | {"training": training})
        return
    rows = read_rows("inference.csv.gz")
    text = fit_left_out.whole()
    tables: dict[str, Any] = dict(tables_of(text.solve(), text.wanted))
    media_rows = fit_media.calibration_rows(rows, catalog)
    media = fit_media.fit(media_rows, catalog)
    out: dict[str, Any] = {
        "inference": tables,
        "training": previous("training"),
        "media": media,
        "power": {},
        "fitted_on": (
            f"calib rows of measured/: {len(text.data.rows)} text, {len(media_rows)} media; "
            f"{len(text.wanted)} constants of text"
        ),
    }
    errors = fit_left_out.left_out_errors()
    out["inference"]["sigma"] = fit_left_out.sigmas(text.data, errors, catalog)
    out["inference"]["sigma"]["quantity"]["media"] = media_sigma(media_rows, catalog, media)
    out["power"] = fit_power.fit(read_rows("energy.csv.gz"), catalog, out)
    out["inference"]["sigma"]["quantity"]["power"] = out["power"]["serving"]["any"]["sigma"]
    if not arguments.keep_training:
        out["training"] = fit_training.fit(catalog, read_columns(MEASURED / "training.csv.gz"))
    write(out)
    fit_record.main()
    print(f"{TARGET.relative_to(ROOT)} in {time.perf_counter() - started:.0f} s", file=sys.stderr)


def media_sigma(rows: list[fit_media.Row], catalog: Catalog, tables: fit_media.Tables) -> float:
    """Sigma of media predictions: 80 % quantile of log errors over 1.28, widened by a third.

    Leaving models out one by one would take hours; the third is what leaving out SDXL costs.
    """
    measured = np.array([float(row["value"]) for row in rows])
    error = np.abs(np.log(fit_media.predict(rows, catalog, tables) / measured))
    return float(np.quantile(error, 0.8)) / 1.2816 * 1.33


def previous(section: str) -> dict[str, Any]:
    """A section of the file as it stands (kept when its fit is not asked for)."""
    if not TARGET.exists():
        return {}
    found: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8")).get(section, {})
    return found


def write(out: dict[str, Any]) -> None:
    """Write the file with six significant digits, so that a refit reproduces it."""

    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: short(one) for key, one in sorted(value.items())}
        return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value

    TARGET.write_text(json.dumps(short(out), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
