"""What measuring is worth to a plan: in a sentence, as a table, and the commands."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.worth import MeasurementWorth, Worth
from gpumix.report.tables import Table, money, remark, table, text, value

OWN = MeasurementWorth


def worth_words(worth: Worth) -> str:
    """Whether any measurement pays, and what all that do save and cost."""
    plan = f"{worth.plan} costs {_usd(worth.usd_per_month)} a month"
    setup = fields.format_value("setup_hours", worth.setup_hours)
    assumed = f"Rent is for the runs as predicted and {setup} of setting up, assumed."
    found = worth.together
    if not worth.measurements:
        return f"{plan}. None pays: no benchmark tells the speed of its work."
    if found is None:
        return (
            f"{plan}. None pays: no measurement saves more in a month than its rent and than "
            f"{_usd(worth.doubt_usd_per_month)}, which the search leaves open. {assumed}"
        )
    names = ", ".join(found.names)
    return (
        f"{plan}. Measuring {names} saves {_usd(found.saves_usd_per_month)} a month if speeds are "
        f"found as predicted, for {_usd(found.rent_usd)} of rent. {assumed}"
    )


def worth_table(worth: Worth) -> Table:
    """Every measurement, what pays most first."""
    return table(
        fields.label("measurements", Worth),
        MeasurementWorth,
        worth.measurements,
        ("name", lambda m: text(m.name)),
        ("pays", lambda m: text("yes" if m.pays else "no", "good" if m.pays else "muted")),
        ("saves_usd_per_month", lambda m: money("saves_usd_per_month", m.saves_usd_per_month)),
        ("rent_usd", lambda m: money("rent_usd", m.rent_usd)),
        ("hours", lambda m: value("hours", m.hours, record=OWN)),
        ("rented", lambda m: text(m.rented)),
        ("interval_now", lambda m: value("interval_now", m.interval_now)),
        (
            "interval_after",
            lambda m: value("interval_after", m.interval_after, record=OWN),
        ),
        ("note", lambda m: remark(m.note)),
    ).without_absent()


def command_lines(worth: Worth) -> list[str]:
    """The commands of each measurement that pays; of the first where none does."""
    shown = [m for m in worth.measurements if m.pays] or list(worth.measurements[:1])
    return [line for m in shown if m.server for line in _commands(m)]


def _commands(one: MeasurementWorth) -> list[str]:
    return [
        "",
        f"# {one.name}: on {one.tp} x {one.gpu}, with {one.engine}; RESULTS=results/{one.name}",
        one.server,
        *(point.command for point in one.points),
        one.calibrate,
    ]


def _usd(amount: float) -> str:
    return fields.format_value("rent_usd", amount)
