"""A Grafana dashboard: what is seen beside the plan's figures.

It shows the series of `--for prometheus`. The dashboard's model is Grafana's own, by
grafana-foundation-sdk; it is the extra `gpumix[guard]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpumix.errors import InputError, Problem, printable
from gpumix.guard.holding import Holding
from gpumix.guard.prometheus import seen, series
from gpumix.guard.prometheus.series import figures
from gpumix.guard.text import Written

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.timeseries import Panel as PanelBuilder

_HEIGHT, _WIDTH, _COLUMNS = 8, 12, 2
_SPACE: Final = 'namespace=~"$namespace"'
_PLAN: Final = "plan "
"""Begins the legend of what the plan says; such lines are dashed."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart: its title, its unit in Grafana, and (legend, query) of each of its lines; `needs`
    is the plan's series without which there is nothing to show."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    needs: str = ""
    about: str = ""


PANELS: Final = (
    Panel(
        "Replicas against plan",
        "short",
        (
            ("{{namespace}} {{deployment}}", f"kube_deployment_status_replicas{{{_SPACE}}}"),
            (_PLAN + "peak {{deployment}}", f"{series.REPLICAS_PEAK}{{{_SPACE}}}"),
            (_PLAN + "median {{deployment}}", f"{series.REPLICAS_MEDIAN}{{{_SPACE}}}"),
        ),
        series.REPLICAS_PEAK,
    ),
    Panel(
        "Tokens per second against plan",
        "short",
        (
            ("{{namespace}}", f"{seen.TOKENS}{{{_SPACE}}}"),
            (_PLAN + "peak {{namespace}}", f"{series.TOKENS_PEAK}{{{_SPACE}}}"),
            (_PLAN + "mean {{namespace}}", f"{series.TOKENS_MEAN}{{{_SPACE}}}"),
        ),
        series.TOKENS_PEAK,
        "Input and output tokens; the plan's are the demand of its first year.",
    ),
    Panel(
        "USD per million tokens against plan",
        "currencyUSD",
        (
            ("{{namespace}}, of a day", f"{seen.USD_PER_MTOK_DAY}{{{_SPACE}}}"),
            (_PLAN + "{{namespace}}", f"{series.USD_PER_MTOK}{{{_SPACE}}}"),
        ),
        series.USD_PER_MTOK,
        "GPUs that pods hold, at the plan's prices, over all tokens of the last 24 hours.",
    ),
    *(
        Panel(
            f"{name} against promise",
            "s",
            (
                (
                    "{{namespace}} {{promise}}",
                    f'{seen.LATENCY_SEEN}{{{_SPACE}, promise=~"{key}_.*"}}',
                ),
                (
                    _PLAN + "{{namespace}} {{promise}}",
                    f'{series.LATENCY}{{{_SPACE}, promise=~"{key}_.*"}}',
                ),
            ),
            f"{series.LATENCY}:{key}",
            "As the engine sees it: without the way to the users.",
        )
        for key, name in (("ttft", "TTFT"), ("tpot", "TPOT"), ("e2e", "End to end"))
    ),
    Panel(
        "GPUs busy",
        "percentunit",
        (("{{namespace}}", f"avg by (namespace) ({seen.ENGINE_ACTIVE}{{{_SPACE}}})"),),
        seen.ENGINE_ACTIVE,
        "Engine active, mean of the namespace's GPUs: a kernel ran, not how much of the GPU.",
    ),
    Panel(
        "GPUs held and their quota",
        "short",
        (
            ("{{namespace}} {{resource}}", f"{seen.RUNNING_UNITS}{{{_SPACE}}}"),
            (_PLAN + "{{namespace}} {{resource}}", f"{series.QUOTA}{{{_SPACE}}}"),
        ),
        series.QUOTA,
    ),
    Panel(
        "Pools against plan",
        "short",
        (
            ("{{pool}} {{resource}}", seen.POOL_SEEN),
            (_PLAN + "{{pool}} {{resource}}", series.POOL_HELD),
            (_PLAN + "most {{pool}} {{resource}}", series.POOL_MOST),
        ),
    ),
)
"""In reading order; one is left out where the plan has nothing for it."""


def panels(held: Holding) -> list[Panel]:
    """The charts for which the plan has something to show."""
    there = {one.name for one in figures(held)}
    there |= {
        f"{one.name}:{one.labels['promise'].partition('_')[0]}"
        for one in figures(held)
        if one.name == series.LATENCY
    }
    if seen.watched(held):
        there.add(seen.ENGINE_ACTIVE)
    return [panel for panel in PANELS if not panel.needs or panel.needs in there]


def grafana(held: Holding) -> Written:
    """grafana-dashboard.json.

    Raises: InputError where grafana-foundation-sdk is not installed.
    """
    try:
        from grafana_foundation_sdk.builders import dashboard
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError:
        fix = "pip install 'gpumix[guard]', or leave grafana out"
        raise InputError(Problem("--for grafana", "needs grafana-foundation-sdk", fix)) from None

    stamp, shown = held.stamp, panels(held)
    spaces = ",".join(owner.name for owner in held.owners)
    board = (
        dashboard.Dashboard(f"gpumix: {_plain(stamp.name)}")
        .uid(f"gpumix-{stamp.sha256[:16]}")
        .description(
            f"Plan {_plain(stamp.name)} as of {stamp.as_of}, gpumix.io/plan sha256:{stamp.sha256}, "
            f"written by gpumix {stamp.version}. Series: prometheus-rules.yaml of the same plan."
        )
        .tags(["gpumix", f"gpumix-plan-{stamp.sha256[:12]}"])
        .refresh("1m")
        .time("now-24h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(
            dashboard.CustomVariable("namespace")
            .values(spaces)
            .multi(True)
            .include_all(True)
            .current(_all())
        )
    )
    for number, panel in enumerate(shown):
        board = board.with_panel(_panel(panel, number))
    text = json.dumps(
        json.loads(JSONEncoder(sort_keys=True).encode(board.build())),
        indent=2,
        sort_keys=True,
        ensure_ascii=False,
    )
    return Written("grafana-dashboard.json", text + "\n", len(shown))


def _plain(name: str) -> str:
    """A name without what Grafana would take for a variable of its own."""
    return printable(name).replace("$", "").replace("[[", "")


def _all() -> Any:
    from grafana_foundation_sdk.models.dashboard import VariableOption

    return VariableOption(selected=True, text="All", value="$__all")


def _panel(panel: Panel, number: int) -> PanelBuilder:
    from grafana_foundation_sdk.builders import timeseries
    from grafana_foundation_sdk.models.dashboard import (
        DataSourceRef,
        DynamicConfigValue,
        GridPos,
        MatcherConfig,
    )

    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    row, column = divmod(number, _COLUMNS)
    dashed = [DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 8]})]
    return (
        timeseries.Panel()
        .id(number + 1)
        .title(panel.title)
        .description(panel.about)
        .unit(panel.unit)
        .min(0)
        .datasource(source)
        .grid_pos(GridPos(h=_HEIGHT, w=_WIDTH, x=column * _WIDTH, y=row * _HEIGHT))
        .with_override(MatcherConfig(id_val="byRegexp", options=f"/^{_PLAN}/"), dashed)
        .targets(_targets(panel.lines, source))
    )


def _targets(lines: Sequence[tuple[str, str]], source: Any) -> list[Any]:
    from grafana_foundation_sdk.builders import prometheus

    return [
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + number))
        .datasource(source)
        .expr(query)
        .legend_format(legend)
        .range()
        for number, (legend, query) in enumerate(lines)
    ]
