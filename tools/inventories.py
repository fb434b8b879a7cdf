"""Inventories that plans are tried on: the examples, what `gpumix init` writes, made-up teams."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]

Json = dict[str, Any]

WORK: dict[str, Json] = {
    "desk": {
        "kind": "chat",
        "model": "meta-llama/Llama-3.1-70B-Instruct",
        "precision": ["bf16", "fp8"],
        "tier": "premium",
        "traffic": {"profile": "azure-conv", "peak_requests_per_s": 8},
        "slo": {"ttft_p95": "1.5 s", "tpot_p95": "60 ms"},
    },
    "app": {
        "kind": "chat",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "traffic": {"profile": "servegen-chat", "peak_requests_per_s": 30},
        "slo": {"ttft_p95": "800 ms", "tpot_p95": "40 ms"},
    },
    "code": {
        "kind": "chat",
        "model": "Qwen/Qwen2.5-32B-Instruct",
        "precision": ["bf16", "fp8"],
        "traffic": {
            "profile": "flat",
            "requests_per_s": 3,
            "input_tokens": 3000,
            "output_tokens": 250,
        },
        "slo": {"ttft_p95": "2 s", "tpot_p95": "50 ms"},
    },
    "nightly": {
        "kind": "batch",
        "model": "meta-llama/Llama-3.1-70B-Instruct",
        "precision": ["bf16", "fp8"],
        "tokens_per_day": {"input": "500M", "output": "40M"},
        "window": "22:00-06:00",
    },
    "search": {"kind": "embedding", "model": "BAAI/bge-m3", "tokens_per_day": "3000M"},
    "tuning": {
        "kind": "finetune",
        "method": "lora",
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "tokens": "200M",
        "runs_per_month": 8,
        "finish_within": "12 h",
    },
    "art": {
        "kind": "media",
        "model": "black-forest-labs/FLUX.1-dev",
        "steps": 28,
        "latency": "15 s",
        "traffic": {"profile": "servegen-chat", "peak_requests_per_s": 0.2},
    },
    "clips": {
        "kind": "media",
        "model": "Wan-AI/Wan2.1-T2V-14B",
        "steps": 50,
        "frames": 81,
        "resolution": "832x480",
        "latency": "25 min",
        "traffic": {"peak_requests_per_s": 0.002, "arrival_cv": 2.5, "growth_per_year": "40%"},
    },
    "long": {
        "kind": "chat",
        "model": "Qwen/Qwen2.5-32B-Instruct",
        "traffic": {"requests_per_s": 0.2, "input_tokens": 16000, "output_tokens": 400},
        "slo": {"ttft_p95": "8 s", "tpot_p95": "60 ms"},
    },
    "vectors": {
        "kind": "embedding",
        "model": "BAAI/bge-m3",
        "traffic": {"profile": "servegen-chat", "input_tokens": 400, "peak_requests_per_s": 30},
        "slo": {"e2e_p99": "200 ms"},
    },
    "adapted": {
        "kind": "chat",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "adapters": {"count": 20, "rank": 16},
        "traffic": {"profile": "azure-conv", "peak_requests_per_s": 6, "growth_per_year": "50%"},
        "slo": {"ttft_p95": "1 s", "tpot_p95": "60 ms"},
    },
    "rare": {
        "kind": "chat",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "traffic": {"requests_per_s": 0.2, "input_tokens": 600, "output_tokens": 200},
        "slo": {"ttft_p95": "1 s", "e2e_p95": "12 s"},
    },
    "digest": {
        "kind": "batch",
        "model": "Qwen/Qwen2.5-32B-Instruct",
        "tokens_per_day": {"input": "200M", "output": "20M"},
        "window": "20:00-08:00",
    },
    "index": {
        "kind": "embedding",
        "model": "BAAI/bge-m3",
        "tokens_per_day": "500M",
        "window": "22:00-06:00",
    },
}

TEAMS: dict[str, tuple[tuple[str, ...], int, list[str]]] = {
    "assistant": (("desk", "app"), 1, ["on_demand", "spot", "reserved_1y", "reserved_3y"]),
    "coders": (("code", "nightly"), 1, ["on_demand", "reserved_1y"]),
    "documents": (("nightly", "search"), 2, ["on_demand", "spot"]),
    "mobile": (("app", "search", "tuning"), 1, ["on_demand", "spot", "reserved_1y"]),
    "studio": (("code", "tuning"), 3, ["on_demand", "reserved_1y", "reserved_3y"]),
}
"""Teams made up for it: their work, the years they plan, what they may sign."""

MORE_TEAMS: dict[str, tuple[tuple[str, ...], int, list[str]]] = {
    "pictures": (("art", "clips"), 2, ["on_demand"]),
    "retrieval": (("long", "vectors"), 1, ["on_demand"]),
    "tenants": (("adapted", "rare"), 2, ["on_demand", "reserved_1y"]),
    "nights": (("digest", "index", "app"), 1, ["on_demand", "spot"]),
}
"""More of them, of kinds of work that the others do not have."""


def inventories(folder: Path, teams: Iterable[str]) -> list[Path]:
    """The examples, the inventory that `gpumix init` writes, and some teams."""
    own = folder / "team.yaml"
    own.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "gpumix", "init", str(own)], check=True)
    made = [written(folder / f"{name}.yaml", team_of(name)) for name in teams]
    return [*examples(), own, *made]


def team_of(name: str) -> Json:
    """The inventory of a team."""
    work, years, purchase = (TEAMS | MORE_TEAMS)[name]
    return {
        "name": name,
        "horizon": {"start": "2027-01", "years": years},
        "as_of": "2026-11-24",
        "workloads": {w: WORK[w] for w in work},
        "supply": {"cloud": {"providers": "any", "purchase": purchase}},
    }


def written(file: Path, inventory: Json) -> Path:
    """The file, with an inventory in it."""
    file.write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
    return file


def examples() -> list[Path]:
    """The example inventories; `tco-*` are cases of `gpumix tco`."""
    return sorted(p for p in (ROOT / "examples").glob("*.yaml") if p.name[:4] != "tco-")


def planned(file: Path, folder: Path) -> Json:
    """The plan of an inventory, by the command."""
    out = folder / f"{file.stem}-plan"
    command = [sys.executable, "-m", "gpumix", "plan", str(file), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = out / "plan.json"
    if not found.exists():
        raise SystemExit(f"{file.name}: {done.stderr}")
    plan: Json = json.loads(found.read_text(encoding="utf-8"))
    return plan
