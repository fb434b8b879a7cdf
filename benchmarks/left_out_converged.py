"""Groups left out of the fit, refitted to convergence: what the quick refits leave unsaid.

`make accuracy` and `make fit` refit without a group in ten quasi-Newton steps, which stop near the
full fit and so still know something of the group. Here each refit runs to its end: about a minute
a group. Names of groups may be given (`source:argonne-lib gpu:b200-sxm-180gb`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import fit_inference  # noqa: E402
from accuracy import RATES, summary  # noqa: E402
from fit import read_rows  # noqa: E402
from gpumix.catalog import load  # noqa: E402

EVALUATIONS = 16


def main() -> None:
    """Print median, mean and p90 of throughput errors, quick and converged, by group."""
    catalog = load()
    wanted = fit_inference.constants()
    rows = fit_inference.calibration_rows(read_rows("inference.csv.gz"), catalog)
    data = fit_inference.bench(rows, catalog, catalog.coefficients)
    fit = fit_inference.Fit(data, wanted)
    theta = fit_inference.theta_of(catalog.coefficients.inference, wanted)
    jacobian = fit.jacobian(theta)
    rate = np.array([row["metric"] in RATES for row in rows])
    groups = fit_inference.groups_of(rows, catalog)
    names = sys.argv[1:] or [name for name in groups if (groups[name] & rate).sum() >= 20]
    print("| left out | refit | rows | median | mean | p90 |\n|---|---|---|---|---|---|")
    for name in names:
        here = groups[name]
        rest = fit_inference.Fit(data.take(np.flatnonzero(~here)), wanted)
        rest.weight = fit.weight[~here]
        points = {
            "quick": fit.without(here, theta, jacobian),
            "converged": rest.solve(theta, EVALUATIONS),
        }
        held = np.flatnonzero(here & rate)
        for label, point in points.items():
            error = np.abs(np.expm1(fit.log_errors(point, data.take(held))))
            print(f"| {name} | {label} | {summary(error)} |", flush=True)


if __name__ == "__main__":
    main()
