"""`gpumix simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import (
    AdapterCount,
    AdapterRank,
    Batching,
    ColdStart,
    Context,
    JsonFlag,
    KvLink,
    MaxReplicas,
    MeanRate,
    ModelConfig,
    PlanConfidence,
    PlanFile,
    PlanHour,
    PlanWorkload,
    PlanYear,
    PrefillReplicas,
    Promises,
    RequestCount,
    ScaleTarget,
    Timeout,
    Trace,
    TraceMap,
    TraceUnit,
    TrafficProfile,
)
from gpumix.errors import InputError, Problem

FILES = ("simulation.json", "simulation.html")
OF_PLAN = frozenset({"plan", "workload", "hour", "year", "confidence"})
BOTH = frozenset({"requests", "seed", "as_json"})
"""Parameters that go with a plan alone, and with a plan too."""
NAMES = {"as_json": "json", "trace_map": "map", "max_context": "context"}
"""Parameters whose option is not called as they are."""
NOT_KEPT = 3


def simulate(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option(help="Model id.", autocompletion=names.models)
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU id.", autocompletion=names.gpus)] = None,
    tp: Annotated[
        int | None, typer.Option(help="Tensor-parallel degree; default the smallest that fits.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="Weight precision: bf16, fp8, awq, q4_k_m, ...; default that of the model's "
            "name, else as published."
        ),
    ] = "",
    kv_precision: Annotated[str, typer.Option(help="KV-cache precision; default 16 bits.")] = "",
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    replicas: Annotated[int, typer.Option(help="Number of replicas behind one router.")] = 1,
    trace: Trace = None,
    trace_unit: TraceUnit = "",
    trace_map: TraceMap = None,
    profile: TrafficProfile = None,
    rate: MeanRate = None,
    requests: RequestCount = None,
    slo: Promises = None,
    timeout_s: Timeout = None,
    batching: Batching = "continuous",
    max_replicas: MaxReplicas = None,
    scale_target: ScaleTarget = None,
    cold_start_s: ColdStart = None,
    prefill_replicas: PrefillReplicas = 0,
    kv_link_gb_per_s: KvLink = None,
    adapters: AdapterCount = None,
    adapter_rank: AdapterRank = None,
    model_config: ModelConfig = None,
    max_context: Context = None,
    seed: Annotated[
        int | None, typer.Option(help="Random seed; default 0, or the plan's own.")
    ] = None,
    plan: PlanFile = None,
    workload: PlanWorkload = None,
    hour: PlanHour = None,
    year: PlanYear = None,
    confidence: PlanConfidence = None,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.html and .json.")] = None,
    as_json: JsonFlag = False,
) -> int:
    """Simulate one deployment under a trace or a profile: percentiles, utilisation, cost; or with
    --plan exactly what a plan runs for one of its workloads.

    With --plan the exit code is 3 where a promise is not kept beyond doubt.

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --profile azure-conv

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --trace requests.csv
    --max-replicas 4 --scale-target 30 --timeout-s 60

    Example: gpumix simulate --plan gpumix-out/team/plan.json --workload chat --seed 7
    """
    given = {
        name
        for name in context.params
        if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"
    }
    if plan is not None:
        _refuse({"workload"} - given, "is missing")
        _refuse(given - OF_PLAN - BOTH, "does not go with --plan")
        return _of_plan(plan, workload or "", (hour, year, confidence, seed, requests), as_json)
    _refuse(given & OF_PLAN, "goes with --plan alone")
    _refuse({"model", "gpu"} - given, "is missing (or name a plan: --plan, --workload)")
    from gpumix.publish import check_folder, write_set
    from gpumix.report import export, simulation
    from gpumix.report.terminal import bar, show_simulation
    from gpumix.simulate.question import SimulationQuestion
    from gpumix.verbs.simulate import simulate_file
    from gpumix.verbs.words import adapters_of, configs_of, slos_of, trace_reading

    question = SimulationQuestion(
        model or "", gpu or "", tp, precision, kv_precision, engine, replicas, None, "", profile,
        rate, requests, slos_of(slo) if slo else (), timeout_s, seed or 0, batching, max_replicas,
        scale_target, cold_start_s, prefill_replicas, kv_link_gb_per_s,
        adapters_of(adapters, adapter_rank), max_context,
    )  # fmt: skip
    reading = trace_reading(trace_unit, trace_map or ())
    if out is not None:
        check_folder(out, FILES)
    with bar() as progress:
        configs = configs_of(model_config, model or "")
        found = simulate_file(question, trace, progress, configs, reading)
    text = export.to_json(export.record_to_dict(found))
    if out is not None:
        page = simulation.simulation_html(found)
        write_set(out, dict(zip(FILES, (text, page), strict=True)))
    if as_json:
        typer.echo(text)
    else:
        show_simulation(found, console(), str(out / "simulation.html") if out else None)
    return 0


def _refuse(options: set[str], why: str) -> None:
    """Every option that is given and must not be, or must be and is not. Raises: InputError."""
    if options:
        names = (f"--{NAMES.get(o, o.replace('_', '-'))}" for o in sorted(options))
        raise InputError([Problem(name, why) for name in names])


def _of_plan(
    plan: Path,
    workload: str,
    asked: tuple[int | None, int | None, float | None, int | None, int | None],
    as_json: bool,
) -> int:
    """The plan's replicas run again and printed; 3 where a promise is not kept."""
    from gpumix.report import export
    from gpumix.report.terminal import show_plan_simulation
    from gpumix.simulate.planned import PlanQuestion
    from gpumix.verbs.simulate import simulate_plan

    found = simulate_plan(PlanQuestion(workload, *asked), plan)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
    else:
        show_plan_simulation(found, console(), str(plan))
    return 0 if found.is_kept else NOT_KEPT
