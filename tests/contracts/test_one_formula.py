"""The formula that gpumix shows for a quantity is the function that makes it.

Read from the source: every definition, documented formulas first, is used by the command line or
the public API. Tried out: where a field's formula is changed, the field's values change.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from call_graph import Definition, call_graph, home, reachable, statements_of

import gpumix
from gpumix import fields
from gpumix.domain.workload import Adapters
from gpumix.errors import UnknownName
from gpumix.verbs import explain
from gpumix.verbs.fit import FitTrainWords, FitWords, fit_names, fit_training_names
from gpumix.verbs.tco import tco_file

GRAPH = call_graph()
NAMED_FOR_READERS = {"__all__", "__version__", "_HOMES"}
CALLED_BY_LIBRARIES = {
    "gpumix.cli._whole": "typer, for options of the program itself",
    "gpumix.domain.comparison.Comparison._repr_html_": "Jupyter",
    "gpumix.domain.plan.Plan._repr_html_": "Jupyter",
    "gpumix.web.folders.Listed.changed": "jinja2, in start.html.j2",
    "gpumix.compiled._Place.get_cache_path": "numba, to find compiled code",
    "gpumix.compiled._Place.get_source_stamp": "numba",
    "gpumix.compiled._Place.get_disambiguator": "numba",
    "gpumix.compiled._Place.from_function": "numba",
    "gpumix.compiled._Kept.load_overload": "numba",
    "gpumix.compiled._Kept.save_overload": "numba",
}
"""Hooks that a library calls by their name."""


def _roots() -> Iterator[str]:
    """The command line, and all that `gpumix.__all__` gives to others."""
    yield from (statements_of("gpumix.cli"), statements_of("gpumix.__main__"), "gpumix.cli.main")
    yield "gpumix.web.child.main"  # a process of its own
    yield from CALLED_BY_LIBRARIES
    for name in gpumix.__all__:
        path = home(f"gpumix.{name}")
        yield path
        yield from (m for m in GRAPH[path].methods if not m.rpartition(".")[2].startswith("_"))


REACHED = reachable(GRAPH, _roots())


def _unused(one: Definition) -> bool:
    name = one.path.rpartition(".")[2]
    hooks = name.startswith("__") or name in NAMED_FOR_READERS
    return one.path not in REACHED and one.lines > 0 and not hooks


def test_every_definition_is_used_by_a_verb_or_the_api() -> None:
    unused = [f"{one.path} ({one.lines} lines)" for one in GRAPH.values() if _unused(one)]
    assert not unused, "called by nothing: give it a caller or remove it"


@pytest.mark.parametrize("path", [formula.path for formula in explain.formulas().values()])
def test_every_documented_formula_is_used(path: str) -> None:
    assert path in GRAPH
    assert path in REACHED


# -- tried out -------------------------------------------------------------------------------

TEAM = """
name: Small team
horizon: {start: 2027-01, years: 1}
supply:
  cloud: {providers: [runpod, nebius], purchase: [on_demand, spot]}
workloads:
"""
CHAT = """
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 5}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
    gpus: [l40s-48gb]
"""
PICTURES = """
  pictures:
    kind: media
    model: stabilityai/stable-diffusion-xl-base-1.0
    images_per_day: 20000
    gpus: [l40s-48gb]
  frames:
    kind: custom
    rates: {l40s-48gb: 1200}
    per_day: 20000
"""
ADAPTERS = """
  adapters:
    kind: finetune
    method: lora
    model: Qwen/Qwen2.5-7B-Instruct
    tokens: 50M
    runs_per_month: 8
    finish_within: 48 h
    calendar_usd_per_day: 500
    gpus: [l40s-48gb, h100-sxm-80gb]
"""
LARGE = "meta-llama/Meta-Llama-3-70B"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
ASKED = {
    "model": [LLAMA], "gpu": ["h100-sxm-80gb"], "n_gpus": ["1"], "tp": ["1"], "precision": ["bf16"],
    "engine": ["vllm"], "input_len": ["512"], "output_len": ["256"], "load": ["concurrency"],
    "load_value": ["16"], "metric": ["output_tok_s_total"], "id": ["a"],
}  # fmt: skip

Values = dict[str, list[Any]]


def _planned(workload: str, folder: Path) -> object:
    path = folder / "team.yaml"
    path.write_text(TEAM + workload, encoding="utf-8")
    plan = gpumix.plan_file(path).plan
    return plan, explain.explain_plan(plan)


def _fitted(folder: Path) -> object:
    words = FitWords(users=200, context=8192, tp=1, adapters=Adapters(4, 16))
    return [
        fit_names(LLAMA, "h100-sxm-80gb", words),
        fit_names(LLAMA, "h100-sxm-80gb", dataclasses.replace(words, users=4)),
        fit_training_names(LLAMA, "h100-sxm-80gb", FitTrainWords("lora", 2048, 1, 1)),
        fit_training_names(LLAMA, "h100-sxm-80gb", FitTrainWords("full", 2048, 1, 1)),
    ]


def _compared(folder: Path) -> object:
    question = gpumix.Question(
        LLAMA, None, None, (), ("bf16",), "vllm", ("h100-sxm-80gb", "l4-24gb")
    )
    return gpumix.compare_gpus(question, gpumix.load(), date(2026, 11, 24))


def _trained(folder: Path) -> object:
    from gpumix.compare.training import compare_train
    from gpumix.verbs.training_words import TrainWords, train_question

    words = TrainWords(tokens="10B", counts="64", calendar_usd_per_day=500.0)
    gpus = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb")
    asked = train_question(LARGE, words, ("bf16",), gpus)
    return compare_train(asked, gpumix.load(), date(2026, 11, 24))


def _simulated(folder: Path) -> object:
    from gpumix.simulate.question import SimulationQuestion
    from gpumix.verbs.simulate import simulate_file

    return simulate_file(
        SimulationQuestion(LLAMA, "l40s-48gb", profile="azure-conv", rate=2.0, requests=300)
    )


def _predicted(folder: Path) -> object:
    return {name: list(column) for name, column in gpumix.predict_inference(ASKED).items()}


def _calibrated(folder: Path) -> object:
    from gpumix.files import write_columns
    from gpumix.inventory.results import Stated
    from gpumix.verbs.calibrate import calibrate

    rows = {name: [str(v) for v in column] for name, column in ASKED.items()}
    write_columns(folder / "runs.csv", rows | {"value": ["2000"]})
    kept = folder / "kept"
    for left in kept.glob("*"):
        left.unlink()
    return calibrate([folder / "runs.csv"], Stated(), kept)


def _costed(_: Path) -> object:
    case = Path(__file__).parent.parent / "cases" / "ledger" / "own_and_rent.yaml"
    return tco_file(case).answer


RUNS: dict[str, Callable[[Path], object]] = {
    "fit": _fitted,
    "tco": _costed,
    "predict": _predicted,
    "calibrate": _calibrated,
    "train": _trained,
    "simulate": _simulated,
    "compare": _compared,
    "plan of jobs": functools.partial(_planned, ADAPTERS),
    "plan of media": functools.partial(_planned, PICTURES),
    "plan of chat": functools.partial(_planned, CHAT),
}
"""Short runs of the verbs, the quickest first: a field is tried in the first that fills it."""


def _filled(answer: object) -> Values:
    """The values of every registered field in an answer, in its order."""
    found: Values = {}

    def walk(value: object) -> None:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for one in dataclasses.fields(value):
                own = getattr(value, one.name)
                with contextlib.suppress(UnknownName):
                    key = fields.field(one.name, type(value)).name
                    if own is not None:
                        found.setdefault(key, []).append(own)
                walk(own)
        elif isinstance(value, dict):
            for name, own in value.items():
                if name in fields.registry():
                    found.setdefault(name, []).append(own)
                walk(own)
        elif isinstance(value, tuple | list):
            for own in value:
                walk(own)

    walk(answer)
    return found


@functools.cache
def _before(run: str) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        return _filled(RUNS[run](Path(folder)))


def _changed(value: Any, share: float = 0.07) -> Any:
    """What a formula gives, a little more of it and of each part a little more than of the last;
    words and answers of yes or no as they are."""
    if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        return value * (1.0 + share)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_changed(one, share + 0.01 * i) for i, one in enumerate(value))
    if isinstance(value, dict):
        return {k: _changed(one, share + 0.01 * i) for i, (k, one) in enumerate(value.items())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = enumerate(f.name for f in dataclasses.fields(value))
        more = {name: _changed(getattr(value, name), share + 0.01 * i) for i, name in parts}
        return dataclasses.replace(value, **more)
    return value


def _swap(monkeypatch: pytest.MonkeyPatch, path: str, other: Callable[..., Any]) -> None:
    """Another function in a formula's place, under every name that it was imported by."""
    original = explain.public_functions()[path]
    for name, module in list(sys.modules.items()):
        if name.startswith("gpumix."):
            for bound, value in list(vars(module).items()):
                if value is original:
                    monkeypatch.setattr(module, bound, other)


FORMULAS = sorted({own.formula for own in fields.registry().values() if own.formula})


@pytest.mark.parametrize("path", FORMULAS)
def test_a_fields_formula_makes_its_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    """Change what the formula gives: each of its fields changes in one of the runs that fill it,
    if not by one share then by another at each call (ratios).

    Of a field that is no number (a layout, what binds) only the call can be seen.
    """
    waiting = {own.name: own for own in fields.registry().values() if own.formula == path}
    original, calls, more = explain.public_functions()[path], [], [0.0]

    @functools.wraps(original)
    def other(*args: Any, **kwargs: Any) -> Any:
        calls.append(path)
        return _changed(original(*args, **kwargs), 0.07 + more[0] * (len(calls) % 7))

    for more[0], run in itertools.product((0.0, 0.001), RUNS):
        asked = [own for own in waiting.values() if own.name in _before(run)]
        if not asked:
            continue
        calls.clear()
        with monkeypatch.context() as patch:
            _swap(patch, path, other)
            after = _filled(RUNS[run](tmp_path))
        for own in asked:
            moved = after.get(own.name) != _before(run)[own.name] or not own.is_number
            if calls and moved:
                del waiting[own.name]
        if not waiting:
            break
    assert not waiting, f"not made by {path}"
