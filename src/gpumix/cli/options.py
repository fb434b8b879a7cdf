"""Options of the command line that several verbs share or that need more than a line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How an answer is printed."""

    TERMINAL = "terminal"
    MD = "md"
    JSON = "json"


class TableFormat(StrEnum):
    """How an answer is printed that is also a table of rows."""

    TERMINAL = "terminal"
    MD = "md"
    JSON = "json"
    CSV = "csv"


class Effort(StrEnum):
    """How much work a search may do, by the names of `mix.EFFORTS`."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"


AnswerFormat = Annotated[
    Format,
    typer.Option("--format", help="How to print: on the terminal, as Markdown, or as JSON."),
]
CompareFormat = Annotated[
    TableFormat,
    typer.Option(
        "--format", help="How to print: on the terminal, as Markdown, JSON, or CSV of its rows."
    ),
]
JsonFormat = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else on stdout: --format json.")
]
FleetFolder = Annotated[
    Path, typer.Argument(metavar="FLEET", help="Folder of observe, or of raw source files.")
]
Bills = Annotated[
    list[Path] | None,
    typer.Option(help="FOCUS bill (CSV, CSV.gz, Parquet); may be given again."),
]
Details = Annotated[
    bool, typer.Option("--details", help="Print the whole answer, not its first screen alone.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
GpuSheet = Annotated[
    Path | None,
    typer.Option("--gpus", help="CSV that adds or replaces GPUs (columns of gpus.csv)."),
]
ModelSheet = Annotated[
    Path | None, typer.Option("--models", help="CSV that adds or replaces models.")
]
Context = Annotated[
    int | None,
    typer.Option(
        "--context",
        min=1,
        max=100_000_000,
        help="Longest request that the engine is started with [tokens]; default the model's own.",
    ),
]
ModelConfig = Annotated[
    list[str] | None,
    typer.Option(
        "--model-config",
        metavar="[NAME=]CONFIG.JSON",
        help="A Hugging Face config.json that says what model NAME is; may be given again. "
        "NAME is by default the model asked for, else the config's own.",
    ),
]
Measured = Annotated[
    Path | None,
    typer.Option(
        "--measured",
        help="Folder of your own measurements; default .gpumix beside the inventory or in the "
        "current folder.",
    ),
]
Nearest = Annotated[
    bool,
    typer.Option(
        "--nearest", help="Add columns nearest_*: the nearest measurement and the error there."
    ),
]
Points = Annotated[Path, typer.Option(help="CSV or CSV.gz, one row per question.")]
Out = Annotated[Path, typer.Option(help="CSV or CSV.gz to write: id, value, low, high, basis, ...")]
TrafficProfile = Annotated[
    str | None, typer.Option(help="Traffic instead of a trace: azure-conv, servegen-chat, ...")
]
MeanRate = Annotated[
    float | None,
    typer.Option(help="Mean requests/s; default: the trace's rate, or 80 % of capacity."),
]
RequestCount = Annotated[
    int | None,
    typer.Option(
        help="Number of requests; repeats or cuts the trace. Default for a profile: 10,000; "
        "for a plan 20,000, and more while the answer is in doubt."
    ),
]
AdapterCount = Annotated[
    int | None, typer.Option("--adapters", help="LoRA adapters served on the model; default none.")
]
AdapterRank = Annotated[int | None, typer.Option(help="Rank of --adapters; default 16.")]
Timeout = Annotated[
    float | None, typer.Option(help="Drop a request with no first token after this many seconds.")
]
Batching = Annotated[
    str, typer.Option(help="continuous, or static (each batch ends before the next starts).")
]
MaxReplicas = Annotated[
    int | None, typer.Option(help="Autoscale between --replicas and this many.")
]
ScaleTarget = Annotated[
    float | None,
    typer.Option(help="Target requests in flight per replica; default 80 % of its batch."),
]
ColdStart = Annotated[
    float | None,
    typer.Option(help="Seconds to start a replica when scaling; default by size of the weights."),
]
PrefillReplicas = Annotated[
    int, typer.Option(help="How many of --replicas run prefill only; the others run decode only.")
]
KvLink = Annotated[
    float | None, typer.Option(help="Link between prefill and decode replicas [GB/s]; default 25.")
]
TrainTokens = Annotated[
    str | None,
    typer.Option(help="Training: tokens, e.g. 500M; default 1T, or 100M for fine-tuning."),
]
TrainMethod = Annotated[str, typer.Option(help="Training: pretrain, full, dpo, lora or qlora.")]
TrainSeqLen = Annotated[
    int | None, typer.Option(help="Training: tokens per sequence; default by method.")
]
TrainBatch = Annotated[
    int | None, typer.Option(help="Training: global batch, in sequences per step.")
]
TrainStack = Annotated[
    str | None, typer.Option(help="Training: software stack, e.g. megatron; default by method.")
]
TrainCounts = Annotated[
    str | None, typer.Option(help="Training: GPU counts, e.g. 8,16,64; default 1 to 512.")
]
FinishWithin = Annotated[
    str | None, typer.Option(help="Training: deadline for the P90 finish, e.g. 30d.")
]
TrainOptimizer = Annotated[
    str,
    typer.Option(
        "--optimizer",
        help="Training: adamw, adamw_bf16, adamw_8bit, adafactor, lion, sgd, ...; default the "
        "stack's own.",
    ),
]
TrainOffload = Annotated[
    str,
    typer.Option(
        "--offload", help="Training: kept in host memory: optimizer, or all with the weights."
    ),
]
TrainBase = Annotated[
    str,
    typer.Option("--base-precision", help="Training: frozen base as bf16, int8, nf4, nf4_single."),
]
CalendarUsd = Annotated[
    float, typer.Option(help="Training: cost of a day of waiting to the team [USD].")
]
Trace = Annotated[
    Path | None, typer.Option(help="Requests as CSV, JSONL or Parquet, in order of arrival.")
]
TraceUnit = Annotated[
    str, typer.Option(help="Unit of the trace's times, s or ms; default: by what is plausible.")
]
TraceMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map", help="Column of the trace, e.g. arrival=created, input=usage.prompt_tokens."
    ),
]
Promises = Annotated[
    str | None, typer.Option(help="Latency limits, e.g. ttft_p95=800ms,tpot_p95=50ms.")
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        help="Stop searching after this many seconds, wherever the search is; "
        "the answer then depends on the machine. Default: no limit."
    ),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(help="Run what this plan runs: a plan.json or its folder; needs --workload."),
]
PlanWorkload = Annotated[str | None, typer.Option(help="With --plan: the workload.")]
PlanHour = Annotated[
    int | None,
    typer.Option(
        help="With --plan: hour of the week, 0 (Monday 00:00) to 167; default the busiest of every "
        "block of hours."
    ),
]
PlanYear = Annotated[
    int | None, typer.Option(help="With --plan: year of the horizon, from 1; default all.")
]
PlanConfidence = Annotated[
    float | None,
    typer.Option(
        help="With --plan: probability, 0.5 to 0.99, that GPUs are at least as fast as they are "
        "run; default the workload's own."
    ),
]
