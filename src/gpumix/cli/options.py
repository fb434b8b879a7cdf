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


AnswerFormat = Annotated[
    Format,
    typer.Option("--format", help="How to print: on the terminal, as Markdown, or as JSON."),
]
JsonFormat = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else on stdout: --format json.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
GpuSheet = Annotated[
    Path | None,
    typer.Option("--gpus", help="CSV that adds or replaces GPUs (columns of gpus.csv)."),
]
ModelSheet = Annotated[
    Path | None, typer.Option("--models", help="CSV that adds or replaces models.")
]
Measured = Annotated[
    Path | None,
    typer.Option(
        "--measured",
        help="Folder of your own measurements; default .gpumix beside the inventory or here.",
    ),
]
Nearest = Annotated[
    bool,
    typer.Option(
        "--nearest", help="Add columns nearest_...: the nearest measurement, the error there."
    ),
]
Points = Annotated[Path, typer.Option(help="CSV or CSV.gz, one row a question.")]
Out = Annotated[Path, typer.Option(help="CSV or CSV.gz to write: id, value, low, high, basis, ...")]
TrafficProfile = Annotated[
    str | None, typer.Option(help="Traffic instead of a trace: azure-conv, servegen-chat, ...")
]
MeanRate = Annotated[
    float | None,
    typer.Option(help="Mean requests/s; default a trace's own, or 80 % of what is sustained."),
]
RequestCount = Annotated[
    int | None, typer.Option(help="Cut or repeat a trace to so many; of a profile 10,000.")
]
Timeout = Annotated[
    float | None, typer.Option(help="Without first token after this, a request gives up [s].")
]
Batching = Annotated[
    str, typer.Option(help="continuous, or static: a batch runs to its end before the next.")
]
MaxReplicas = Annotated[
    int | None, typer.Option(help="Scale with the load, from --replicas up to so many.")
]
ScaleTarget = Annotated[
    float | None,
    typer.Option(help="Scaling aims at so many requests a replica; default 80 % of its batch."),
]
ColdStart = Annotated[
    float | None,
    typer.Option(help="Start of a replica when scaling [s]; default by size of the weights."),
]
PrefillReplicas = Annotated[
    int, typer.Option(help="So many of --replicas only prefill, the others only decode.")
]
KvLink = Annotated[
    float | None, typer.Option(help="Link from prefill to decode replicas [GB/s]; default 25.")
]
TrainTokens = Annotated[
    str | None, typer.Option(help="Training: tokens, e.g. 500M; default 1T, 100M to tune.")
]
TrainMethod = Annotated[str, typer.Option(help="Training: pretrain, full, dpo, lora or qlora.")]
TrainSeqLen = Annotated[
    int | None, typer.Option(help="Training: tokens of a sequence; default by method.")
]
TrainBatch = Annotated[
    int | None, typer.Option(help="Training: sequences of a step over all GPUs.")
]
TrainStack = Annotated[
    str | None, typer.Option(help="Training: software, e.g. megatron; default by method.")
]
TrainCounts = Annotated[
    str | None, typer.Option(help="Training: GPU counts, e.g. 8,16,64; default 1 to 512.")
]
FinishWithin = Annotated[
    str | None, typer.Option(help="Training: limit on the P90 finish, e.g. 30d.")
]
CalendarUsd = Annotated[
    float, typer.Option(help="Training: what a day of waiting costs the team [USD].")
]
Trace = Annotated[
    Path | None, typer.Option(help="Requests as CSV, JSONL or Parquet, in order of arrival.")
]
Promises = Annotated[str | None, typer.Option(help="Promises, e.g. ttft_p95=800ms,tpot_p95=50ms.")]
