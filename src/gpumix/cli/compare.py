"""`gpumix compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import (
    AdapterCount,
    AdapterRank,
    CalendarUsd,
    CompareFormat,
    FinishWithin,
    JsonFormat,
    Measured,
    ModelConfig,
    Promises,
    TableFormat,
    TrainBase,
    TrainBatch,
    TrainCounts,
    TrainMethod,
    TrainOffload,
    TrainOptimizer,
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
    optimizer: TrainOptimizer = "",
    offload: TrainOffload = "",
    base_precision: TrainBase = "",
    finish_within: FinishWithin = None,
    calendar_usd_per_day: CalendarUsd = 0.0,
    resolution: Annotated[
        str | None, typer.Option(help="Of an image or video, such as 1024x1024.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Denoising steps of a sample.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Frames of a video.")
    ] = None,
    providers: Annotated[
        str | None,
        typer.Option(
            help="Only prices of these providers, comma-separated.", autocompletion=names.providers
        ),
    ] = None,
    purchase: Annotated[
        str | None,
        typer.Option(
            help="Only prices paid so, comma-separated: on_demand, spot, reserved; default "
            "on_demand, for training spot too."
        ),
    ] = None,
    users: Annotated[
        float | None, typer.Option(help="People at work at once: what carries them, at what price.")
    ] = None,
    concurrency: Annotated[
        float | None, typer.Option(help="Requests in flight at once, in place of --users.")
    ] = None,
    context: Annotated[
        float | None, typer.Option(help="Tokens of the longest request that must fit.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="batch: speed at 1, 8, 32, 128 and the most that fit.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Consumer and legacy GPUs too, and every table.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Every GPU and every table on the terminal.")
    ] = False,
    measured: Measured = None,
    model_config: ModelConfig = None,
    format: CompareFormat = TableFormat.TERMINAL,
    as_json: JsonFormat = False,
) -> None:
    """Compare GPUs for one workload: fits, speed, $/M tokens or $/run, who wins when.

    Without --gpus: the data-centre GPUs on sale; the terminal shows H100, A100, L40S and the five
    cheapest, --details all of them.

    Example: gpumix compare meta-llama/Llama-3.1-8B-Instruct --gpus h100-sxm-80gb,l40s-48gb

    Example: gpumix compare Qwen/Qwen3-32B --users 500 --context 32768 --purchase reserved

    Example: gpumix compare Qwen/Qwen3-8B --sweep batch --gpus h100-sxm-80gb,l40s-48gb

    Example: gpumix compare team.yaml chat

    Example: gpumix compare black-forest-labs/FLUX.1-dev --resolution 1024x1024 --steps 28

    Example: gpumix compare Qwen/Qwen2.5-32B-Instruct --train --tokens 600B --counts 8,64
    """
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.report import export, markdown
    from gpumix.report.comparison_csv import answer_csv
    from gpumix.verbs.compare import LoadWords, MarketWords, PictureWords, compare_names
    from gpumix.verbs.training_words import TrainWords
    from gpumix.verbs.words import adapters_of, configs_of

    words = TrainWords(
        method, tokens, seq_len, global_batch, stack, finish_within, calendar_usd_per_day, counts,
        optimizer, offload, base_precision,
    )  # fmt: skip

    found = compare_names(
        what, workload, gpus=gpus, input_tokens=input, output_tokens=output, slo=slo,
        precision=precision, engine=engine, measured=measured, train=train,
        run=words, adapters=adapters_of(adapters, adapter_rank),
        configs=configs_of(model_config, what),
        picture=PictureWords(resolution, steps, frames),
        market=MarketWords(providers, purchase, everything),
        load=LoadWords(users, concurrency, context, sweep),
    )  # fmt: skip
    if as_json or format is TableFormat.JSON:
        typer.echo(export.to_json(export.answer_to_dict(found)))
    elif format is TableFormat.MD:
        typer.echo(markdown.answer_markdown(found), nl=False)
    elif format is TableFormat.CSV:
        typer.echo(answer_csv(found), nl=False)
    else:
        _show_answer(found, everything or details)
    if isinstance(found, TrainingComparison) and found.ways_out:
        ways = [WayOut(says=way) for way in found.ways_out]
        raise Infeasible("no GPU type and count can finish this run", [Stated(("--train",))], ways)


def _show_answer(found: Comparison | TrainingComparison, whole: bool) -> None:
    from gpumix.domain.training_comparison import TrainingComparison
    from gpumix.report.terminal import show_comparison, show_training

    if isinstance(found, TrainingComparison):
        show_training(found, console())
    else:
        show_comparison(found, console(), whole=whole)
