"""A launch in the words of its own engine, and why some have none."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from gpumix.domain.engine_words import (
    SERVE,
    EngineSettings,
    knows_cache,
    needs_checkpoint,
    options,
)
from gpumix.domain.launch import Launch
from gpumix.domain.workload import Kind
from gpumix.export.counts import TIME_SHARES
from gpumix.export.facts import LATER
from gpumix.export.text import is_hub_name

TARGETS: Final = {"vllm": "vllm", "sglang": "sglang", "tensorrt-llm": "trtllm"}
"""Engine, as inventories name it -> the target that is its own command line."""
CHECKPOINT: Final = "CHECKPOINT"
"""Variable that names the weights where a plan cannot."""
CHECKPOINT_OR_STOP: Final = f"${{{CHECKPOINT}:?name the weights, see the head of this file}}"
_POOLED_SHARE = 0.9
"""Part of the GPU that an engine fills where the plan has no figure. Assumed: vLLM's default before
0.22 (data/memory_terms.csv)."""
_MODELS_OWN = ("bf16", "fp16")
"""Precisions of a cache that is as the model computes."""
_INDENT = " \\\n    "


def refusal(launch: Launch) -> str:
    """Why no engine serves a launch; '' where one does."""
    if not launch.is_job and not launch.first_year_replicas:
        return LATER
    if launch.is_job:
        return "trains: the team's own command does, no serving engine"
    if launch.kind is Kind.MEDIA:
        return (
            f"makes pictures or video with {launch.model}: the team's own server does, on"
            f" {launch.first_year_replicas} x {launch.gpus} {launch.gpu}"
        )
    if launch.kind is Kind.CUSTOM:
        return (
            f"is the team's own program, on {launch.first_year_replicas} x"
            f" {launch.gpus} {launch.gpu}"
        )
    if launch.engine not in SERVE:
        return f"planned on {launch.engine}, whose command line gpumix does not know"
    if launch.gpus > launch.gpus_per_instance:
        return f"a replica of {launch.gpus} GPUs spans instances of {launch.gpus_per_instance}"
    return ""


def settings_of(launch: Launch) -> EngineSettings:
    """What the engine is asked for: what the plan was predicted with."""
    flags, part = launch.flags, TIME_SHARES.get(launch.slice)
    share = None if flags is None else flags.memory_share
    if part is not None:  # the engine sees the whole GPU, of which it has a part
        share = round((share or _POOLED_SHARE) * part, 3)
    return EngineSettings(
        model=served_name(launch),
        tp=launch.tp,
        precision=launch.precision,
        kv_precision=launch.kv_precision,
        as_published=launch.as_published,
        max_num_seqs=None if flags is None else flags.max_num_seqs,
        max_model_len=None if flags is None else flags.max_model_len,
        chunk_tokens=None if flags is None else flags.chunk_tokens,
        memory_share=share,
        prefix_caching=None if flags is None else flags.prefix_caching,
        adapters=launch.adapters,
        pools=launch.kind is Kind.EMBEDDING,
    )


def served_name(launch: Launch) -> str:
    """What clients call the model: its name where that is one of the hub, else the launch's, so
    that no name is an option or a shell's word."""
    return launch.model if is_hub_name(launch.model) else launch.name


def checkpoint_needed(launch: Launch) -> str:
    """What must be named because the plan names no weights to load; '' where it does."""
    if launch.is_own_model or not is_hub_name(launch.model):
        return f"where the weights of {launch.model} lie"
    if launch.as_published or not needs_checkpoint(launch.engine, launch.precision):
        return ""
    return f"a checkpoint of {launch.model} in {launch.precision}"


def edits_of(launch: Launch) -> list[str]:
    """What must be filled in before an engine starts as planned."""
    needed, found = checkpoint_needed(launch), []
    if needed:
        found.append(f"{CHECKPOINT}: {needed}")
    kv = launch.kv_precision
    if kv and kv not in _MODELS_OWN and not knows_cache(launch.engine, kv):
        found.append(f"the cache: planned in {kv}, which {launch.engine} has no option for")
    if launch.adapters is not None:
        found.append(
            f"the {launch.adapters.count} adapters (rank {launch.adapters.rank}): the plan knows"
            " how many, not which"
        )
    return found


def shell_command(launch: Launch, more: Sequence[str]) -> str:
    """The command line for a POSIX shell, an option a line; `more` are words that are quoted
    already. `$CHECKPOINT` stands for weights that the plan cannot name."""
    quoted = f'"${CHECKPOINT}"' if checkpoint_needed(launch) else shlex.quote(launch.model)
    start = " ".join([*SERVE[launch.engine], quoted])
    asked = [shlex.quote(word) for word in options(launch.engine, settings_of(launch))]
    return _INDENT.join([start, *_by_option([*asked, *more])])


def _by_option(quoted: Sequence[str]) -> list[str]:
    """Words with the values of an option beside it."""
    lines: list[list[str]] = []
    for word in quoted:
        if word.startswith("--") or not lines:
            lines.append([])
        lines[-1].append(word)
    return [" ".join(line) for line in lines]
