"""`dstack`: a fleet a line of the mix, and a service (text) or task (training) a launch on it.

Source: dstack 0.22.5, `dstack._internal.core.models`: fleets of clouds and of SSH hosts, blocks
that split an instance, services with a range of replicas, tasks of several nodes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gpumix.domain.engine_words import PORTS, TRTLLM, trtllm_config
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Kind
from gpumix.export.engine import (
    CHECKPOINT,
    checkpoint_needed,
    edits_of,
    refusal,
    served_name,
    settings_of,
    shell_command,
)
from gpumix.export.facts import LATER, head, unsaid
from gpumix.export.made import Answer, Around, Made, launch_file
from gpumix.export.rented import command_here, region_of
from gpumix.export.scripts import engine_file_lines
from gpumix.export.tables import gpu_names, image, provider_names
from gpumix.export.text import comments, origin_lines, short_name, to_yaml
from gpumix.units import SECONDS_PER_HOUR

TARGET: Final = "dstack"
_LONGEST = 40
_SUFFIX = ".dstack.yml"


def write(launches: Sequence[Launch], around: Around) -> list[Answer]:
    """A file for each launch that dstack can start, the fleets they run on, and why the rest
    cannot."""
    found: list[Answer] = []
    fleets: dict[str, Launch] = {}
    for launch in launches:
        reason = ("" if launch.is_job else refusal(launch)) or _own_refusal(launch)
        if reason:
            found.append(NotWritten(TARGET, launch.name, reason))
            continue
        fleets.setdefault(fleet_name(launch), launch)
        found.append(_job(launch, around) if launch.is_job else _service(launch, around))
    lines = Counter(one.resource for one in fleets.values())
    return [
        *found,
        *(_fleet(one, around, alone=lines[one.resource] == 1) for one in fleets.values()),
    ]


def _own_refusal(launch: Launch) -> str:
    if launch.is_rented and not provider_names(launch.provider).dstack:
        return f"dstack 0.22.5 has no backend for {launch.provider}"
    if launch.is_job and not launch.line_gpus:
        return LATER
    if not gpu_names(launch.gpu).dstack:
        return f"dstack's name of {launch.gpu} is not known"
    if launch.slice:
        return f"dstack gives whole GPUs, the plan runs it on {launch.slice} of one"
    if not launch.is_job and not image(launch.engine, "engine", gpu_names(launch.gpu).vendor):
        return f"no image of {launch.engine} for {launch.gpu} is known"
    return ""


def fleet_name(launch: Launch) -> str:
    """The fleet of a launch's line, unique by what the plan calls the line; runs of several
    machines have one of whole instances, the others may share instances."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in launch.resource.lower())
    parts = "-".join(part for part in plain.split("-") if part)
    return short_name(f"{parts or 'line'}{'-cluster' if _spans(launch) else ''}", _LONGEST)


def _spans(launch: Launch) -> bool:
    return launch.gpus > launch.gpus_per_instance


def _gpu(launch: Launch, count: int) -> dict[str, Any]:
    names = gpu_names(launch.gpu)
    memory = {"memory": names.dstack_memory} if names.dstack_memory else {}
    return {"gpu": {"name": names.dstack, **memory, "count": count}}


def _rented(launch: Launch) -> dict[str, Any]:
    """Where and how a cloud's instances are had; nothing for machines of the team's own."""
    if not launch.is_rented:
        return {}
    found: dict[str, Any] = {"backends": [provider_names(launch.provider).dstack]}
    if region_of(launch):
        found["regions"] = [region_of(launch)]
    return found | {"spot_policy": "spot" if launch.is_spot else "on-demand"}


def _service(launch: Launch, around: Around) -> Made:
    path, replicas = f"{TARGET}/{launch.name}{_SUFFIX}", around.counts[launch.name]
    least, most = launch.least_replicas, launch.first_year_replicas
    is_range = least < most and not launch.waits
    document: dict[str, Any] = {
        "type": "service",
        "name": launch.name,
        "image": image(launch.engine, "engine", gpu_names(launch.gpu).vendor),
        "env": ["HF_TOKEN", *([CHECKPOINT] if checkpoint_needed(launch) else [])],
        "commands": list(_commands(launch)),
        "port": PORTS[launch.engine],
        "replicas": f"{least}..{most}" if is_range else replicas,
    }
    if launch.kind is not Kind.EMBEDDING:
        document["model"] = served_name(launch)
    if is_range:
        rate = launch.units_per_hour / SECONDS_PER_HOUR
        document["scaling"] = {"metric": "rps", "target": float(f"{rate:.3g}")}
    document["resources"] = {**_gpu(launch, launch.gpus), "shm_size": "16GB"}
    document |= {**_rented(launch), "fleets": [fleet_name(launch)]}
    cannot = unsaid(launch, one_number=not is_range)
    told = [
        *origin_lines(around.origin),
        *head(launch, replicas, cannot),
        f"dstack apply -f {path.rpartition('/')[2]}, after the fleet {fleet_name(launch)};"
        " HF_TOKEN must be set (empty where no model is gated).",
        *(["A gateway is needed to scale by requests per second."] if is_range else []),
        *(f"Fill in {one}." for one in edits_of(launch)),
    ]
    file = launch_file(TARGET, path, launch, replicas, edits_of(launch), cannot)
    return Made(path, comments(told) + to_yaml(document), file)


def _commands(launch: Launch) -> Iterator[str]:
    config = trtllm_config(settings_of(launch)) if launch.engine == TRTLLM else {}
    lines = [*engine_file_lines(config)]
    more = ["--extra_llm_api_options", '"$ENGINE_FILE"'] if config else []
    more += ["--host", "0.0.0.0", "--port", str(PORTS[launch.engine])]
    yield "\n".join([*lines, shell_command(launch, more)]) + "\n"


def _job(launch: Launch, around: Around) -> Made:
    path = f"{TARGET}/{launch.name}{_SUFFIX}"
    on_node = min(launch.gpus, launch.gpus_per_instance)
    nodes = math.ceil(launch.gpus / on_node)
    document: dict[str, Any] = {
        "type": "task",
        "name": launch.name,
        "nodes": nodes,
        "env": ["HF_TOKEN"],
        "commands": [command_here(launch.gpus, nodes, path)],
        "resources": {**_gpu(launch, on_node), "shm_size": "16GB"},
        **_rented(launch),
        "fleets": [fleet_name(launch)],
    }
    if launch.is_spot:
        document["retry"] = {"on_events": ["no-capacity", "interruption"], "duration": "7d"}
    cannot = unsaid(launch)
    told = [
        *origin_lines(around.origin),
        *head(launch, 1, cannot),
        f"dstack apply -f {path.rpartition('/')[2]}, after the fleet {fleet_name(launch)}.",
        *(["Interrupted runs start again: resume from the last checkpoint."] * launch.is_spot),
    ]
    edit = ["the training command under commands"]
    file = launch_file(TARGET, path, launch, 1, edit, cannot)
    return Made(path, comments(told) + to_yaml(document), file)


def _fleet(one: Launch, around: Around, alone: bool) -> Made:
    """A fleet of a line: a cloud's, or the team's own hosts over SSH. `alone` where the line has no
    other: two that held all of it would be rented twice."""
    name, nodes = fleet_name(one), math.ceil(one.line_gpus / one.gpus_per_instance)
    document: dict[str, Any] = {"type": "fleet", "name": name}
    if _spans(one):
        document["placement"] = "cluster"
    elif one.gpus_per_instance > 1:
        document["blocks"] = "auto"
    told = [
        *origin_lines(around.origin),
        f"Line of the plan: {one.resource}, {nodes} instance(s)",
    ]
    if not alone:
        told.append(
            "Another fleet is of the same line, one of them for runs of several machines: together"
            " they may hold no more than the line."
        )
    if one.is_rented:
        by_hour = one.purchase in (Purchase.ON_DEMAND, Purchase.SPOT)
        document["nodes"] = nodes if alone and not by_hour else f"0..{nodes}"
        document["resources"] = _gpu(one, one.gpus_per_instance)
        document |= _rented(one)
        if provider_names(one.provider).own_instance_names and one.instance:
            document["instance_types"] = [one.instance]
        if not by_hour:
            told.append("Committed: name your reservation (`reservation:`), or it costs twice.")
    else:
        document["ssh_config"] = {
            "user": "ubuntu",
            "identity_file": "~/.ssh/id_ed25519",
            "hosts": [f"host-{index + 1}.fill-in.invalid" for index in range(nodes)],
        }
        told.append("Fill in the hosts, the user and the key: the plan knows how many, not where.")
        if not alone:
            told.append("A host can be in one fleet alone: divide them.")
    path = f"{TARGET}/fleet-{name}{_SUFFIX}"
    return Made(path, comments(told) + to_yaml(document))
