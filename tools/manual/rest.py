"""docs/rest.md: every address of the API, from its own OpenAPI document."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

INTRO = (
    "`gpumix serve` answers these; [serve.md](serve.md) says who may ask and how a plan is made as "
    "a job. The same as OpenAPI 3.1 is at `/api/v1/openapi.json`. Answers are JSON as the verb's "
    "`--json` prints it; what is wrong comes as `problems`, each with `path`, `message` and "
    "`did_you_mean`."
)


def openapi() -> dict[str, Any] | None:
    """The API's description of itself; None where `gpumix[web]` is not installed."""
    if not find_spec("fastapi"):
        return None
    from gpumix.web.app import create_app
    from gpumix.web.settings import Settings

    with tempfile.TemporaryDirectory() as empty:
        return create_app(Settings(Path(empty))).openapi()


def endpoints(api: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of every address, as the document has them."""
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def rest_parts(api: Mapping[str, Any]) -> list[str]:
    """The page's parts: by tag, each address with its parameters and answers."""
    parts = [INTRO]
    tags = dict.fromkeys(tag for _, _, o in endpoints(api) for tag in o.get("tags", []))
    for tag in tags:
        parts.append(f"## {tag.capitalize()}")
        for method, path, operation in endpoints(api):
            if tag in operation.get("tags", []):
                parts += _operation(method, path, operation, api["components"]["schemas"])
    return parts


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> list[str]:
    parameters = [
        f"- `{p['name']}`{' (needed)' if p.get('required') else ''}: {_about(p)}"
        for p in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    takes = [f"Takes {' or '.join(f'`{kind}`' for kind in body)}."] if body else []
    for kind in body.values():
        parameters += [
            f"- `{p['name']}`{' (needed)' if p['required'] else ''}: {_about(p)}"
            for p in properties(kind["schema"], schemas)
        ]
    answers = [
        f"{status} ({answer['description'].rstrip('.')})"
        for status, answer in operation["responses"].items()
    ]
    said = operation.get("description", operation["summary"])
    return [
        f"### {method} {path}", said, *takes, "\n".join(parameters),
        f"Answers: {'; '.join(answers)}.",
    ]  # fmt: skip


def properties(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a body holds, each as a parameter is described."""
    own = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for name, held in own.get("properties", {}).items():
        yield {
            "name": name,
            "required": name in own.get("required", []),
            "schema": held,
            **({"description": held["description"]} if "description" in held else {}),
        }


def _about(parameter: Mapping[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kinds = [schema, *schema.get("anyOf", [])]
    kind = ", ".join(k["type"] for k in kinds if k.get("type", "null") != "null")
    words = [w for k in kinds for w in map(str, k.get("enum", []))]
    default = schema.get("default")
    return " ".join(
        [
            parameter.get("description", kind),
            *([f"One of {', '.join(words)}."] if words else []),
            *([f"Default `{default}`."] if default not in (None, "") else []),
        ]
    )
