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
    JsonFlag,
    KvLink,
    MaxReplicas,
    MeanRate,
    PrefillReplicas,
    Promises,
    RequestCount,
    ScaleTarget,
    Timeout,
    Trace,
    TrafficProfile,
)

FILES = ("simulation.json", "simulation.html")


def simulate(
    model: Annotated[str, typer.Option(help="Model id.", autocompletion=names.models)],
    gpu: Annotated[str, typer.Option(help="GPU id.", autocompletion=names.gpus)],
    tp: Annotated[
        int | None, typer.Option(help="Tensor-parallel degree; default the smallest that fits.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Weight precision.")] = "bf16",
    kv_precision: Annotated[str, typer.Option(help="KV-cache precision; default 16 bits.")] = "",
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    replicas: Annotated[int, typer.Option(help="Number of replicas behind one router.")] = 1,
    trace: Trace = None,
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
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.html and .json.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate one deployment under a trace or a profile: percentiles, utilisation, cost.

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --profile azure-conv

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --trace requests.csv
    --max-replicas 4 --scale-target 30 --timeout-s 60
    """
    from gpumix.publish import check_folder, write_set
    from gpumix.report import export, simulation
    from gpumix.report.terminal import bar, show_simulation
    from gpumix.simulate.question import SimulationQuestion
    from gpumix.verbs.simulate import simulate_file
    from gpumix.verbs.words import adapters_of, slos_of

    question = SimulationQuestion(
        model, gpu, tp, precision, kv_precision, engine, replicas, None, "", profile,
        rate, requests, slos_of(slo) if slo else (), timeout_s, seed, batching, max_replicas,
        scale_target, cold_start_s, prefill_replicas, kv_link_gb_per_s,
        adapters_of(adapters, adapter_rank),
    )  # fmt: skip
    if out is not None:
        check_folder(out, FILES)
    with bar() as progress:
        found = simulate_file(question, trace, progress)
    text = export.to_json(export.record_to_dict(found))
    if out is not None:
        page = simulation.simulation_html(found)
        write_set(out, dict(zip(FILES, (text, page), strict=True)))
    if as_json:
        typer.echo(text)
        return
    show_simulation(found, console(), str(out / "simulation.html") if out else None)
