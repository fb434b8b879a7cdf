"""REST: its description, its errors, the names that it lists."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gpumix.web.pages.all import PAGES


@pytest.fixture(scope="module")
def described(ask: TestClient) -> dict[str, Any]:
    return dict(ask.get("/api/v1/openapi.json").json())


def test_openapi_describes_every_answer(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    paths = described["paths"]
    assert {f"/api/v1/{one.name}" for one in PAGES} <= paths.keys()
    assert all(path.startswith("/api/v1") for path in paths)
    names = [one["operationId"] for path in paths.values() for one in path.values()]
    assert len(names) == len(set(names)) >= 20
    for path in paths.values():
        for one in path.values():
            assert one["summary"]
            for parameter in one.get("parameters", []):
                assert parameter["name"].isidentifier()


def test_every_parameter_of_an_answer_is_described(described: dict[str, Any]) -> None:
    for page in PAGES:
        operation = described["paths"][f"/api/v1/{page.name}"]["get"]
        for parameter in operation["parameters"]:
            assert parameter["description"], (page.name, parameter["name"])
        problem = operation["responses"]["422"]["content"]["application/json"]["schema"]
        assert problem["$ref"].endswith("/Problems")


@pytest.mark.parametrize(
    ("address", "status", "path", "words"),
    [
        ("/compare?modl=x", 422, "modl", "unknown parameter"),
        ("/compare?gpus=h100-smx-80gb", 422, "gpus", "unknown GPU"),
        ("/compare?model=Qwen/Qwen3-33B", 422, "model", "Qwen3-33B"),
        ("/compare?input=abc", 422, "input", "number"),
        ("/compare?input=0", 422, "input", "between 1"),
        ("/compare?sort=nope", 422, "sort", "cost"),
        ("/fit?users=-1", 422, "users", "between"),
        ("/fit?context=nan", 422, "context", "integer"),
        ("/own?busy=500", 422, "busy", "less than or equal"),
        ("/own?case=tco-dahka", 404, "case", "unknown case"),
        ("/plan?folder=dhakka", 404, "folder", "unknown plan"),
        ("/explain?name=ttft_p59_s", 422, "", "ttft_p59_s"),
        ("/prices/history?gpu=h999", 422, "gpu", "h999"),
        ("/prices/history", 422, "gpu", "required"),
        ("/nope", 404, "/api/v1/nope", "Not Found"),
        ("/jobs/nope", 404, "id", "no job"),
    ],
)
def test_errors_name_the_place_the_fault_and_what_is_meant(
    ask: TestClient, address: str, status: int, path: str, words: str
) -> None:
    answer = ask.get(f"/api/v1{address}")
    assert answer.status_code == status, answer.text
    first = answer.json()["problems"][0]
    assert set(first) == {"path", "message", "did_you_mean"}
    assert first["path"] == path
    assert words in first["message"]
    assert "Traceback" not in answer.text


def test_did_you_mean_is_the_nearest_name(ask: TestClient) -> None:
    def meant(address: str) -> str:
        return str(ask.get(f"/api/v1{address}").json()["problems"][0]["did_you_mean"])

    assert "h100-sxm-80gb" in meant("/compare?gpus=h100-smx-80gb")
    assert "dhaka" in meant("/plan?folder=dhakka")
    assert "ttft_p95_s" in meant("/explain?name=ttft_p59_s")


def test_a_bad_plan_request_names_its_fault(ask: TestClient) -> None:
    def problem(**sent: Any) -> dict[str, Any]:
        answer = ask.post("/api/v1/plans", **sent)
        assert answer.status_code == 422
        return dict(answer.json()["problems"][0])

    assert problem(json={"inventry": "x"})["path"] == "inventory"
    assert problem(json={"inventory": "a: 1", "effort": "heroic"})["path"] == "effort"
    assert problem(content=b"{", headers={"content-type": "application/json"})["message"]
    assert "tags" in problem(content=b"!!python/name:os.system x")["message"]
    assert ask.get("/api/v1/plans").status_code in (404, 405)


def test_what_is_here_is_listed(ask: TestClient) -> None:
    found = ask.get("/api/v1").json()
    assert sorted(found["plans"]) == ["dhaka", "hostile"]
    assert "tco-dhaka" in found["cases"]
    assert "demo" in found["examples"]


def test_a_plans_ledger_can_be_had(ask: TestClient) -> None:
    assert ask.get("/api/v1/plans/dhaka/entries.csv").text == "month,option\n0,own\n"
    assert ask.get("/api/v1/plans/nope/entries.csv").status_code == 404
    assert ask.get("/api/v1/plans/dhaka/inventory").json()["schema_version"]


def test_pages_need_no_other_extra() -> None:
    """What reads fleets is asked for only where a fleet is."""
    code = "import sys, gpumix.web.app; print([m for m in sys.modules if 'gpumix.telemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
