"""`vllm`, `sglang`, `trtllm`: a shell script a launch that starts one replica where it is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpumix.domain.engine_words import PORTS, TRTLLM, trtllm_config
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.export.counts import TIME_SHARES
from gpumix.export.engine import (
    CHECKPOINT_OR_STOP,
    TARGETS,
    checkpoint_needed,
    edits_of,
    refusal,
    settings_of,
    shell_command,
)
from gpumix.export.facts import head, unsaid
from gpumix.export.made import Answer, Around, Made, Writer, each, launch_file
from gpumix.export.text import comments, origin_lines, to_yaml

_TOKEN = "A gated model is loaded with the Hugging Face token in HF_TOKEN of the environment."


def writer_for(target: str) -> Writer:
    """The writer of an engine's own target."""
    return each(lambda launch, around: _write(target, launch, around))


def engine_file_lines(config: dict[str, Any]) -> Iterator[str]:
    """Shell lines that leave what has no option in a file `$ENGINE_FILE`; none where there is
    nothing."""
    if config:
        yield "ENGINE_FILE=$(mktemp)"
        yield "cat > \"$ENGINE_FILE\" <<'END'"
        yield to_yaml(config).rstrip("\n")
        yield "END"


def _write(target: str, launch: Launch, around: Around) -> Answer:
    reason = refusal(launch)
    if not reason and TARGETS[launch.engine] != target:
        reason = f"planned on {launch.engine}"
    if reason:
        return NotWritten(target, launch.name, reason)
    path, cannot = f"{target}/{launch.name}.sh", unsaid(launch)
    replicas = around.counts[launch.name]
    told = [*origin_lines(around.origin), *head(launch, replicas, cannot)]
    told += ["", *_usage(launch, replicas), _TOKEN]
    text = "#!/bin/sh\n" + comments(told) + "\n".join([*_body(launch), ""])
    return Made(path, text, launch_file(target, path, launch, replicas, edits_of(launch), cannot))


def _usage(launch: Launch, replicas: int) -> Iterator[str]:
    if replicas:
        yield f"Run it once for each replica ({replicas}), each with a PORT of its own."
    if launch.slice in TIME_SHARES:
        yield (
            f"A replica has {launch.slice} of a GPU's time: several take turns on one, and the"
            " share of memory below is its part of the whole GPU's."
        )
    elif launch.slice:
        yield f"A replica has a MIG slice {launch.slice}: CUDA_VISIBLE_DEVICES=MIG-<its UUID>."
    else:
        first = ",".join(str(i) for i in range(launch.gpus))
        yield (
            f"A replica has {launch.gpus} GPU{'s' if launch.gpus > 1 else ''} of its own:"
            f" CUDA_VISIBLE_DEVICES={first} (HIP_VISIBLE_DEVICES on AMD)."
        )
    for edit in edits_of(launch):
        yield f"Fill in {edit}."


def _body(launch: Launch) -> Iterator[str]:
    yield "set -eu"
    if checkpoint_needed(launch):
        yield f': "{CHECKPOINT_OR_STOP}"'
    config = trtllm_config(settings_of(launch)) if launch.engine == TRTLLM else {}
    yield from engine_file_lines(config)
    more = ["--extra_llm_api_options", '"$ENGINE_FILE"'] if config else []
    more += ["--host", "0.0.0.0", "--port", f'"${{PORT:-{PORTS[launch.engine]}}}"']
    yield f"exec {shell_command(launch, more)}"
