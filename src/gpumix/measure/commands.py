"""Command lines of the engines' own benchmarks: how a deployment is started, measured, told of.

Options as of vLLM 0.11 (`vllm serve`, `vllm bench serve`), SGLang 0.5 (`sglang.launch_server`,
`sglang.bench_serving`) and TensorRT-LLM 1.0 (`trtllm-serve`, `benchmark_serving`), read in their
documentation in November 2026. All prompts and answers have one length, nothing is cached.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CHECKPOINT: Final = '"$CHECKPOINT"'
"""Where the script's user names a checkpoint that has been quantised already."""

RESULTS: Final = "$RESULTS"
"""Folder that the script keeps the results in."""

_SLACK_TOKENS = 64
"""Room beyond prompt and answer: prompts are drawn as text, whose tokens are counted again."""

_AS_LOADED = {"bf16": "bfloat16", "fp16": "float16"}
_ON_THE_FLY = ("fp8",)
"""Precisions that vLLM and SGLang make of 16-bit weights while they load."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs: `sequences` at a time at the most."""

    model: str
    tp: int
    precision: str
    kv_precision: str
    sequences: int
    input_tokens: int
    output_tokens: int

    @property
    def longest(self) -> int:
        """Tokens of a request, with some room."""
        return self.input_tokens + self.output_tokens + _SLACK_TOKENS


@dataclass(frozen=True, slots=True)
class Commands:
    """An engine's commands; `run` is of a concurrency, a number of requests and a file's name."""

    server: Callable[[Deployment], str]
    run: Callable[[Deployment, int, int, str], str]
    port: int


def needs_checkpoint(engine: str, precision: str) -> bool:
    """Whether an engine takes a precision only from a checkpoint that has it."""
    loads = precision in _AS_LOADED or (precision in _ON_THE_FLY and engine != "tensorrt-llm")
    return not loads


def _weights(engine: str, one: Deployment) -> str:
    return CHECKPOINT if needs_checkpoint(engine, one.precision) else shlex.quote(one.model)


def _precision(one: Deployment) -> list[str]:
    if one.precision in _AS_LOADED:
        return [f"--dtype {_AS_LOADED[one.precision]}"]
    return [f"--quantization {one.precision}"] if one.precision in _ON_THE_FLY else []


def _vllm_server(one: Deployment) -> str:
    kv = [f"--kv-cache-dtype {one.kv_precision}"] if one.kv_precision == "fp8" else []
    return " ".join(
        [
            f"vllm serve {_weights('vllm', one)}",
            f"--served-model-name {shlex.quote(one.model)}",
            f"--tensor-parallel-size {one.tp}",
            f"--max-num-seqs {one.sequences}",
            f"--max-model-len {one.longest}",
            *_precision(one),
            *kv,
            "--no-enable-prefix-caching --port 8000",
        ]
    )


def _vllm_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            f"vllm bench serve --backend vllm --port 8000 --model {shlex.quote(one.model)}",
            f"--tokenizer {_weights('vllm', one)}",
            *_of_vllm_kind(one, concurrency, requests, file),
        ]
    )


def _of_vllm_kind(one: Deployment, concurrency: int, requests: int, file: str) -> list[str]:
    """Options of vLLM's benchmark, and of TensorRT-LLM's, which comes of it."""
    return [
        f"--dataset-name random --random-input-len {one.input_tokens}",
        f"--random-output-len {one.output_tokens} --ignore-eos",
        f"--max-concurrency {concurrency} --num-prompts {requests}",
        "--percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,95,99",
        f'--save-result --result-dir "{RESULTS}" --result-filename {file}.json',
    ]


def _sglang_server(one: Deployment) -> str:
    kv = ["--kv-cache-dtype fp8_e4m3"] if one.kv_precision == "fp8" else []
    return " ".join(
        [
            f"python -m sglang.launch_server --model-path {_weights('sglang', one)}",
            f"--served-model-name {shlex.quote(one.model)}",
            f"--tp {one.tp}",
            f"--max-running-requests {one.sequences}",
            f"--context-length {one.longest}",
            *_precision(one),
            *kv,
            "--disable-radix-cache --port 30000",
        ]
    )


def _sglang_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            "python -m sglang.bench_serving --backend sglang --port 30000",
            f"--model {shlex.quote(one.model)}",
            f"--tokenizer {_weights('sglang', one)}",
            f"--dataset-name random --random-input-len {one.input_tokens}",
            f"--random-output-len {one.output_tokens} --random-range-ratio 1",
            f"--max-concurrency {concurrency} --num-prompts {requests}",
            f'--output-file "{RESULTS}/{file}.jsonl"',
        ]
    )


def _trtllm_server(one: Deployment) -> str:
    return " ".join(
        [
            f"trtllm-serve {_weights('tensorrt-llm', one)}",
            f"--tp_size {one.tp}",
            f"--max_batch_size {one.sequences}",
            f"--max_seq_len {one.longest}",
            "--port 8000",
        ]
    )


def _trtllm_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            "python -m tensorrt_llm.serve.scripts.benchmark_serving --backend openai --port 8000",
            f"--model {_weights('tensorrt-llm', one)} --random-prefix-len 0",
            *_of_vllm_kind(one, concurrency, requests, file),
        ]
    )


COMMANDS: Final = {
    "vllm": Commands(_vllm_server, _vllm_run, 8000),
    "sglang": Commands(_sglang_server, _sglang_run, 30000),
    "tensorrt-llm": Commands(_trtllm_server, _trtllm_run, 8000),
}
"""By engine, as inventories name it."""


def calibrate_command(engine: str, gpu: str, one: Deployment, folder: str) -> str:
    """How gpumix is told of the results in a folder."""
    kv = f" --kv-precision {one.kv_precision}" if one.kv_precision else ""
    return (
        f"gpumix calibrate {folder}/* --gpu {gpu} --model {shlex.quote(one.model)} --tp {one.tp}"
        f" --precision {one.precision}{kv} --engine {engine}"
    )
