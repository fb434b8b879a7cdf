"""`gpumix fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import (
    AdapterCount,
    AdapterRank,
    JsonFlag,
    Measured,
    ModelConfig,
    TrainBase,
    TrainOffload,
    TrainOptimizer,
)

if TYPE_CHECKING:
    from gpumix.domain.fit import Fit, TrainingFit


def fit(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model id.", autocompletion=names.models)
    ],
    gpus: Annotated[
        str | None,
        typer.Option(
            help="GPU ids, comma-separated; default H100, A100, L40S and other data-centre parts.",
            autocompletion=names.gpus,
        ),
    ] = None,
    context: Annotated[
        int | None, typer.Option(help="Tokens of a request in all; default the model's context.")
    ] = None,
    users: Annotated[int, typer.Option(help="Requests of that size at once.")] = 1,
    tp: Annotated[
        int | None, typer.Option(help="GPUs of a replica; default the fewest that hold it.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Weight precision: fp8, int4, q4_k_m, ...; default as published."),
    ] = None,
    kv_precision: Annotated[
        str, typer.Option(help="KV cache precision, e.g. fp8; default the engine's.")
    ] = "",
    engine: Annotated[str, typer.Option(help="Serving engine.")] = "vllm",
    engine_version: Annotated[str, typer.Option(help="Its version; default the newest.")] = "",
    gpu_memory_utilization: Annotated[
        float | None,
        typer.Option(help="Share of the GPU the engine may fill (SGLang: mem_fraction_static)."),
    ] = None,
    max_num_seqs: Annotated[int | None, typer.Option(help="Most sequences at once.")] = None,
    max_num_batched_tokens: Annotated[
        int | None, typer.Option(help="Most tokens of one step.")
    ] = None,
    no_cuda_graphs: Annotated[
        bool, typer.Option("--no-cuda-graphs", help="Without CUDA graphs (enforce_eager).")
    ] = False,
    adapters: AdapterCount = None,
    adapter_rank: AdapterRank = None,
    train: Annotated[bool, typer.Option("--train", help="Fit a training job instead.")] = False,
    method: Annotated[
        str, typer.Option(help="Training: pretrain, full, dpo, lora or qlora.")
    ] = "full",
    seq_len: Annotated[int | None, typer.Option(help="Training: tokens per sequence.")] = None,
    micro_batch: Annotated[int, typer.Option(help="Training: sequences per GPU and step.")] = 1,
    n_gpus: Annotated[
        int | None, typer.Option(help="Training: GPUs; default the fewest that hold it.")
    ] = None,
    stack: Annotated[
        str | None, typer.Option(help="Training: software stack; default hf-peft.")
    ] = None,
    optimizer: TrainOptimizer = "",
    offload: TrainOffload = "",
    base_precision: TrainBase = "",
    loss: Annotated[
        str, typer.Option(help="Training: fused or linear cross-entropy; default plain.")
    ] = "",
    activation_ckpt: Annotated[
        str, typer.Option(help="Training: checkpointing none, selective or full.")
    ] = "full",
    lora_rank: Annotated[int, typer.Option(help="Training: rank of the adapter.")] = 16,
    base_prepared: Annotated[
        str, typer.Option(help="Training: kbit after prepare_model_for_kbit_training.")
    ] = "",
    stack_version: Annotated[
        str, typer.Option(help="Training: release of transformers, e.g. 4.48.1.")
    ] = "",
    gradient_precision: Annotated[
        str, typer.Option(help="Training: gradients in bf16, fp16 or fp32.")
    ] = "",
    model_config: ModelConfig = None,
    measured: Measured = None,
    as_json: JsonFlag = False,
) -> None:
    """Show whether a model fits: weights, workspace, cache tokens, longest request, users.

    Each GPU fits, is tight (with what usually gives), or does not fit (with what would help).

    Example: gpumix fit openai/gpt-oss-120b --gpus h100 --context 131072

    Example: gpumix fit meta-llama/Llama-3.1-8B-Instruct --users 50 --context 8192 --adapters 20

    Example: gpumix fit meta-llama/Llama-2-70b-hf --train --method qlora --seq-len 4096
    """
    from gpumix.report import export
    from gpumix.report.terminal_fit import show_fit
    from gpumix.verbs.fit import (
        FitTrainWords,
        FitWords,
        fit_names,
        fit_training_names,
        refuse_strays,
    )
    from gpumix.verbs.words import adapters_of, configs_of

    configs = configs_of(model_config, model)
    serving = FitWords(
        context, users, tp, precision, kv_precision, engine, engine_version,
        gpu_memory_utilization, max_num_seqs, max_num_batched_tokens, not no_cuda_graphs,
        adapters_of(adapters, adapter_rank),
    )  # fmt: skip
    training = FitTrainWords(
        method, seq_len, micro_batch, n_gpus, stack, optimizer, offload, base_precision, loss,
        activation_ckpt, lora_rank, base_prepared, stack_version, gradient_precision,
    )  # fmt: skip
    found: Fit | TrainingFit
    if train:
        refuse_strays(serving, "says nothing of training (leave out it or --train)")
        found = fit_training_names(model, gpus, training, measured, configs)
    else:
        refuse_strays(training, "says nothing without --train")
        found = fit_names(model, gpus, serving, measured, configs)
    if as_json:
        typer.echo(export.to_json(export.answer_to_dict(found)))
    else:
        show_fit(found, console())
