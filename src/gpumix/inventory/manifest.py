"""Files that start a model server -> what they say: Kubernetes, SkyPilot, dstack, Compose.

Only what is written is read: model, GPU, count, replicas and the arguments of `vllm serve`,
SGLang's `launch_server` and `trtllm-serve`. Nothing is run, and no template is expanded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpumix.domain.quantities import shown
from gpumix.errors import InputError, Problem
from gpumix.inventory import yaml
from gpumix.inventory.results.deployed import counted
from gpumix.reading import read_text

MOST_DOCUMENTS = 200
MOST_REPLICAS = 100_000

_GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "habana.ai/gaudi")
_GPU_LABELS = (
    "nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "gpu.nvidia.com/class",
    "gpu.nvidia.com/model", "amd.com/gpu.product-name", "accelerator", "gpu-type", "gpu",
    "karpenter.k8s.aws/instance-gpu-name",
)  # fmt: skip
_INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_IMAGES = ("vllm", "sglang", "tensorrt-llm", "llama.cpp")
"""Engines whose name stands in that of a container's image."""
_STARTS = (
    ("vllm", re.compile(r"vllm\s+serve\b|vllm\.entrypoints\.\S+")),
    ("sglang", re.compile(r"sglang\.launch_server\b|sglang\s+serve\b")),
    ("tensorrt-llm", re.compile(r"trtllm-serve\b(?:\s+serve\b)?")),
    ("llama.cpp", re.compile(r"llama-server\b")),
)
"""How a command line starts a server, by engine."""
_OPTIONS = {
    "model": ("model", "model-path", "m"),
    "tp": ("tensor-parallel-size", "tp", "tp-size", "tp_size"),
    "pp": ("pipeline-parallel-size", "pp", "pp-size", "pp_size"),
    "dp": ("data-parallel-size", "dp", "dp-size", "dp_size"),
    "context": ("max-model-len", "context-length", "max_seq_len", "ctx-size"),
    "precision": ("quantization", "q"),
    "kv_precision": ("kv-cache-dtype",),
}
_OPTION_OF = {word: name for name, words in _OPTIONS.items() for word in words}
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|\$([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Served:
    """One model server as a file states it; '' or None = it does not say.

    `gpu` is the file's word, `gpus` are of one replica. `open` says what was not understood.
    """

    name: str
    kind: str
    model: str = ""
    engine: str = ""
    gpu: str = ""
    gpus: int | None = None
    replicas: int = 1
    provider: str = ""
    region: str = ""
    instance: str = ""
    spot: bool = False
    options: tuple[tuple[str, str], ...] = ()
    open: tuple[str, ...] = ()

    def option(self, name: str) -> str:
        """An argument of the server by gpumix's name for it, or ''."""
        return dict(self.options).get(name, "")


def read_manifest(path: Path) -> tuple[Served, ...]:
    """The model servers in a file.

    Raises: InputError where it is no YAML, none of the known kinds, or holds no model server.
    """
    text = read_text(path, "name a YAML file", most_bytes=yaml.MOST_BYTES)
    parts = re.split(r"^---[ \t]*(?:#.*)?$", text, flags=re.MULTILINE)
    if len(parts) > MOST_DOCUMENTS:
        raise InputError(Problem(str(path), f"holds more than {MOST_DOCUMENTS} documents"))
    found: list[Served] = []
    for part in parts:
        data = yaml.parse(part, str(path), numbers_as_keys=True, several_lines=True).data
        if isinstance(data, dict):
            found += _served(data, path)
    if not found:
        raise InputError(
            Problem(
                str(path),
                "holds no model server",
                "a Kubernetes manifest, SkyPilot task, dstack configuration or Compose file whose "
                "command runs vllm, sglang, trtllm-serve or llama-server",
            )
        )
    return tuple(found)


def _served(data: Mapping[Any, Any], path: Path) -> Iterator[Served]:
    stem = path.name.split(".")[0]
    if "apiVersion" in data and "kind" in data:
        items = data.get("items")
        for one in items if isinstance(items, list) else [data]:
            if isinstance(one, dict):
                yield from _kubernetes(one)
    elif isinstance(data.get("services"), dict):
        for name, service in data["services"].items():
            if isinstance(service, dict):
                yield from _compose(str(name), service)
    elif "commands" in data or data.get("type") in ("service", "task", "dev-environment"):
        yield from _dstack(data, stem)
    elif "run" in data or ("resources" in data and "setup" in data):
        yield from _sky(data, stem)


# -- the four kinds of file ------------------------------------------------------------------


def _kubernetes(data: Mapping[str, Any]) -> Iterator[Served]:
    name = _text(_at(data, "metadata", "name")) or "server"
    kind = _text(data.get("kind"))
    pods = [
        (_at(data, "spec", "template", "spec"), _at(data, "spec", "replicas")),
        (_at(data, "spec", "jobTemplate", "spec", "template", "spec"), 1),
        (
            _at(data, "spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
            _at(data, "spec", "replicas"),
        ),
        (_at(data, "spec", "predictor"), _at(data, "spec", "predictor", "minReplicas")),
        (data.get("spec") if kind == "Pod" else None, 1),
    ]
    for pod, replicas in pods:
        if not isinstance(pod, dict):
            continue
        containers = pod.get("containers")
        for container in containers if isinstance(containers, list) else []:
            if not isinstance(container, dict):
                continue
            words = _words(container.get("command")) + _words(container.get("args"))
            served = _server(
                name, kind, words, container.get("image"), _environment(container.get("env"))
            )
            if served is None:
                continue
            labels = _labels(pod)
            limits = _at(container, "resources", "limits") or _at(
                container, "resources", "requests"
            )
            count = (
                next((limits[k] for k in _GPU_RESOURCES if k in limits), None)
                if isinstance(limits, dict)
                else None
            )
            size = _at(data, "spec", "leaderWorkerTemplate", "size")
            gpus = _count(count)
            yield replace(
                served,
                gpu=next((labels[key] for key in _GPU_LABELS if key in labels), ""),
                gpus=gpus * (_count(size) or 1) if gpus else None,
                replicas=_count(replicas) or 1,
                instance=next((labels[key] for key in _INSTANCE_LABELS if key in labels), ""),
                provider="gcp" if "cloud.google.com/gke-accelerator" in labels else "",
                spot=any(
                    "spot" in f"{k} {v}".lower() and v.lower() != "false" for k, v in labels.items()
                ),
            )


def _labels(pod: Mapping[str, Any]) -> dict[str, str]:
    """What nodes a pod asks for: its selector, and the one value of a required affinity."""
    found = (
        {str(k): _text(v) for k, v in (pod.get("nodeSelector") or {}).items()}
        if isinstance(pod.get("nodeSelector"), dict)
        else {}
    )
    terms = _at(
        pod,
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    )
    for term in terms if isinstance(terms, list) else []:
        rules = _at(term, "matchExpressions")
        for rule in rules if isinstance(rules, list) else []:
            values = _at(rule, "values")
            if _at(rule, "operator") == "In" and isinstance(values, list) and len(values) == 1:
                found.setdefault(_text(_at(rule, "key")), _text(values[0]))
    return found


def _compose(name: str, service: Mapping[str, Any]) -> Iterator[Served]:
    words = _words(service.get("entrypoint")) + _words(service.get("command"))
    served = _server(
        name,
        "Compose service",
        words,
        service.get("image"),
        _environment(service.get("environment")),
    )
    if served is None:
        return
    devices = _at(service, "deploy", "resources", "reservations", "devices")
    gpus: int | None = None
    for device in devices if isinstance(devices, list) else []:
        ids = _at(device, "device_ids")
        gpus = len(ids) if isinstance(ids, list) else _count(_at(device, "count"))
    yield replace(served, gpus=gpus, replicas=_count(_at(service, "deploy", "replicas")) or 1)


def _sky(data: Mapping[str, Any], stem: str) -> Iterator[Served]:
    env = _environment(data.get("envs"))
    served = _server(
        _text(data.get("name")) or stem, "SkyPilot task", _words(data.get("run")), None, env
    )
    if served is None:
        return
    resources = data.get("resources")
    resources = resources if isinstance(resources, dict) else {}
    gpu, count, other = _accelerators(resources.get("accelerators"), env)
    service = data.get("service")
    replicas = _at(service, "replicas") or _at(service, "replica_policy", "min_replicas")
    nodes = _count(data.get("num_nodes")) or 1
    infra = _text(resources.get("infra")).split("/")
    notes = (f"other accelerators that it may use: {other}",) if other else ()
    yield replace(
        served,
        gpu=gpu,
        gpus=count * nodes if count else None,
        replicas=_count(replicas) or 1,
        provider=_text(resources.get("cloud")) or infra[0],
        region=_text(resources.get("region"))
        or (infra[1] if len(infra) > 1 and infra[1] != "*" else ""),
        instance=_text(resources.get("instance_type")),
        spot=resources.get("use_spot") is True,
        open=served.open + notes,
    )


def _accelerators(value: Any, env: Mapping[str, str]) -> tuple[str, int | None, str]:
    """GPU, count and the alternatives of `L40S:4`, `{L40S: 4}` or a list of them."""
    if isinstance(value, dict):
        listed = [f"{k}:{v}" if v is not None else str(k) for k, v in value.items()]
    else:
        listed = [
            _expand(_text(one), env) for one in (value if isinstance(value, list) else [value])
        ]
    listed = [one for one in listed if one]
    if not listed:
        return "", None, ""
    gpu, _, count = listed[0].partition(":")
    return gpu, _count(count) or 1, ", ".join(listed[1:])


def _dstack(data: Mapping[str, Any], stem: str) -> Iterator[Served]:
    words = _words(data.get("commands"))
    env = _environment(data.get("env"))
    served = _server(
        _text(data.get("name")) or stem,
        "dstack " + (_text(data.get("type")) or "service"),
        words,
        data.get("image"),
        env,
    )
    if served is None:
        return
    wanted = _at(data, "resources", "gpu")
    if isinstance(wanted, dict):
        names = wanted.get("name")
        gpu = _text(names[0] if isinstance(names, list) and names else names)
        count = _count(wanted.get("count")) or 1
    else:
        parts = _text(wanted).split(":")
        gpu = next(
            (
                p
                for p in parts
                if p and not re.fullmatch(r"[\d.]+(?:GB|TB)?(?:\.\.[\d.]*(?:GB|TB)?)?", p, re.I)
            ),
            "",
        )
        count = next(
            (_count(p.split("..")[0]) or 1 for p in parts if re.fullmatch(r"\d+(?:\.\.\d*)?", p)), 1
        )
    replicas = _text(data.get("replicas")).split("..")[0]
    clouds, regions = data.get("backends"), data.get("regions")
    yield replace(
        served,
        gpu=gpu,
        gpus=count if wanted is not None else None,
        replicas=_count(replicas) or 1,
        provider=_text(clouds[0]) if isinstance(clouds, list) and len(clouds) == 1 else "",
        region=_text(regions[0]) if isinstance(regions, list) and len(regions) == 1 else "",
        spot=data.get("spot_policy") == "spot",
    )


# -- a command line --------------------------------------------------------------------------


def _server(
    name: str, kind: str, words: list[str], image: Any, env: Mapping[str, str]
) -> Served | None:
    """What a command line says of a model server; None where it starts none."""
    text = _expand(" ".join(words), env).replace("\\\n", " ")
    engine, rest = "", text
    for candidate, start in _STARTS:
        if found := start.search(text):
            engine, rest = candidate, text[found.end() :]
            break
    if not engine:
        engine = next((word for word in _IMAGES if word in _text(image).lower()), "")
        if not engine:
            return None
    arguments = _arguments(rest)
    options: dict[str, str] = {}
    plain = ""
    for i, word in enumerate(arguments):
        if word.startswith("-"):
            key, equals, value = word.lstrip("-").partition("=")
            following = arguments[i + 1] if i + 1 < len(arguments) else ""
            if option := _OPTION_OF.get(key) or _OPTION_OF.get(key.replace("_", "-")):
                options.setdefault(option, value if equals else following)
        elif not plain and i == 0:
            plain = word
    model = options.pop("model", "") or plain
    notes = []
    if not model or "$" in model or "{{" in model:
        notes.append(f"the model is not written in it{f' ({shown(model)})' if model else ''}")
        model = ""
    return Served(name, kind, model, engine, options=tuple(options.items()), open=tuple(notes))


def _arguments(text: str) -> list[str]:
    """Words of a command up to its end; quotes that never close are text."""
    command = re.split(r"[\n;&|]", text.strip(), maxsplit=1)[0]
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _expand(text: str, env: Mapping[str, str]) -> str:
    """Variables that the same file sets, once; others stay as they are."""

    def value(found: re.Match[str]) -> str:
        return env.get(found[1] or found[3]) or found[2] or found[0]

    return _VARIABLE.sub(value, text)


def _environment(value: Any) -> dict[str, str]:
    """Variables of a list of `NAME=value`, of Kubernetes' name and value, or of a mapping."""
    if isinstance(value, dict):
        return {str(k): _text(v) for k, v in value.items()}
    found = {}
    for one in value if isinstance(value, list) else []:
        if isinstance(one, dict):
            found[_text(one.get("name"))] = _text(one.get("value"))
        else:
            name, _, text = _text(one).partition("=")
            found[name] = text
    return found


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return [_text(value)] if value is not None else []


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _count(value: Any) -> int | None:
    """A whole number from 1; None for anything else."""
    text = _text(value)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return number if 1 <= number <= MOST_REPLICAS else None


def gpu_word(served: Served) -> str:
    """The GPU's name without a count beside it: `8xH100` is H100."""
    return counted(served.gpu.replace("nvidia-", "NVIDIA "))[0]
