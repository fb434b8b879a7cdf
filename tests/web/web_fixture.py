"""A server's folder with plans made by hand, and a client that asks its application."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.report import plan_fixture

from gpumix.domain.plan import Plan
from gpumix.inventory import EXAMPLE as EXAMPLE
from gpumix.report import export
from gpumix.web.app import create_app
from gpumix.web.jobs import Jobs
from gpumix.web.limits import Limits, limits
from gpumix.web.settings import Settings

ADDRESS = "http://127.0.0.1:8642"
HOSTILE = "<script>alert(1)</script>{{7*7}}=cmd()"
"""A name as somebody may write it who means harm."""
QUICK_JOB = """
import json, pathlib, shutil, sys, time
folder = pathlib.Path(sys.argv[1])
if sys.argv[2] != "plan":
    (folder / "plan").mkdir()
    (folder / "plan" / "answer.json").write_text('{"schema_version": "1"}')
    print(json.dumps({"done": True}), flush=True)
    sys.exit(0)
text = (folder / "inventory.yaml").read_text()
print(json.dumps({"progress": "thinking"}), flush=True)
if "sleep" in text:
    time.sleep(60)
if "crash" in text:
    sys.exit(1)
if "wrong" in text:
    told = {"path": "workloads", "message": "is empty", "did_you_mean": None}
    print(json.dumps({"problems": [told]}), flush=True)
    sys.exit(2)
(folder / "plan").mkdir()
shutil.copy(PLAN, folder / "plan" / "plan.json")
print(json.dumps({"done": True}), flush=True)
"""
"""Stands in for the planner: as the inventory's words say, it ends well, badly, or not at all."""


def write_plan(
    folder: Path, name: str = "dhaka", plan_name: str = "", plan: Plan | None = None
) -> Path:
    """A folder with a plan (that of plan_fixture), under another name where one is given."""
    plan = plan or plan_fixture.plan()
    if plan_name:
        plan = dataclasses.replace(plan, name=plan_name, warnings=(plan_name,))
    made = folder / name
    made.mkdir(parents=True)
    text = export.to_json(export.plan_to_dict(plan))
    (made / "plan.json").write_text(text, encoding="utf-8")
    (made / "entries.csv").write_text("month,option\n0,own\n", encoding="utf-8")
    return made


def application(
    folder: Path, token: str | None = None, bounds: Limits | None = None, host: str = "127.0.0.1"
) -> FastAPI:
    """An application over a folder, its planner one that is quick."""
    plan = folder.parent / "made.json"
    if not plan.exists():
        plan.write_text(export.to_json(export.plan_to_dict(plan_fixture.plan())), encoding="utf-8")
    script = QUICK_JOB.replace("PLAN", repr(str(plan)))
    jobs = Jobs(folder, 1, (sys.executable, "-c", script), bounds or limits())
    return create_app(Settings(folder, host, token=token), jobs)


def client(app: FastAPI) -> TestClient:
    """A client of an application that asks it by its own address."""
    return TestClient(app, base_url=ADDRESS, raise_server_exceptions=False, follow_redirects=False)


@contextmanager
def opened(app: FastAPI) -> Iterator[TestClient]:
    """The same while the application runs: its jobs end with it."""
    with client(app) as one:
        yield one


def write_problem(folder: Path) -> None:
    """The mix problem of a plan's folder: a chat that either of two GPUs can carry, and a budget
    for one of them."""
    blocks = [{"id": "day", "hours": 100.0}, {"id": "night", "hours": 68.0}]
    resources = [
        {"id": "on_demand:one:1xl4-24gb@us", "gpu": "l4-24gb", "kind": "hourly",
         "gpus_per_instance": 1, "hourly_cost": 1.0},
        {"id": "on_demand:two:1xl40s-48gb@us", "gpu": "l40s-48gb", "kind": "hourly",
         "gpus_per_instance": 1, "hourly_cost": 1.5, "max_instances": 10},
    ]  # fmt: skip
    problem = {
        "name": "team", "units": "requests", "repeat": 52.142857142857146, "blocks": blocks,
        "resources": resources,
        "workloads": [{"id": "chat", "kind": "inference", "demand": [100.0, 50.0]}],
        "configs": [{"workload": "chat", "resource": one["id"], "gpus": 1, "rate": 10.0}
                    for one in resources],
    }  # fmt: skip
    (folder / "problem.json").write_text(json.dumps(problem), encoding="utf-8")
