"""The command line: one function a verb, no logic.

Exit codes: 0 ok, 2 input, 3 infeasible, 1 a defect of ours. With --json, stdout is only JSON;
progress goes to stderr, on a terminal only.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli_options import (
    Batching,
    CalendarUsd,
    ColdStart,
    FinishWithin,
    GpuSheet,
    JsonFlag,
    KvLink,
    MaxReplicas,
    MeanRate,
    Measured,
    ModelSheet,
    Nearest,
    Out,
    Points,
    PrefillReplicas,
    Promises,
    RequestCount,
    ScaleTarget,
    Timeout,
    Trace,
    TrafficProfile,
    TrainBatch,
    TrainCounts,
    TrainMethod,
    TrainSeqLen,
    TrainStack,
    TrainTokens,
)
from gpumix.errors import GpumixError, Infeasible, InputError, Problem, told

if TYPE_CHECKING:
    from rich.console import Console

    from gpumix.domain.comparison import Comparison
    from gpumix.domain.training_comparison import TrainingComparison

app = typer.Typer(
    name="gpumix",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Which GPUs to buy, rent or keep: the cheapest mix that keeps every promise.",
)
predict_app = typer.Typer(no_args_is_help=True, help="Predictions for a table of points.")
prices_app = typer.Typer(no_args_is_help=True, help="The price catalogue.")
app.add_typer(predict_app, name="predict")
app.add_typer(prices_app, name="prices")


def main() -> None:
    """Run the command line; errors become a message and an exit code, never a traceback."""
    try:
        app(standalone_mode=False)
    except GpumixError as error:
        typer.echo(told(error), err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(1)
    except Exception as error:
        shown = getattr(error, "show", None)
        if shown is None:
            raise
        shown(file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("inventory.yaml"),
) -> None:
    """Write a commented starter inventory.

    Example: gpumix init team.yaml
    """
    from gpumix.files import atomic
    from gpumix.inventory import starter_text

    if file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    with atomic(file) as beside:
        beside.write_text(starter_text(), encoding="utf-8")
    typer.echo(f"Wrote {file}. Next: edit it, then\n  gpumix plan {file}")


@app.command()
def plan(
    inventory: Annotated[Path, typer.Argument(help="The inventory, a YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for plan.json, report.html and problem.json.")
    ] = None,
    measured: Measured = None,
    as_json: JsonFlag = False,
) -> None:
    """Plan the cheapest mix for an inventory and write the report.

    Example: gpumix plan examples/inference-first.yaml
    """
    from gpumix import mix
    from gpumix.files import write_texts
    from gpumix.planner.files import plan_file
    from gpumix.report import export, html
    from gpumix.report.terminal import show_plan, spinner

    folder = out or Path("gpumix-out") / inventory.stem
    with spinner() as progress:
        planned = plan_file(inventory, progress, measured)
        data = export.plan_to_dict(planned.plan)
        write_texts(
            folder,
            {
                "plan.json": export.to_json(data),
                "report.html": html.plan_html(planned.plan),
                "problem.json": json.dumps(mix.problem_to_dict(planned.problem), indent=1),
            },
        )
    if as_json:
        typer.echo(export.to_json(data))
        return
    show_plan(
        planned.plan, _console(), inventory=str(inventory), report=str(folder / "report.html"),
        saved=str(folder / "plan.json"),
    )  # fmt: skip


@app.command()
def compare(
    what: Annotated[str, typer.Argument(metavar="MODEL|INVENTORY", help="Model id or file.")],
    workload: Annotated[str | None, typer.Argument(help="A workload of the inventory.")] = None,
    gpus: Annotated[str | None, typer.Option(help="GPU ids, comma-separated; default all.")] = None,
    input: Annotated[float | None, typer.Option(help="Tokens in; default 1024.")] = None,
    output: Annotated[float | None, typer.Option(help="Tokens out; default 256.")] = None,
    slo: Promises = None,
    precision: Annotated[
        str, typer.Option(help="Weight precisions, comma-separated: bf16, fp8, int8, int4, ...")
    ] = "bf16",
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    train: Annotated[bool, typer.Option("--train", help="Train it, not serve it.")] = False,
    tokens: TrainTokens = None,
    method: TrainMethod = "pretrain",
    seq_len: TrainSeqLen = None,
    global_batch: TrainBatch = None,
    stack: TrainStack = None,
    counts: TrainCounts = None,
    finish_within: FinishWithin = None,
    calendar_usd_per_day: CalendarUsd = 0.0,
    measured: Measured = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare every GPU for one workload: fits, speed, $/M tokens or $/run, who wins when.

    Example: gpumix compare meta-llama/Llama-3.1-8B-Instruct --gpus h100-sxm-80gb,l40s-48gb

    Example: gpumix compare team.yaml chat

    Example: gpumix compare Qwen/Qwen2.5-32B-Instruct --train --tokens 600B --counts 8,64
    """
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.planner.ask_train import TrainWords
    from gpumix.planner.files import compare_names
    from gpumix.report import export

    words = TrainWords(
        method, tokens, seq_len, global_batch, stack, finish_within, calendar_usd_per_day, counts
    )

    found = compare_names(
        what, workload, gpus=gpus, input_tokens=input, output_tokens=output, slo=slo,
        precision=precision, engine=engine, measured=measured, train=train,
        run=words,
    )  # fmt: skip
    if as_json:
        typer.echo(export.to_json(export.answer_to_dict(found)))
    else:
        _show_answer(found)
    if isinstance(found, TrainingComparison) and found.ways_out:
        raise Infeasible("no GPU and count does this run", ["--train"], found.ways_out)


def _show_answer(found: Comparison | TrainingComparison) -> None:
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.report.terminal import show_comparison, show_training

    if isinstance(found, TrainingComparison):
        show_training(found, _console())
    else:
        show_comparison(found, _console())


@app.command()
def simulate(
    model: Annotated[str, typer.Option(help="Model id.")],
    gpu: Annotated[str, typer.Option(help="GPU id.")],
    tp: Annotated[
        int | None, typer.Option(help="GPUs a replica is split over; default the fewest that fit.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Weight precision.")] = "bf16",
    kv_precision: Annotated[str, typer.Option(help="Cache precision; default 16 bits.")] = "",
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    replicas: Annotated[int, typer.Option(help="Replicas behind one router.")] = 1,
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
    seed: Annotated[int, typer.Option(help="Of everything drawn at random.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.html and .json.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate one deployment under a trace or a profile: percentiles, utilisation, cost.

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --profile azure-conv

    Example: gpumix simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --trace requests.csv
    --max-replicas 4 --scale-target 30 --timeout-s 60
    """
    from gpumix.files import write_texts
    from gpumix.planner.files import parse_slos
    from gpumix.planner.simulation import SimulationQuestion, simulate_names
    from gpumix.report import export, simulation
    from gpumix.report.terminal import bar, show_simulation

    question = SimulationQuestion(
        model, gpu, tp, precision, kv_precision, engine, replicas, trace, profile, rate, requests,
        parse_slos(slo) if slo else (), timeout_s, seed, batching, max_replicas, scale_target,
        cold_start_s, prefill_replicas, kv_link_gb_per_s,
    )  # fmt: skip
    with bar() as progress:
        found = simulate_names(question, progress)
    text = export.to_json(export.record_to_dict(found))
    if out is not None:
        page = simulation.simulation_html(found)
        write_texts(out, {"simulation.json": text, "simulation.html": page})
    if as_json:
        typer.echo(text)
        return
    show_simulation(found, _console(), str(out / "simulation.html") if out else None)


@predict_app.command("inference")
def predict_inference(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    measured: Measured = None,
    nearest: Nearest = False,
) -> None:
    """Predict serving speed and latency for a table of points.

    Example: gpumix predict inference --points questions.csv --out answers.csv
    """
    _predict("inference", points, out, nearest, measured, gpus=gpus, models=models)


@predict_app.command("training")
def predict_training(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    measured: Measured = None,
    nearest: Nearest = False,
) -> None:
    """Predict training speed and memory for a table of points.

    Example: gpumix predict training --points jobs.csv --out answers.csv
    """
    _predict("training", points, out, nearest, measured, gpus=gpus, models=models)


@app.command()
def solve(
    problem: Annotated[Path, typer.Argument(help="A mix problem, JSON.")],
    out: Annotated[Path, typer.Option(help="Where to write the solution, JSON.")],
    gap: Annotated[float, typer.Option(help="Stop within this share of the best (0-1).")] = 1e-7,
    time_limit_s: Annotated[float | None, typer.Option(help="Stop the search after [s].")] = None,
) -> None:
    """Solve a mix problem, nothing else; exit code 3 where it has no plan.

    Example: gpumix solve problem.json --out solution.json
    """
    from gpumix.files import atomic
    from gpumix.planner.files import solve_file

    solution, text = solve_file(problem, gap, time_limit_s)
    with atomic(out) as beside:
        beside.write_text(text, encoding="utf-8")
    if solution.cost is None:
        raise Infeasible(f"no plan keeps every limit; see {out}", solution.conflict)
    typer.echo(f"{solution.status}: cost {solution.cost:,.2f}, gap {solution.gap:.4%}, in {out}")


@app.command()
def backtest(
    points: Annotated[
        Path | None, typer.Option(help="Measured rows; default the packaged evidence.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold predictions against measurements: errors by source, GPU, engine, length, batch.

    Example: gpumix backtest --points measured.csv.gz
    """
    from gpumix.planner.files import backtest_file
    from gpumix.report import export, listing

    result = backtest_file(points)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(result)))
        return
    from gpumix.report.terminal import show_tables

    following = "gpumix explain ttft_p95_s"
    show_tables(listing.backtest_tables(result), _console(), following)


@app.command()
def calibrate(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="vllm bench serve, guidellm, aiperf or inference-perf results, or a points CSV."
        ),
    ],
    gpu: Annotated[str, typer.Option(help="GPU it ran on.")] = "",
    model: Annotated[str, typer.Option(help="Model it ran, where the file does not say.")] = "",
    tp: Annotated[str, typer.Option(help="Tensor-parallel degree; default 1.")] = "",
    n_gpus: Annotated[str, typer.Option(help="GPUs in all; default those of the layout.")] = "",
    pp: Annotated[str, typer.Option(help="Pipeline-parallel degree.")] = "",
    dp: Annotated[str, typer.Option(help="Data-parallel degree.")] = "",
    ep: Annotated[str, typer.Option(help="Expert-parallel degree.")] = "",
    precision: Annotated[str, typer.Option(help="Weight precision; default bf16.")] = "",
    kv_precision: Annotated[str, typer.Option(help="KV-cache precision; default 16 bits.")] = "",
    engine: Annotated[str, typer.Option(help="Serving engine; default vllm.")] = "",
    engine_version: Annotated[str, typer.Option(help="Its version; default the newest.")] = "",
    concurrency: Annotated[
        float | None, typer.Option(help="Requests in flight, where the file does not say.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests/s offered, where the file does not say.")
    ] = None,
    store: Annotated[Path, typer.Option(help="Project folder to keep the rows in.")] = Path(
        ".gpumix"
    ),
    as_json: JsonFlag = False,
) -> None:
    """Calibrate predictions on your own measurements; `plan`, `compare` and `predict` use them.

    Example: gpumix calibrate bench-*.json --gpu h100-sxm-80gb --tp 2
    """
    from gpumix.inventory.results import Stated
    from gpumix.planner.calibration import calibrate as calibrate_on
    from gpumix.report import export, listing
    from gpumix.report.terminal import show_tables, spinner

    stated = Stated(
        gpu, model, n_gpus, tp, pp, dp, ep, precision, kv_precision, engine, engine_version,
        concurrency, rate,
    )  # fmt: skip
    with spinner() as progress:
        progress(f"reading {len(results)} files")
        found = calibrate_on(results, stated, store)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    typer.echo(listing.calibration_summary(found))
    following = "gpumix predict inference --points questions.csv --out answers.csv"
    show_tables(listing.calibration_tables(found), _console(), following, ("low", "high", "tool"))


@prices_app.command("list")
def prices_list(
    gpu: Annotated[str | None, typer.Option(help="GPU id; default all.")] = None,
    provider: Annotated[str | None, typer.Option(help="Provider; default all.")] = None,
    country: Annotated[str | None, typer.Option(help="ISO country; default all.")] = None,
    purchase: Annotated[
        str | None, typer.Option(help="on_demand, spot, reserved_1y or reserved_3y.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Your own rates (CSV), laid over.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the offers of the catalogue, cheapest per GPU-hour first.

    Example: gpumix prices list --gpu h100-sxm-80gb --purchase spot
    """
    from gpumix.planner.files import list_offers
    from gpumix.report import export, listing

    offers = list_offers(gpu, provider, country, purchase, sheet)
    if as_json:
        typer.echo(export.to_json({"offers": [export.record_to_dict(o) for o in offers]}))
        return
    from gpumix.report.terminal import show_tables

    following = f"gpumix compare meta-llama/Llama-3.1-8B-Instruct{f' --gpus {gpu}' if gpu else ''}"
    minor = ("gpus_per_instance", "basis", "country", "region", "age_days")
    show_tables([listing.offers_table(offers, date.today())], _console(), following, minor)


@app.command()
def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PLAN",
            help="A printed quantity or formula, e.g. tpot_p95_s; or a plan.json or its folder.",
        ),
    ],
    workload: Annotated[
        str | None, typer.Argument(help="A workload of the plan; default all.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Explain a printed quantity: meaning, unit, formula, source; or the speeds of a plan.

    Of a plan: why each placement is as fast as it is, and the nearest measurement.

    Example: gpumix explain usd_per_mtok_total

    Example: gpumix explain gpumix-out/team/plan.json chat
    """
    from gpumix.planner.explain import explain as explanation_of
    from gpumix.report import export

    path = Path(name) / "plan.json" if (Path(name) / "plan.json").is_file() else Path(name)
    if path.suffix == ".json":
        _explain_plan(path, workload, as_json)
        return
    if workload is not None:
        raise InputError(Problem("WORKLOAD", "needs a plan", "gpumix explain plan.json WORKLOAD"))
    explanation = explanation_of(name)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(explanation)))
        return
    from gpumix.report.terminal import show_explanation

    show_explanation(explanation, _console())


def _explain_plan(path: Path, workload: str | None, as_json: bool) -> None:
    from gpumix.planner.explain import explain_plan
    from gpumix.report import export
    from gpumix.report.terminal import show_plan_explanation

    found = explain_plan(export.read_plan(path), workload)
    if as_json:
        typer.echo(export.to_json({"placements": [export.record_to_dict(one) for one in found]}))
        return
    show_plan_explanation(found, _console())


def _predict(
    work: str, points: Path, out: Path, nearest: bool, measured: Path | None,
    **sheets: Path | None,
) -> None:  # fmt: skip
    from gpumix.files import read_columns, write_columns
    from gpumix.planner.files import predict_columns
    from gpumix.report.terminal import spinner

    with spinner() as progress:
        progress(f"reading {points}")
        columns = read_columns(points)
        progress(f"predicting {len(next(iter(columns.values()), []))} rows")
        answers = predict_columns(work, columns, measured, nearest=nearest, **sheets)
        write_columns(out, answers)
    values = list(answers["value"])
    answered = sum(v is not None and v == v for v in values)
    typer.echo(f"{answered} of {len(values)} rows predicted, in {out}. Next:\n  gpumix backtest")


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=False, highlight=False)
