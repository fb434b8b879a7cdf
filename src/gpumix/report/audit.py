"""An audit as one page, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gpumix.domain.fleet import Attribution, AuditAnswer, FindingHours
from gpumix.report.markdown import drawn, escaped
from gpumix.report.pages import CHART_PX, environment
from gpumix.report.tables import Table
from gpumix.report.views import audit as view
from gpumix.report.views import charts
from gpumix.report.views.audit_charts import evidence


def audit_html(
    found: AuditAnswer, attribution: Attribution, hours: Sequence[FindingHours] = ()
) -> str:
    """The page of an audit, a whole HTML document that needs no other file."""
    shown = [evidence(found, one) for one in hours]
    spec = view.waste_chart(found)
    chart = None if spec is None else Markup(charts.as_svg(spec, CHART_PX))
    return (
        environment()
        .get_template("audit.html.j2")
        .render(
            found=found,
            headline=view.headline(found),
            steps=view.steps(found),
            looked=view.looked_words(found),
            chart=chart,
            evidence=[(one.caption, Markup(charts.as_svg(one.spec, CHART_PX))) for one in shown],
            tables=_tables(found, attribution),
        )
    )


def audit_markdown(found: AuditAnswer, attribution: Attribution) -> str:
    """The same as Markdown, for a pull request or a wiki."""
    parts = [
        "# What the fleet wastes",
        f"**{escaped(view.headline(found))}**",
        *(f"{n}. {escaped(step)}" for n, step in enumerate(view.steps(found), start=1)),
        *(drawn(table) for table in _tables(found, attribution)),
        *map(escaped, view.looked_words(found)),
    ]
    return "\n\n".join(parts) + "\n"


def _tables(found: AuditAnswer, attribution: Attribution) -> list[Table]:
    every = (
        view.classes_table(found),
        view.findings_table(found),
        view.showback_table(attribution),
        view.dismissed_table(found),
        view.reasons_table(found),
        view.notes_table(found),
    )
    return [table for table in every if table.rows]
