"""Command lines of the engines' own benchmarks: how a deployment is started, measured, told of.

Options of the benchmarks as of vLLM 0.11 (`vllm bench serve`), SGLang 0.5 (`sglang.bench_serving`)
and TensorRT-LLM 1.0 (`benchmark_serving`), read in their documentation in November 2026; those of
the servers: `domain.engine_words`. All prompts and answers have one length, nothing is cached.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gpumix.domain.engine_words import (
    PORTS,
    SERVE,
    TRTLLM,
    EngineSettings,
    needs_checkpoint,
    options,
)

CHECKPOINT: Final = '"$CHECKPOINT"'
"""Where the script's user names a checkpoint that has been quantised already."""

RESULTS: Final = "$RESULTS"
"""Folder that the script keeps the results in."""

_SLACK_TOKENS = 64
"""Room beyond prompt and answer: prompts are drawn as text, whose tokens are counted again."""


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


def _weights(engine: str, one: Deployment) -> str:
    return CHECKPOINT if needs_checkpoint(engine, one.precision) else shlex.quote(one.model)


def _server(engine: str, one: Deployment) -> str:
    """The command that starts an engine without a cache of prefixes, at its default port."""
    asked = EngineSettings(
        model=one.model,
        tp=one.tp,
        precision=one.precision,
        kv_precision=one.kv_precision,
        max_num_seqs=one.sequences,
        max_model_len=one.longest,
        prefix_caching=False,
    )
    words = shlex.join(options(engine, asked))
    start = " ".join(SERVE[engine])
    return f"{start} {_weights(engine, one)} {words} --port {PORTS[engine]}"


def _vllm_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            f"vllm bench serve --backend vllm --port {PORTS['vllm']}",
            f"--model {shlex.quote(one.model)}",
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


def _sglang_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            f"python -m sglang.bench_serving --backend sglang --port {PORTS['sglang']}",
            f"--model {shlex.quote(one.model)}",
            f"--tokenizer {_weights('sglang', one)}",
            f"--dataset-name random --random-input-len {one.input_tokens}",
            f"--random-output-len {one.output_tokens} --random-range-ratio 1",
            f"--max-concurrency {concurrency} --num-prompts {requests}",
            f'--output-file "{RESULTS}/{file}.jsonl"',
        ]
    )


def _trtllm_run(one: Deployment, concurrency: int, requests: int, file: str) -> str:
    return " ".join(
        [
            "python -m tensorrt_llm.serve.scripts.benchmark_serving --backend openai"
            f" --port {PORTS[TRTLLM]}",
            f"--model {_weights(TRTLLM, one)} --random-prefix-len 0",
            *_of_vllm_kind(one, concurrency, requests, file),
        ]
    )


COMMANDS: Final = {
    engine: Commands(functools.partial(_server, engine), run, PORTS[engine])
    for engine, run in (("vllm", _vllm_run), ("sglang", _sglang_run), (TRTLLM, _trtllm_run))
}
"""By engine, as inventories name it."""


def calibrate_command(engine: str, gpu: str, one: Deployment, folder: str) -> str:
    """How gpumix is told of the results in a folder."""
    kv = f" --kv-precision {one.kv_precision}" if one.kv_precision else ""
    return (
        f"gpumix calibrate {folder}/* --gpu {gpu} --model {shlex.quote(one.model)} --tp {one.tp}"
        f" --precision {one.precision}{kv} --engine {engine}"
    )
