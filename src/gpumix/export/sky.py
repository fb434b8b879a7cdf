"""`sky`: a SkyPilot service (text) or task (training) a launch that is rented.

SkyPilot rents whole instances: a replica of a service is an instance, on which the engine runs as
many copies as it holds. Source: SkyPilot 0.14.1, `sky.utils.schemas` and its YAML reference.
"""

from __future__ import annotations

import math
from typing import Any, Final

from gpumix.domain.engine_words import PORTS, TRTLLM, copies, trtllm_config
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Tier
from gpumix.export.engine import (
    CHECKPOINT,
    CHECKPOINT_OR_STOP,
    checkpoint_needed,
    edits_of,
    refusal,
    settings_of,
    shell_command,
)
from gpumix.export.facts import LATER, head, unsaid
from gpumix.export.made import Answer, Around, Made, launch_file
from gpumix.export.rented import command_here, region_of
from gpumix.export.scripts import engine_file_lines
from gpumix.export.tables import gpu_names, image, provider_names, sky_accelerator
from gpumix.export.text import comments, origin_lines, to_yaml
from gpumix.units import SECONDS_PER_HOUR

TARGET: Final = "sky"
_SURVIVING = 2
_START_S = 1800
"""Time in which a new replica loads its weights before SkyPilot calls it failed: assumed."""


def write(launch: Launch, around: Around) -> Answer:
    """A launch's file, or why there is none."""
    reason = ("" if launch.is_job else refusal(launch)) or _own_refusal(launch)
    if reason:
        return NotWritten(TARGET, launch.name, reason)
    path = f"{TARGET}/{launch.name}.yaml"
    return _task(path, launch, around) if launch.is_job else _service(path, launch, around)


def _own_refusal(launch: Launch) -> str:
    names = provider_names(launch.provider)
    if not launch.is_rented:
        return f"runs on machines of the team's own ({launch.provider} {launch.region})"
    if not names.sky:
        return f"SkyPilot 0.14.1 rents nothing at {launch.provider}"
    if not sky_accelerator(launch.gpu, launch.provider):
        return f"SkyPilot's name of {launch.gpu} is not known"
    if launch.slice:
        return f"SkyPilot rents whole GPUs, the plan runs it on {launch.slice} of one"
    if launch.is_job and not launch.line_gpus:
        return LATER
    if not launch.is_job and not image(launch.engine, "engine", gpu_names(launch.gpu).vendor):
        return f"no image of {launch.engine} for {launch.gpu} is known"
    return ""


def _resources(launch: Launch, gpus: int) -> dict[str, Any]:
    names, region = provider_names(launch.provider), region_of(launch)
    found: dict[str, Any] = {
        "infra": f"{names.sky}/{region}" if region else names.sky,
        "accelerators": f"{sky_accelerator(launch.gpu, launch.provider)}:{gpus}",
    }
    if names.own_instance_names and launch.instance:
        found["instance_type"] = launch.instance
    if launch.is_spot:
        found["use_spot"] = True
    return found


def _place(launch: Launch) -> list[str]:
    if region_of(launch):
        return []
    return ["the region: the plan's price holds for no one region, SkyPilot takes the cheapest"]


def _committed(launch: Launch) -> list[str]:
    if launch.purchase in (Purchase.ON_DEMAND, Purchase.SPOT):
        return []
    return ["the commitment: name the reservation in SkyPilot's own config, or it costs twice"]


def _service(path: str, launch: Launch, around: Around) -> Made:
    copies_here = launch.gpus_per_instance // launch.gpus
    can_copy = launch.engine != TRTLLM
    held = copies_here if can_copy else 1
    replicas = around.counts[launch.name]
    most = math.ceil((replicas if launch.waits else launch.first_year_replicas) / held)
    least = math.ceil(launch.least_replicas / held)
    if launch.tier is Tier.PREMIUM:  # what survives the loss of an instance is on two of them
        least = max(least, min(launch.least_replicas, _SURVIVING))
        most = max(least, most)
    cannot = [*unsaid(launch, one_number=launch.waits), *_place(launch), *_committed(launch)]
    if copies_here > 1:
        cannot.append(
            f"SkyPilot starts instances of {launch.gpus_per_instance} GPUs,"
            f" {most} at the most here; launches that the plan packs on one instance"
            " do not share it"
        )
    if copies_here > held:
        cannot.append(f"TensorRT-LLM fills {launch.gpus} of its {launch.gpus_per_instance} GPUs")
    port = PORTS[launch.engine]
    policy: dict[str, Any] = {"min_replicas": most if launch.waits else least}
    if most > policy["min_replicas"]:
        policy["max_replicas"] = most
        rate = launch.units_per_hour * held / SECONDS_PER_HOUR
        policy["target_qps_per_replica"] = float(f"{rate:.3g}")
    kind = gpu_names(launch.gpu).vendor
    document = {
        "name": launch.name,
        "resources": {
            **_resources(launch, launch.gpus_per_instance),
            "image_id": f"docker:{image(launch.engine, 'engine', kind)}",
            "ports": port,
        },
        "secrets": {"HF_TOKEN": ""},
        **({"envs": {CHECKPOINT: ""}} if checkpoint_needed(launch) else {}),
        "service": {
            "readiness_probe": {"path": "/health", "initial_delay_seconds": _START_S},
            "replica_policy": policy,
        },
        "run": _run(launch, copies(launch.engine, held) if can_copy else [], port),
    }
    told = [
        *origin_lines(around.origin),
        *head(launch, replicas, cannot),
        f"sky serve up {path.rpartition('/')[2]} --secret HF_TOKEN"
        + (f" --env {CHECKPOINT}=..." if checkpoint_needed(launch) else ""),
        *(f"Fill in {one}." for one in edits_of(launch)),
    ]
    file = launch_file(TARGET, path, launch, replicas, edits_of(launch), cannot)
    return Made(path, comments(told) + to_yaml(document), file)


def _run(launch: Launch, more: list[str], port: int) -> str:
    lines = []
    if checkpoint_needed(launch):
        lines.append(f': "{CHECKPOINT_OR_STOP}"')
    config = trtllm_config(settings_of(launch)) if launch.engine == TRTLLM else {}
    lines += engine_file_lines(config)
    if config:
        more = [*more, "--extra_llm_api_options", '"$ENGINE_FILE"']
    lines.append(shell_command(launch, [*more, "--host", "0.0.0.0", "--port", str(port)]))
    return "\n".join(lines) + "\n"


def _task(path: str, launch: Launch, around: Around) -> Made:
    on_node = min(launch.gpus, launch.gpus_per_instance)
    nodes = math.ceil(launch.gpus / on_node)
    cannot = [*unsaid(launch), *_place(launch), *_committed(launch)]
    if launch.gpus_per_instance > launch.gpus:
        cannot.append(
            f"SkyPilot rents the whole instance of {launch.gpus_per_instance} GPUs, the run has"
            f" {launch.gpus} of them"
        )
    document = {
        "name": launch.name,
        "resources": _resources(launch, launch.gpus_per_instance),
        "num_nodes": nodes,
        "secrets": {"HF_TOKEN": ""},
        "run": command_here(launch.gpus, nodes, path),
    }
    told = [
        *origin_lines(around.origin),
        *head(launch, 1, cannot),
        f"sky jobs launch {path.rpartition('/')[2]} --secret HF_TOKEN",
        "A managed job is started again where spot is interrupted: let the command resume from its"
        " last checkpoint.",
    ]
    edit = ["the training command under run"]
    file = launch_file(TARGET, path, launch, 1, edit, cannot)
    return Made(path, comments(told) + to_yaml(document), file)
