"""`gpumix compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import (
    AdapterCount,
    AdapterRank,
    AnswerFormat,
    CalendarUsd,
    Context,
    FinishWithin,
    Format,
    JsonFormat,
    Measured,
    ModelConfig,
    Promises,
    TrainBatch,
    TrainCounts,
    TrainMethod,
    TrainSeqLen,
    TrainStack,
    TrainTokens,
)
from gpumix.errors import Infeasible, Stated, WayOut

if TYPE_CHECKING:
    from gpumix.domain.comparison import Comparison
    from gpumix.domain.training_comparison import TrainingComparison


def compare(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|INVENTORY",
            help="Model id, or an inventory file.",
            autocompletion=names.models,
        ),
    ],
    workload: Annotated[str | None, typer.Argument(help="Workload in the inventory.")] = None,
    gpus: Annotated[
        str | None,
        typer.Option(help="GPU ids, comma-separated; default all.", autocompletion=names.gpus),
    ] = None,
    input: Annotated[
        float | None, typer.Option(help="Input tokens per request; default 1024.")
    ] = None,
    output: Annotated[
        float | None, typer.Option(help="Output tokens per request; default 256.")
    ] = None,
    slo: Promises = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Weight precisions, comma-separated: bf16, fp8, awq, q4_k_m, ...; default that "
            "of the model's name, else as published."
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    adapters: AdapterCount = None,
    adapter_rank: AdapterRank = None,
    train: Annotated[
        bool, typer.Option("--train", help="Compare for training, not serving.")
    ] = False,
    tokens: TrainTokens = None,
    method: TrainMethod = "pretrain",
    seq_len: TrainSeqLen = None,
    global_batch: TrainBatch = None,
    stack: TrainStack = None,
    counts: TrainCounts = None,
    finish_within: FinishWithin = None,
    calendar_usd_per_day: CalendarUsd = 0.0,
    measured: Measured = None,
    model_config: ModelConfig = None,
    context: Context = None,
    format: AnswerFormat = Format.TERMINAL,
    as_json: JsonFormat = False,
) -> None:
    """Compare every GPU for one workload: fits, speed, $/M tokens or $/run, who wins when.

    Example: gpumix compare meta-llama/Llama-3.1-8B-Instruct --gpus h100-sxm-80gb,l40s-48gb

    Example: gpumix compare team.yaml chat

    Example: gpumix compare Qwen/Qwen2.5-32B-Instruct --train --tokens 600B --counts 8,64
    """
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.report import export, markdown
    from gpumix.verbs.compare import compare_names
    from gpumix.verbs.training_words import TrainWords
    from gpumix.verbs.words import adapters_of, configs_of

    words = TrainWords(
        method, tokens, seq_len, global_batch, stack, finish_within, calendar_usd_per_day, counts
    )

    found = compare_names(
        what, workload, gpus=gpus, input_tokens=input, output_tokens=output, slo=slo,
        precision=precision, engine=engine, measured=measured, train=train,
        run=words, adapters=adapters_of(adapters, adapter_rank),
        configs=configs_of(model_config, what), context=context,
    )  # fmt: skip
    if as_json or format is Format.JSON:
        typer.echo(export.to_json(export.answer_to_dict(found)))
    elif format is Format.MD:
        typer.echo(markdown.answer_markdown(found), nl=False)
    else:
        _show_answer(found)
    if isinstance(found, TrainingComparison) and found.ways_out:
        ways = [WayOut(says=way) for way in found.ways_out]
        raise Infeasible("no GPU type and count can finish this run", [Stated(("--train",))], ways)


def _show_answer(found: Comparison | TrainingComparison) -> None:
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.report.terminal import show_comparison, show_training

    if isinstance(found, TrainingComparison):
        show_training(found, console())
    else:
        show_comparison(found, console())
