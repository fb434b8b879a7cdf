"""Plain listings: errors of a backtest and what a calibration changed."""

from __future__ import annotations

from gpumix.domain.backtest import Backtest, ErrorSlice
from gpumix.domain.measurement import (
    CalibratedDeployment,
    CalibratedPoint,
    Calibration,
    MovedPrediction,
    ResultFile,
)
from gpumix.report.tables import Cell, Table, remark, table, text, value


def backtest_tables(result: Backtest) -> tuple[Table, ...]:
    """One table of errors an engine and kind of slice, worst slice first."""
    kinds = dict.fromkeys((s.engine, s.by) for s in result.slices)
    return tuple(
        table(
            f"{engine}, by {by}" if by != "all" else engine,
            ErrorSlice,
            [s for s in result.slices if (s.engine, s.by) == (engine, by)],
            ("name", lambda s: text(s.name)),
            ("rows", lambda s: value("rows", s.rows, record=ErrorSlice)),
            ("covered", lambda s: value("covered", s.covered)),
            ("median", lambda s: value("median", s.median, record=ErrorSlice)),
            ("mean", lambda s: value("mean", s.mean, record=ErrorSlice)),
            ("p90", lambda s: value("p90", s.p90, record=ErrorSlice)),
            ("bias", lambda s: value("bias", s.bias, record=ErrorSlice)),
            ("held", lambda s: value("held", s.held, record=ErrorSlice)),
        )
        for engine, by in kinds
    )


def calibration_summary(result: Calibration) -> str:
    """How many rows were stored where, and what to be wary of."""
    taken = [f for f in result.files if not f.doubt]
    stored, read = (sum(getattr(f, n) for f in taken) for n in ("stored", "measurements"))
    known = f", {read - stored} already known" if read > stored else ""
    lines = [f"{stored} of {read} rows stored{known}; {result.total} in {result.store}."]
    lines += [
        f"! {f.name} was kept out: {f.doubt}. If it is right as labelled, add --confirm."
        for f in result.files
        if f.doubt
    ]
    return "\n".join([*lines, *(f"! {warning}" for warning in result.warnings)])


def calibration_tables(result: Calibration) -> tuple[Table, ...]:
    """Files, deployments before and after, what else moved, and every new figure."""
    return (
        table(
            "Files",
            ResultFile,
            result.files,
            ("name", lambda f: text(f.name)),
            ("tool", lambda f: text(f.tool)),
            ("measurements", lambda f: value("measurements", f.measurements)),
            ("stored", lambda f: value("stored", f.stored)),
            ("note", lambda f: remark(f.note)),
        ),
        table(
            "Typical error of a deployment",
            CalibratedDeployment,
            result.deployments,
            ("deployment", lambda d: text(d.deployment)),
            ("error_before", lambda d: value("error_before", d.error_before)),
            ("error_after", lambda d: value("error_after", d.error_after)),
            ("error_left_out", _left_out_error),
            ("interval_before", lambda d: value("interval_before", d.interval_before)),
            ("interval_after", lambda d: value("interval_after", d.interval_after)),
        ),
        table(
            "What else moved",
            MovedPrediction,
            result.moved,
            ("what", lambda m: text(m.what)),
            ("change", lambda m: value("change", m.change)),
        ),
        table(
            "Figures",
            CalibratedPoint,
            result.points,
            ("measurement", lambda p: text(p.measurement)),
            ("load", lambda p: text(p.load)),
            ("metric", lambda p: text(p.metric)),
            ("measured", lambda p: value("measured", p.measured)),
            ("before", lambda p: value("before", p.before)),
            ("after", lambda p: value("after", p.after)),
            ("low", lambda p: value("low", p.low)),
            ("high", lambda p: value("high", p.high)),
            ("left_out", lambda p: value("left_out", p.left_out, "no other run")),
        ),
    )


def _left_out_error(one: CalibratedDeployment) -> Cell:
    return value("error_left_out", one.error_left_out, "needs two runs")
