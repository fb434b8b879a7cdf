"""`gpumix guard`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import JsonFlag


def guard(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="plan.json of `gpumix plan`, or its folder.")
    ],
    targets: Annotated[
        str,
        typer.Option(
            "--for",
            help="kueue, quota, hpa, keda, karpenter, slurm, prometheus, grafana: some of them, "
            "comma-separated.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files; they appear together.")],
    kueue_version: Annotated[
        str, typer.Option(help="Version of Kueue's objects: v1beta2 or v1beta1.")
    ] = "v1beta2",
    fair_sharing: Annotated[
        bool, typer.Option("--fair-sharing", help="Kueue shares by weight; read its warnings.")
    ] = False,
    prometheus: Annotated[
        str | None, typer.Option(help="Address that KEDA asks; default: the operator's service.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write what holds a fleet to a plan: quotas, priorities, scaling, limits, alerts.

    Example: gpumix guard plan.json --for quota,kueue,prometheus --out guard

    Example: gpumix guard plan.json --for slurm --out guard --json
    """
    from gpumix.domain.guard import as_json as json_of
    from gpumix.report import export
    from gpumix.report.guard import guard_lines
    from gpumix.verbs.guard import GuardOptions, guard_plan

    options = GuardOptions(kueue_version, fair_sharing, prometheus)
    answer = guard_plan(plan, targets, out, options)
    if as_json:
        typer.echo(export.to_json(json_of(answer)), nl=False)
    else:
        typer.echo(guard_lines(answer))
