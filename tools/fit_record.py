"""What each fitted constant started from, what rows made of it, and which -> data/constants.csv.

Run at the end of `make fit`, or alone (`python tools/fit_record.py`): it moves no constant. At the
constants of coefficients.json the slopes of all residuals are found once. With J the weighted
slopes, r the weighted residuals and theta in prior standard deviations:

* spread after the fit: (J'J + 1)^-1;
* without a group g of rows: theta + (J'J + 1 - Jg'Jg)^-1 Jg' rg, one step of Gauss and Newton.

A fitted value may hang on two of them: an architecture's on the level of all architectures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import fit_inference
import fit_kernels
import fit_left_out
import fit_media
import fit_power
import fit_priors
import fit_training
from gpumix.catalog import Catalog, load
from gpumix.files import read_columns, write_columns
from gpumix.perf.links import THROUGH_HOST
from measured import MEASURED, ROOT, read_rows

DATA = ROOT / "src" / "gpumix" / "data"
MOST_GROUPS = 3
"""Groups of rows kept of each kind and constant: those that move it most."""

LEAST_MOVE = 0.01
"""Share of its value that a constant must move by without a group for the group to be kept."""

LEAST_SHARE = 0.1
"""Of all that groups of a kind move it: the least of a group none of whose rows ask for it, which
moves it through other constants."""

STEP = 1e-3
"""Of a forward difference, in prior standard deviations."""

AT_BOUND = 1e-4
"""Share of a bound within which a constant stands at it."""

Path3 = tuple[str, str, str]
Floats = npt.NDArray[np.float64]


@dataclass
class Fitted:
    """One fit at its end.

    `log_prior` and `effect` give the logarithm of each value, log_prior + effect theta; `slopes`
    (rows x constants) and `errors` (rows) are weighted; `labels` say whose each row is; `source`
    names where a prior is from, where the words of the constant do not.
    """

    section: str
    paths: list[Path3]
    log_prior: Floats
    effect: Floats
    theta: Floats
    slopes: Floats
    errors: Floats
    labels: Mapping[str, npt.NDArray[np.str_]]
    range_sigmas: float
    bounds: Mapping[str, float]
    source: Mapping[Path3, str]


def inference(catalog: Catalog) -> Fitted:
    """The fit of the text engine."""
    _, data, _ = fit_left_out.everything()
    fit = fit_inference.Fit(data)
    tables = catalog.coefficients.inference
    place = {one.path: at for at, one in enumerate(fit.wanted)}
    n = len(fit.wanted)
    theta, log_prior, effect = np.zeros(n), np.zeros(n), np.zeros((n, n))
    for at, one in enumerate(fit.wanted):
        table, key, name = one.path
        level = one.prior.value
        log_prior[at] = np.log(level)
        if one.relative_to:
            upper = place[one.relative_to]
            level *= tables[table][one.relative_to[1]][name]
            log_prior[at] += log_prior[upper]
            effect[at] = effect[upper]
        effect[at, at] = one.prior.sigma
        theta[at] = np.log(tables[table][key][name] / level) / one.prior.sigma
    rows = len(data.rows)
    known = fit_kernels.reached()
    return Fitted(
        section="inference",
        paths=[one.path for one in fit.wanted],
        log_prior=log_prior,
        effect=effect,
        theta=theta,
        slopes=fit.jacobian(theta)[:rows],
        errors=fit.residuals(theta)[:rows],
        labels={
            "source": np.array([row["source_id"] for row in data.rows]),
            "GPU": np.array([row["gpu"] for row in data.rows]),
            "engine": fit_left_out.labels_of(data, catalog)["engine"],
        },
        range_sigmas=fit_inference.RANGE_SIGMAS,
        bounds=fit_priors.CAPS,
        source={
            ("architecture", key, name): "kernel tables of aiconfigurator-core 0.12.0, NVIDIA"
            for key, names in known.items()
            for name in names
        }
        | {
            (
                "architecture",
                key,
                name,
            ): "what is known of it beforehand (docs/inference.md), hand-set"
            for key, names in fit_priors.STARTS.items()
            for name in names
        },
    )


def slopes_of(residuals: Callable[[Floats], Floats], theta: Floats) -> Floats:
    """Forward differences of residuals (rows x constants)."""
    base = residuals(theta)
    out = np.zeros((len(base), len(theta)))
    for at in range(len(theta)):
        beside = theta.copy()
        beside[at] += STEP
        out[:, at] = (residuals(beside) - base) / STEP
    return out


def _training(
    catalog: Catalog,
    columns: Mapping[str, Sequence[str]],
    metric: str,
    spreads: Mapping[str, Mapping[str, float]],
) -> Fitted:
    section: dict[str, Any] = {name: dict(v) for name, v in catalog.coefficients.training.items()}
    rows = fit_training.Rows(catalog, columns, section, metric)
    everything = np.ones(len(rows.measured), bool)
    found = fit_training.free_parameters(section, spreads, rows.keys(everything))
    paths = [path for path, _ in found]
    spread = np.array([one for _, one in found])
    centre = np.log([fit_training.START[t][k][n] for t, k, n in paths])
    value = np.log([section[t][k][n] for t, k, n in paths])

    def residuals(theta: Floats) -> Floats:
        values = np.exp(centre + spread * theta)
        predicted = rows.predict(fit_training.with_values(section, paths, values))
        return fit_training.residuals_of(predicted, rows.measured, rows.weight)

    theta = (value - centre) / spread
    at = rows.resolved.rows
    return Fitted(
        section="training",
        paths=paths,
        log_prior=centre,
        effect=np.diag(spread),
        theta=theta,
        slopes=slopes_of(residuals, theta),
        errors=residuals(theta),
        labels={
            "source": rows.source,
            "GPU": np.array([columns["gpu"][row] for row in at]),
            "stack": rows.stack,
        },
        range_sigmas=np.inf,
        bounds=dict.fromkeys((*fit_training.CEILINGS, *fit_training.FLOORS), 1.0),
        source={},
    )


def training(catalog: Catalog) -> Iterator[Fitted]:
    """The three fits of the training engine: step times of dense models, of mixtures, memory."""
    columns = fit_training.calibration_columns(read_columns(MEASURED / "training.csv.gz"))
    resolved = fit_training.Rows(catalog, columns, catalog.coefficients.training).resolved
    routed = np.zeros(len(columns["gpu"]), bool)
    routed[resolved.rows] = resolved.jobs.shapes.experts > 0
    for kept, spreads in (
        (~routed, fit_training.TIME_SPREADS),
        (routed, fit_training.EXPERT_SPREADS),
    ):
        yield _training(catalog, fit_training.chosen(columns, kept.tolist()), "", spreads)
    columns = fit_training.memory_columns(columns)
    yield _training(catalog, columns, "mem_gib_per_gpu", fit_training.MEMORY_SPREADS)


def media(catalog: Catalog) -> Fitted:
    """The fit of pictures and video."""
    rows = fit_media.calibration_rows(read_rows("inference.csv.gz"), catalog)
    tables = catalog.coefficients.media
    paths = list(fit_media.PRIORS)
    n = len(paths)
    log_prior, effect, theta = np.zeros(n), np.zeros((n, n)), np.zeros(n)
    for at, ((table, key, name), (typical, sigma)) in enumerate(fit_media.PRIORS.items()):
        level = typical
        log_prior[at] = np.log(typical)
        if table == "architecture" and key != "any":
            upper = paths.index((table, "any", name))
            level *= tables[table]["any"][name]
            log_prior[at] += log_prior[upper]
            effect[at] = effect[upper]
        effect[at, at] = sigma
        theta[at] = np.log(tables[table][key][name] / level) / sigma
    residuals = fit_media.residuals(rows, catalog)
    return Fitted(
        section="media",
        paths=paths,
        log_prior=log_prior,
        effect=effect,
        theta=theta,
        slopes=slopes_of(lambda point: residuals(point)[: len(rows)], theta),
        errors=residuals(theta)[: len(rows)],
        labels={
            "source": np.array([row["source_id"] for row in rows]),
            "GPU": np.array([row["gpu"] for row in rows]),
            "engine": np.array([row["engine"] for row in rows]),
        },
        range_sigmas=fit_media.RANGE_SIGMAS,
        bounds={"server_share": 1.0},
        source={},
    )


def derived() -> dict[tuple[str, str, str], str]:
    """Section, table and key of constants that follow from fitted ones, and how."""
    twins = {
        ("inference", "architecture", twin): f"as {arch}"
        for twin, arch in fit_priors.SAME_ARCHITECTURE.items()
    }
    return twins | {
        ("inference", "architecture", "any"): "the level of all architectures, less for caution",
        ("inference", "link", "network"): "as pcie, twice the latency",
        (
            "inference",
            "link",
            THROUGH_HOST,
        ): "as pcie, half the share and three times the latency (RTX 4090, vLLM 0.8.5)",
        ("media", "engine", "other"): "as xdit",
        ("media", "architecture", "Blackwell Ultra"): "as Blackwell",
        ("training", "architecture", "unknown"): "geometric mean of those with rows",
        ("training", "stack", "unknown"): "geometric mean of those with rows",
    }


def lines(fit: Fitted) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of constants.csv and constants_moved.csv."""
    n = len(fit.paths)
    whole = fit.slopes.T @ fit.slopes + np.eye(n)
    prior = np.sqrt((fit.effect**2).sum(axis=1))
    after = np.sqrt(np.diag(fit.effect @ np.linalg.solve(whole, fit.effect.T)))
    value = np.exp(fit.log_prior + fit.effect @ fit.theta)
    moves = fit.slopes != 0.0
    constants: list[dict[str, object]] = []
    for at, (table, key, name) in enumerate(fit.paths):
        bound = fit.bounds.get(name)
        stands = bound is not None and abs(value[at] / bound - 1.0) < AT_BOUND
        constants.append(
            {
                "section": fit.section, "table": table, "key": key, "name": name,
                "basis": "fitted", "prior": short(np.exp(fit.log_prior[at])),
                "prior_sigma": short(prior[at], 3), "value": short(value[at], 6),
                "sigma": "" if stands else short(after[at], 3), "rows": int(moves[:, at].sum()),
                "bound": short(bound) if stands and bound is not None else "",
                "source": fit.source.get((table, key, name), ""),
            }
        )  # fmt: skip
    return constants, [one for kind in fit.labels for one in _moved(fit, kind, whole, moves)]


def _moved(
    fit: Fitted, kind: str, whole: Floats, moves: npt.NDArray[np.bool_]
) -> Iterator[dict[str, object]]:
    groups = np.unique(fit.labels[kind])
    shift = np.zeros((len(groups), len(fit.paths)))
    for at, group in enumerate(groups):
        here = fit.labels[kind] == group
        slopes, errors = fit.slopes[here], fit.errors[here]
        step = np.linalg.solve(whole - slopes.T @ slopes, slopes.T @ errors)
        further = np.clip(fit.theta + step, -fit.range_sigmas, fit.range_sigmas)
        shift[at] = fit.effect @ (further - fit.theta)
    total = np.abs(shift).sum(axis=0)
    value = np.exp(fit.log_prior + fit.effect @ fit.theta)
    for column, (table, key, name) in enumerate(fit.paths):
        order = np.argsort(-np.abs(shift[:, column]), kind="stable")
        for at in order[:MOST_GROUPS]:
            rows = int((moves[:, column] & (fit.labels[kind] == groups[at])).sum())
            size = abs(float(shift[at, column]))
            if size < LEAST_MOVE or (not rows and size < LEAST_SHARE * total[column]):
                continue
            yield {
                "section": fit.section, "table": table, "key": key, "name": name, "kind": kind,
                "group": str(groups[at]), "rows": rows, "share": short(size / total[column], 2),
                "without": short(value[column] * np.exp(shift[at, column])),
            }  # fmt: skip


def short(value: float, digits: int = 4) -> str:
    """A number as the file has it."""
    return f"{float(value):.{digits}g}"


def without_slopes(catalog: Catalog) -> Iterator[dict[str, object]]:
    """Rows of constants.csv without slopes: power and vision, and what follows from others."""
    power = catalog.coefficients.power
    for table, priors in (("serving", fit_power.SERVING), ("media", fit_power.PICTURES)):
        for name, (typical, sigma) in priors.items():
            yield {
                "section": "power", "table": table, "key": "any", "name": name, "basis": "fitted",
                "prior": short(typical), "prior_sigma": short(sigma),
                "value": short(power[table]["any"][name], 6),
            }  # fmt: skip
    for key, names in catalog.coefficients.training["vision"].items():
        for name, sigma in fit_training.VISION_SPREADS.items():
            yield {
                "section": "training", "table": "vision", "key": key, "name": name,
                "basis": "fitted", "prior": short(fit_training.START["vision"][key][name]),
                "prior_sigma": short(sigma), "value": short(names[name], 6),
            }  # fmt: skip
    for (section, table, key), how in derived().items():
        for name, value in getattr(catalog.coefficients, section)[table][key].items():
            if section == "training" and name not in (
                fit_training.TIME_SPREADS[table] | fit_training.EXPERT_SPREADS.get(table, {})
            ):
                continue
            yield {
                "section": section, "table": table, "key": key, "name": name, "basis": "derived",
                "value": short(value, 6), "source": how,
            }  # fmt: skip


def main() -> None:
    """Write both files."""
    started = time.perf_counter()
    catalog = load()
    constants: list[dict[str, object]] = []
    moved: list[dict[str, object]] = []
    for fit in (inference(catalog), *training(catalog), media(catalog)):
        found = lines(fit)
        constants += found[0]
        moved += found[1]
    constants += without_slopes(catalog)
    for name, rows in (("constants.csv", constants), ("constants_moved.csv", moved)):
        columns = {key: [row.get(key, "") for row in rows] for key in rows[0]}
        write_columns(DATA / name, columns)
    print(f"constants.csv in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
