"""`kserve`: an LLMInferenceService (serving.kserve.io/v1alpha2) a launch.

The ready template of KServe starts vLLM and appends VLLM_ADDITIONAL_ARGS to its command line, which
a shell evaluates: only numbers and gpumix's own words go there. Source: kserve/kserve
config/llmisvcconfig/config-llm-template.yaml; the schema beside the tests, aaac4e29.
"""

from __future__ import annotations

from typing import Any

from gpumix.domain.engine_words import options
from gpumix.domain.exported import NotWritten
from gpumix.domain.launch import Launch
from gpumix.domain.workload import Kind
from gpumix.export.engine import checkpoint_needed, edits_of, refusal, served_name, settings_of
from gpumix.export.facts import head, unsaid
from gpumix.export.made import Answer, Around, Made, launch_file
from gpumix.export.pods import (
    LAUNCH_LABEL,
    SECRET,
    cluster_line,
    edits_of_nodes,
    gpu_resource,
    placed,
)
from gpumix.export.text import comments, origin_labels, origin_lines, to_yaml

TARGET = "kserve"
_NAMED = 2
"""Words of the engine's options that name the model: KServe's template says that itself."""
_UNFILLED = "hf://fill-in/checkpoint"
_IMAGE = "the image and the engine's version are those of KServe's template, not of the plan"


def write(launch: Launch, around: Around) -> Answer:
    """A launch's file, or why there is none."""
    reason = refusal(launch)
    if not reason and launch.engine != "vllm":
        reason = f"planned on {launch.engine}; KServe's ready template starts vLLM"
    if reason:
        return NotWritten(TARGET, launch.name, reason)
    path, replicas = f"{TARGET}/{launch.name}.yaml", around.counts[launch.name]
    cannot = [*unsaid(launch), _IMAGE]
    edit = [*edits_of(launch), *edits_of_nodes(launch)]
    told = [
        *origin_lines(around.origin),
        *head(launch, replicas, cannot),
        cluster_line(launch),
        f"A gated model: give KServe's service account a secret with HF_TOKEN ({SECRET}).",
        *(f"Fill in {one}." for one in edit),
    ]
    text = comments(told) + to_yaml(_service(launch, around, replicas))
    return Made(path, text, launch_file(TARGET, path, launch, replicas, edit, cannot))


def _service(launch: Launch, around: Around, replicas: int) -> dict[str, Any]:
    uri = _UNFILLED if checkpoint_needed(launch) else f"hf://{launch.model}"
    asked = " ".join(options("vllm", settings_of(launch))[_NAMED:])
    resources = gpu_resource(launch)
    router: dict[str, Any] = {"route": {}, "gateway": {}}
    if launch.kind is not Kind.EMBEDDING:
        router["scheduler"] = {}
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "name": launch.name,
            "labels": {LAUNCH_LABEL: launch.name},
            "annotations": origin_labels(around.origin),
        },
        "spec": {
            "model": {"uri": uri, "name": served_name(launch)},
            "replicas": replicas,
            "parallelism": {"tensor": launch.tp},
            "labels": {LAUNCH_LABEL: launch.name},
            "router": router,
            "template": {
                "containers": [
                    {
                        "name": "main",
                        "env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": asked}],
                        "resources": {"limits": resources, "requests": resources},
                    }
                ],
                **placed(launch),
            },
        },
    }
