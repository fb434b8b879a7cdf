"""Schemas by which files are checked: the shared ones of custom resources, and Kubernetes' own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "data" / "schemas"
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="needs the shared schemas beside the repository"
)


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML file."""
    return [one for one in yaml.safe_load_all(text) if one]


@cache
def _validator(api: str, kind: str) -> jsonschema.Draft202012Validator:
    index = json.loads((SCHEMAS / "index.json").read_text(encoding="utf-8"))
    [name] = [one["file"] for one in index if (one["apiVersion"], one["kind"]) == (api, kind)]
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / name).read_text(encoding="utf-8")))


def problems(one: dict[str, Any]) -> list[str]:
    """What is wrong with an object: of Kubernetes' core, or a custom resource."""
    core = ("v1", "scheduling.k8s.io/v1", "autoscaling/v2")
    if one["apiVersion"] in core:
        try:
            kubernetes_validate.validate(one, "1.33", strict=True)
        except kubernetes_validate.ValidationError as error:
            return [str(error.message)]
        return []
    return [error.message for error in _validator(one["apiVersion"], one["kind"]).iter_errors(one)]
