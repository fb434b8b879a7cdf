"""`dynamo`: a DynamoGraphDeployment (nvidia.com/v1beta1) a launch: a frontend and its workers.

Source: ai-dynamo/dynamo examples/backends/*/deploy/v1beta1 and, for TensorRT-LLM, "TensorRT-LLM
Configuration (DynamoTrtllmConfig)" of Dynamo 1.6.
"""

from __future__ import annotations

from typing import Any

from gpumix.domain.engine_words import TRTLLM, EngineSettings, options, trtllm_config
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.domain.workload import Kind
from gpumix.export.engine import (
    TARGETS,
    checkpoint_needed,
    edits_of,
    refusal,
    served_name,
    settings_of,
)
from gpumix.export.facts import head, unsaid
from gpumix.export.made import Answer, Around, Made, launch_file
from gpumix.export.pods import (
    LAUNCH_LABEL,
    SECRET,
    TOKEN,
    cluster_line,
    edits_of_nodes,
    gpu_resource,
    placed,
)
from gpumix.export.tables import gpu_names, image
from gpumix.export.text import comments, origin_labels, origin_lines, to_yaml

TARGET = "dynamo"
_MODULES = {"vllm": "dynamo.vllm", "sglang": "dynamo.sglang", TRTLLM: "dynamo.trtllm"}
_MODEL = {"vllm": "--model", "sglang": "--model-path", TRTLLM: "--model-path"}
_FOLDER = "/etc/gpumix"
_FILE = "engine.yaml"
_UNFILLED = "fill-in/checkpoint"


def write(launch: Launch, around: Around) -> Answer:
    """A launch's file, or why there is none."""
    reason = refusal(launch) or _own_refusal(launch)
    if reason:
        return NotWritten(TARGET, launch.name, reason)
    path, replicas = f"{TARGET}/{launch.name}.yaml", around.counts[launch.name]
    cannot, edit = unsaid(launch), [*edits_of(launch), *edits_of_nodes(launch)]
    told = [
        *origin_lines(around.origin),
        *head(launch, replicas, cannot),
        cluster_line(launch),
        f"A gated model: kubectl create secret generic {SECRET} --from-literal=HF_TOKEN=...",
        *(f"Fill in {one}." for one in edit),
    ]
    text = comments(told) + to_yaml(*_documents(launch, around, replicas))
    return Made(path, text, launch_file(TARGET, path, launch, replicas, edit, cannot))


def _own_refusal(launch: Launch) -> str:
    if not image(launch.engine, TARGET, gpu_names(launch.gpu).vendor):
        return f"Dynamo has no image of {launch.engine} for {launch.gpu}"
    if launch.kind is Kind.EMBEDDING and launch.engine != "sglang":
        return "Dynamo 1.6 has a worker for embeddings with SGLang alone"
    return ""


def _documents(launch: Launch, around: Around, replicas: int) -> list[dict[str, Any]]:
    name = launch.name
    about = {"annotations": origin_labels(around.origin), "labels": {LAUNCH_LABEL: launch.name}}
    config = trtllm_config(settings_of(launch)) if launch.engine == TRTLLM else {}
    runtime = image(launch.engine, TARGET, gpu_names(launch.gpu).vendor)
    deployment = {
        "apiVersion": "nvidia.com/v1beta1",
        "kind": "DynamoGraphDeployment",
        "metadata": {"name": name, **about},
        "spec": {
            "backendFramework": TARGETS[launch.engine],
            "components": [
                _frontend(runtime),
                _worker(launch, name, replicas, runtime, config),
            ],
        },
    }
    if not config:
        return [deployment]
    engine_file = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **about},
        "data": {_FILE: to_yaml(config)},
    }
    return [engine_file, deployment]


def _frontend(runtime: str) -> dict[str, Any]:
    main = {"name": "main", "image": runtime, "env": [TOKEN]}
    pod = {"spec": {"containers": [main]}}
    return {"name": "Frontend", "type": "frontend", "replicas": 1, "podTemplate": pod}


def _worker(
    launch: Launch, name: str, replicas: int, runtime: str, config: dict[str, Any]
) -> dict[str, Any]:
    weights = _UNFILLED if checkpoint_needed(launch) else launch.model
    resources = gpu_resource(launch)
    main: dict[str, Any] = {
        "name": "main",
        "image": runtime,
        "command": ["python3", "-m", _MODULES[launch.engine]],
        "args": [_MODEL[launch.engine], weights, *_options(launch, bool(config))],
        "env": [TOKEN],
        "resources": {"limits": resources, "requests": resources},
    }
    spec: dict[str, Any] = {"containers": [main], **placed(launch)}
    if config:
        main["volumeMounts"] = [{"name": "engine", "mountPath": _FOLDER}]
        spec["volumes"] = [{"name": "engine", "configMap": {"name": name}}]
    return {
        "name": "Worker",
        "type": "worker",
        "replicas": replicas,
        "modelRef": {"name": served_name(launch)},
        "sharedMemorySize": "16Gi",
        "podTemplate": {"metadata": {"labels": {LAUNCH_LABEL: launch.name}}, "spec": spec},
    }


def _options(launch: Launch, has_file: bool) -> list[str]:
    asked = settings_of(launch)
    if launch.engine != TRTLLM:
        found = options(launch.engine, asked)
        pooled = asked.pools and launch.engine == "sglang"
        return [*found, *(["--embedding-worker"] if pooled else [])]
    return _trtllm(asked, has_file)


def _trtllm(one: EngineSettings, has_file: bool) -> list[str]:
    """Dynamo calls TensorRT-LLM's settings otherwise than `trtllm-serve` does."""
    found = ["--served-model-name", one.model, "--tensor-parallel-size", str(one.tp)]
    for name, value in (
        ("--max-batch-size", one.max_num_seqs),
        ("--max-seq-len", one.max_model_len),
        ("--max-num-tokens", one.chunk_tokens),
        ("--free-gpu-memory-fraction", one.memory_share),
    ):
        found += [] if value is None else [name, str(value)]
    return [*found, *(["--extra-engine-args", f"{_FOLDER}/{_FILE}"] if has_file else [])]
