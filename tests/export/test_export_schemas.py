"""Kubernetes files pass the published schemas, SkyPilot's and dstack's hold their own keys only;
changed ones do not."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from launch_fixture import ALL, ORIGIN

from gpumix.export.bundle import bundle

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT.parent / "shared" / "data" / "schemas"
EXAMPLES = [
    ROOT / ".cache" / "kept" / f"{name}-plan" / "plan.json"
    for name in ("inference-first", "dhaka-bank", "frontier", "enterprise")
]
Problems = Callable[[dict[str, Any]], list[str] | None]

SKY = {  # sky.utils.schemas of SkyPilot 0.14.1: get_task_schema, get_service_schema
    "": {"name", "num_nodes", "resources", "file_mounts", "service", "pool", "setup", "run", "envs",
         "secrets", "workdir", "config", "volumes", "inputs", "outputs"},
    "resources": {"infra", "accelerators", "instance_type", "use_spot", "image_id", "ports",
                  "cpus", "memory", "disk_size", "disk_tier", "job_recovery", "labels", "any_of"},
    "service": {"readiness_probe", "replica_policy", "replicas", "ports", "load_balancing_policy",
                "load_balancer", "pool", "workers", "tls"},
}  # fmt: skip
SKY_POLICY = {
    "min_replicas", "max_replicas", "num_overprovision", "target_qps_per_replica",
    "dynamic_ondemand_fallback", "base_ondemand_fallback_replicas", "spot_placer",
    "upscale_delay_seconds", "downscale_delay_seconds",
}  # fmt: skip
_RUN = {
    "type", "name", "image", "env", "commands", "resources", "backends", "regions",
    "instance_types", "spot_policy", "retry", "fleets", "max_price", "volumes", "priority",
    "working_dir",
}  # fmt: skip
DSTACK = {  # dstack._internal.core.models of dstack 0.22.5: configurations, fleets
    "service": _RUN | {"port", "model", "replicas", "scaling", "gateway", "probes"},
    "task": _RUN | {"nodes", "ports"},
    "fleet": {"type", "name", "placement", "blocks", "nodes", "reservation", "resources",
              "backends", "regions", "instance_types", "spot_policy", "retry", "ssh_config",
              "idle_duration"},
}  # fmt: skip


def stray_keys(document: Mapping[str, Any]) -> set[str]:
    """Keys of a SkyPilot or dstack file that its program does not know."""
    if "type" in document:
        return set(document) - DSTACK.get(document["type"], set())
    found = set(document) - SKY[""]
    for part in ("resources", "service"):
        found |= set(document.get(part, {})) - SKY[part]
    return found | set(document.get("service", {}).get("replica_policy", {})) - SKY_POLICY


def documents(texts: Mapping[str, str], folder: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, document)
        for path, text in texts.items()
        if path.startswith(f"{folder}/")
        for document in yaml.safe_load_all(text)
    ]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return bundle(ALL, ORIGIN, ("kserve", "dynamo", "sky", "dstack"))[1]


@pytest.fixture(scope="module")
def problems() -> Problems:
    """`problems` of the script beside the schemas."""
    pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    if not SCHEMAS.is_dir():
        pytest.skip("the shared schemas are not beside the repository")
    spec = importlib.util.spec_from_file_location("check_schemas", SCHEMAS / "check.py")
    if spec is None or spec.loader is None:
        pytest.fail("check.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems  # type: ignore[no-any-return]


@pytest.mark.shared
@pytest.mark.parametrize("target", ["kserve", "dynamo"])
def test_custom_resources_pass_their_schemas(
    target: str, texts: dict[str, str], problems: Problems
) -> None:
    found = [(p, d) for p, d in documents(texts, target) if d["kind"] != "ConfigMap"]
    assert len(found) >= 4
    assert [(path, problems(document)) for path, document in found] == [
        (path, []) for path, _ in found
    ]


def _misspelt(document: dict[str, Any]) -> None:
    document["spec"]["replicass"] = 2


def _text_count(document: dict[str, Any]) -> None:
    spec = document["spec"]
    spec.get("components", [spec])[-1]["replicas"] = "two"


def _no_model(document: dict[str, Any]) -> None:
    spec = document["spec"]
    worker = spec.get("components", [{}])[-1]
    (worker.get("modelRef") or spec["model"]).clear()


def _bare_container(document: dict[str, Any]) -> None:
    spec = document["spec"]
    pod = spec.get("template") or spec["components"][-1]["podTemplate"]["spec"]
    pod["containers"][0]["imag"] = "x"


@pytest.mark.shared
@pytest.mark.parametrize("change", [_misspelt, _text_count, _no_model, _bare_container])
@pytest.mark.parametrize("target", ["kserve", "dynamo"])
def test_changed_resources_fail(
    target: str,
    change: Callable[[dict[str, Any]], None],
    texts: dict[str, str],
    problems: Problems,
) -> None:
    document = copy.deepcopy(documents(texts, target)[0][1])
    change(document)
    assert problems(document)


def test_core_kinds_pass_the_schemas_of_kubernetes(texts: dict[str, str]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is absent")
    found = [d for _, d in documents(texts, "dynamo") if d["kind"] == "ConfigMap"]
    assert len(found) == 1
    validate.validate(found[0], "1.33", strict=True)
    with pytest.raises(validate.ValidationError):
        validate.validate({**found[0], "dat": {}}, "1.33", strict=True)


def test_pods_pass_the_schemas_of_kubernetes(texts: dict[str, str]) -> None:
    """The pods within custom resources, as pods of their own; KServe's template has the image."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is absent")
    specs = [d["spec"]["template"] for _, d in documents(texts, "kserve")]
    specs += [
        part["podTemplate"]["spec"]
        for _, document in documents(texts, "dynamo")
        if "spec" in document
        for part in document["spec"]["components"]
    ]
    for spec in specs:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
        validate.validate(pod, "1.33", strict=True)
    broken = {**specs[0], "tolerationss": []}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": broken}
    with pytest.raises(validate.ValidationError):
        validate.validate(pod, "1.33", strict=True)


@pytest.mark.parametrize("target", ["sky", "dstack"])
def test_sky_and_dstack_files_hold_known_keys(target: str, texts: dict[str, str]) -> None:
    found = documents(texts, target)
    assert len(found) >= 5
    assert [(path, stray_keys(document)) for path, document in found] == [
        (path, set()) for path, _ in found
    ]
    for _, document in found:
        assert stray_keys({**document, "replicass": 2}) == {"replicass"}


def test_scaling_is_stated_as_dstack_wants_it(texts: dict[str, str]) -> None:
    """dstack takes a range of replicas with `scaling` and a number without."""
    for path, document in documents(texts, "dstack"):
        if document["type"] == "service":
            assert ("scaling" in document) == isinstance(document["replicas"], str), path


@pytest.mark.shared
@pytest.mark.parametrize("plan", EXAMPLES, ids=lambda plan: plan.parent.name)
def test_files_of_the_examples_pass(plan: Path, problems: Problems) -> None:
    """Plans of the examples, where `make kept` or a run of `gpumix plan` has left them."""
    if not plan.is_file():
        pytest.skip("the examples are not planned here: tools/validate_kept.py does")
    from gpumix.verbs.export import export_plan
    from gpumix.verbs.launches import read_launches

    made = export_plan(plan)
    for target in ("kserve", "dynamo"):
        for path, document in documents(made.texts, target):
            assert problems(document) == [], path
    for target in ("sky", "dstack"):
        for path, document in documents(made.texts, target):
            assert stray_keys(document) == set(), path
    _sums_to_plan(made.exported.files, {one.name: one for one in read_launches(plan).launches})


def _sums_to_plan(files: Any, launches: Mapping[str, Any]) -> None:
    """Promised replicas of all files of a target fit on each line of the mix."""
    for target in {file.target for file in files}:
        for resource in {one.resource for one in launches.values()}:
            here = [
                (file, launches[file.launch])
                for file in files
                if (file.target, file.resource) == (target, resource)
            ]
            promised = [(f, one) for f, one in here if not one.waits]
            taken = sum(f.replicas * f.gpus * f.gpu_share for f, _ in promised)
            room = max((one.line_gpus for _, one in here), default=0)
            assert taken <= room + 1e-9, (target, resource)
