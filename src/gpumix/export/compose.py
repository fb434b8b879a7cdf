"""`compose`: one compose.yaml for machines with Docker, a profile a launch, and start.sh.

Compose gives a container GPUs by their numbers and starts as many as it is asked for; it knows one
machine. So each service is one replica, whose GPUs and port come from the environment, and start.sh
starts as many as a machine holds. Source: Compose specification, deploy.resources.devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gpumix.domain.engine_words import PORTS, SERVE, TRTLLM, options, trtllm_config
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.domain.workload import Tier
from gpumix.export.counts import TIME_SHARES, gpu_share
from gpumix.export.engine import (
    CHECKPOINT_OR_STOP,
    checkpoint_needed,
    edits_of,
    refusal,
    settings_of,
)
from gpumix.export.facts import head, unsaid
from gpumix.export.made import Answer, Around, Made, launch_file
from gpumix.export.tables import gpu_names, image
from gpumix.export.text import comments, origin_labels, origin_lines, to_yaml

TARGET: Final = "compose"
PATH: Final = "compose/compose.yaml"
START: Final = "compose/start.sh"
_ENGINE_FILE: Final = "/etc/gpumix/engine.yaml"
_ONE_MACHINE = "compose knows one machine: how many machines, and which, is up to you"
_SPREAD = "compose restarts a replica, but nothing replaces a lost machine"


def write(launches: Sequence[Launch], around: Around) -> list[Answer]:
    """compose.yaml and start.sh with all that can be started, and why the rest cannot."""
    able, found = [], list[Answer]()
    for launch in launches:
        reason = refusal(launch) or _own_refusal(launch)
        if reason:
            found.append(NotWritten(TARGET, launch.name, reason))
        else:
            able.append(launch)
    if not able:
        return found
    text = comments(_told(able, around)) + to_yaml(_project(able, around))
    for index, launch in enumerate(able):
        file = launch_file(
            TARGET, PATH, launch, around.counts[launch.name], edits_of(launch), _cannot(launch)
        )
        found.append(Made(PATH, text if index == 0 else "", file))
    return [*found, Made(START, _start(able, around))]


def _own_refusal(launch: Launch) -> str:
    if launch.slice and launch.slice not in TIME_SHARES:
        return f"a MIG slice ({launch.slice}) has a UUID of its own, which only its machine knows"
    if not image(launch.engine, "engine", gpu_names(launch.gpu).vendor):
        return f"no image of {launch.engine} for {launch.gpu} is known"
    return ""


def _cannot(launch: Launch) -> list[str]:
    spread = [_SPREAD] if launch.tier is Tier.PREMIUM else []
    return [*unsaid(launch), _ONE_MACHINE, *spread]


def slots(launch: Launch) -> int:
    """Replicas that one machine of a launch's line holds."""
    return math.floor(launch.gpus_per_instance / (launch.gpus * gpu_share(launch.slice)))


def _told(launches: Sequence[Launch], around: Around) -> Iterator[str]:
    yield from origin_lines(around.origin)
    yield "One service is one replica. On a machine: sh start.sh LAUNCH [REPLICAS [FIRST_GPU]]"
    yield "HF_TOKEN of the environment loads gated models."
    for launch in launches:
        replicas = around.counts[launch.name]
        yield ""
        yield from head(launch, replicas, _cannot(launch))
        machines = math.ceil(replicas / slots(launch))
        yield f"A machine holds {slots(launch)} of its replicas; here they take {machines}."
        yield from (f"Fill in {edit}." for edit in edits_of(launch))


def _project(launches: Sequence[Launch], around: Around) -> dict[str, Any]:
    configs = {
        launch.name: {"content": _literal(to_yaml(config))}
        for launch in launches
        if (config := _config(launch))
    }
    found: dict[str, Any] = {
        "services": {launch.name: _service(launch, around) for launch in launches}
    }
    return {
        **found,
        **({"configs": configs} if configs else {}),
        "volumes": {"huggingface": {"name": "huggingface"}},
    }


def _config(launch: Launch) -> dict[str, Any]:
    return trtllm_config(settings_of(launch)) if launch.engine == TRTLLM else {}


def _service(launch: Launch, around: Around) -> dict[str, Any]:
    vendor = gpu_names(launch.gpu).vendor
    weights = CHECKPOINT_OR_STOP if checkpoint_needed(launch) else _literal(launch.model)
    asked = options(launch.engine, settings_of(launch))
    command = [*SERVE[launch.engine], weights, *map(_literal, asked)]
    found: dict[str, Any] = {
        "profiles": [launch.name],
        "image": image(launch.engine, "engine", vendor),
        "labels": {name: _literal(text) for name, text in origin_labels(around.origin).items()},
        "restart": "unless-stopped",
        "ipc": "host",
        "environment": {"HF_TOKEN": "${HF_TOKEN:-}"},
        "volumes": ["huggingface:/root/.cache/huggingface"],
        "ports": [f"${{PORT:-8000}}:{PORTS[launch.engine]}"],
        "entrypoint": command[:1],
    }
    more = ["--extra_llm_api_options", _ENGINE_FILE] if _config(launch) else []
    if more:
        found["configs"] = [{"source": launch.name, "target": _ENGINE_FILE}]
    port = str(PORTS[launch.engine])
    found["command"] = [*command[1:], *more, "--host", "0.0.0.0", "--port", port]
    found |= _gpus(launch, vendor)
    return found


def _gpus(launch: Launch, vendor: str) -> dict[str, Any]:
    ids = [f"${{GPU_{index}:-{index}}}" for index in range(launch.gpus)]
    if vendor == "amd":
        return {
            "devices": ["/dev/kfd", "/dev/dri"],
            "group_add": ["video"],
            "environment": {"HF_TOKEN": "${HF_TOKEN:-}", "HIP_VISIBLE_DEVICES": ",".join(ids)},
        }
    device = {"driver": "nvidia", "device_ids": ids, "capabilities": ["gpu"]}
    return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}


def _literal(text: str) -> str:
    """A text in which Compose fills in nothing."""
    return text.replace("$", "$$")


_SCRIPT: Final = """set -eu
cd "$(dirname "$0")"
case "${{1:-}}" in
{cases}
*) echo "usage: sh start.sh LAUNCH [REPLICAS [FIRST_GPU]]; launches: {names}" >&2; exit 2 ;;
esac
replicas=${{2:-$slots}}
first=${{3:-0}}
i=0
while [ "$i" -lt "$replicas" ]; do
    gpu=$((first + i / turns * gpus))
    g=0
    while [ "$g" -lt "$gpus" ]; do
        export "GPU_$g=$((gpu + g))"
        g=$((g + 1))
    done
    export PORT=$((8000 + gpu * 8 + i % turns))
    docker compose -p "$1-$PORT" --profile "$1" up -d
    i=$((i + 1))
done
"""


def _start(launches: Sequence[Launch], around: Around) -> str:
    told = [
        *origin_lines(around.origin),
        "Starts the replicas of a launch that this machine holds, each on GPUs and at a port of its"
        " own (8000 and up). Launches that share a machine: give each its first GPU.",
    ]
    cases = "\n".join(
        f"{launch.name}) gpus={launch.gpus} turns={_turns(launch)}"
        f" slots={min(slots(launch), max(around.counts[launch.name], 1))} ;;"
        for launch in launches
    )
    names = " ".join(launch.name for launch in launches)
    return "#!/bin/sh\n" + comments(told) + _SCRIPT.format(cases=cases, names=names)


def _turns(launch: Launch) -> int:
    return round(1 / TIME_SHARES[launch.slice]) if launch.slice in TIME_SHARES else 1
