"""Training jobs of a plan as their readers need them: cash, calendar time, and who wins when."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.job import JobPlan, JobWay, ParetoRun, winner
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.mix import purchase_words
from gpumix.report.views.training import pareto_table


def jobs_table(plan: Plan) -> Table:
    """One line a training job: cash of a run, the wait apart, who wins without and with it."""
    return table(
        fields.label("job"),
        JobPlan,
        [(w, w.job) for w in plan.workloads if w.job is not None],
        ("id", lambda row: text(row[0].id)),
        ("finish_expected_s", lambda row: value("finish_expected_s", row[1].finish_expected_s)),
        ("usd_per_run", lambda row: value("usd_per_run", row[0].usd_per_run)),
        ("calendar_usd", lambda row: value("calendar_usd", row[1].calendar_usd or None)),
        (
            "calendar_usd_per_day",
            lambda row: value("calendar_usd_per_day", row[1].calendar_usd_per_day or None),
        ),
        ("cheapest_in_cash", lambda row: _winner(row[1], 0.0)),
        ("best_with_time", lambda row: _best_with_time(row[1])),
    ).without_absent()


def ways_table(workload: WorkloadPlan) -> Table:
    """The ways of every GPU to do a job, cheapest in cash first, late ones last."""
    job = workload.job
    drawn = table(
        fields.label("ways"),
        JobWay,
        job.ways if job else (),
        ("chosen", lambda w: Cell("✓", tone="good") if w.chosen else Cell("")),
        ("gpu", lambda w: text(w.gpu)),
        ("gpus", lambda w: value("gpus", w.gpus, record=JobWay)),
        ("precision", lambda w: text(w.precision)),
        ("purchase", lambda w: text(purchase_words(w.purchase))),
        ("usd_per_gpu_hour", lambda w: value("usd_per_gpu_hour", w.usd_per_gpu_hour)),
        ("finish_expected_s", lambda w: value("finish_expected_s", w.finish_expected_s)),
        ("finish_p90_s", _p90),
        ("usd_per_run", lambda w: value("usd_per_run", w.usd_per_run, record=JobWay)),
        ("calendar_usd", lambda w: value("calendar_usd", w.calendar_usd or None)),
        ("within_share", lambda w: value("within_share", w.within_share)),
        ("between_share", lambda w: value("between_share", w.between_share)),
        ("break_even_cash", lambda w: value("break_even_cash", w.break_even_cash)),
        ("break_even_with_time", lambda w: value("break_even_with_time", w.break_even_with_time)),
        ("ratio_now", lambda w: value("ratio_now", w.ratio_now)),
    )
    valued = job is not None and job.calendar_usd_per_day > 0.0
    return drawn if valued else drawn.without("calendar_usd", "break_even_with_time")


def tradeoff_table(workload: WorkloadPlan) -> Table:
    """The runs of a job that no other one beats on both cost and time."""
    return pareto_table(workload.job.pareto if workload.job else ())


def reasons(workload: WorkloadPlan) -> tuple[str, ...]:
    """What PCIe costs the GPUs that it slows, a sentence each."""
    return workload.job.why if workload.job else ()


def _winner(job: JobPlan, usd_per_day: float) -> Cell:
    best = winner(job.pareto, usd_per_day)
    return text(_gang(best) if best else "")


def _best_with_time(job: JobPlan) -> Cell:
    """The winner at the user's value of a day, and the value from which it wins."""
    best = winner(job.pareto, job.calendar_usd_per_day)
    if not job.calendar_usd_per_day or best is None:
        return text("")
    first = money("wins_from_usd_per_day", best.wins_from_usd_per_day)
    return text(
        f"{_gang(best)}, from {first.text} a day" if best.wins_from_usd_per_day else "the same"
    )


def _gang(run: ParetoRun) -> str:
    return f"{run.gpus} x {run.gpu} {run.purchase}"


def _p90(way: JobWay) -> Cell:
    drawn = value("finish_p90_s", way.finish_p90_s)
    return drawn if way.kept else Cell(drawn.text, "late", "bad")
