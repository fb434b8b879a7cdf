"""A run as rows of the points contract, with what the command line states about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpumix.catalog import Catalog
from gpumix.domain.bounds import REQUESTS, point_fault
from gpumix.domain.cells import number_in
from gpumix.domain.defaults import ENGINE, PRECISION
from gpumix.errors import InputError, Problem
from gpumix.inventory.results.run import Run
from gpumix.units import MS

SERVING = (
    "gpu", "n_gpus", "tp", "pp", "dp", "ep", "model", "weight_precision", "kv_precision", "engine",
    "engine_version", "input_len", "output_len", "load", "load_value", "metric", "dataset", "slo",
)  # fmt: skip
TRAINING = (
    "gpus_per_node", "inter_gbps_per_node", "seq_len", "global_batch", "micro_batch", "cp", "vp",
    "lora_rank", "task", "precision", "stack", "sharding", "activation_ckpt", "intra_link",
    "lora_targets",
)  # fmt: skip
LAYOUT = ("n_gpus", "tp", "pp", "dp", "ep")
COLUMNS = ("id", *SERVING, *TRAINING, "value", "source")
"""Columns of a measured row: the points contracts' questions, the measured value, the file."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What the command line says about the runs; empty = nothing.

    It fills what a file leaves out; where both state something they must agree.
    """

    gpu: str = ""
    model: str = ""
    n_gpus: str = ""
    tp: str = ""
    pp: str = ""
    dp: str = ""
    ep: str = ""
    weight_precision: str = ""
    kv_precision: str = ""
    engine: str = ""
    engine_version: str = ""
    concurrency: float | None = None
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A run's deployment and load, with everything filled in; `note` says what was assumed."""

    cells: dict[str, str]
    note: str


def rows_of(run: Run, stated: Stated, catalog: Catalog, problems: list[Problem]) -> tuple[
    list[dict[str, str]], str
]:  # fmt: skip
    """Measured rows of a run and what was assumed; what is missing is added to `problems`."""
    known = len(problems)
    setting = _setting(run, stated, catalog, problems)
    if len(problems) > known:
        return [], ""
    return [
        setting.cells | {"metric": metric, "value": f"{value:.9g}"}
        for metric, value in _figures(run)
    ], setting.note


def _figures(run: Run) -> Iterator[tuple[str, float]]:
    """Metrics of the points contract, in its units: rates per s, latencies in ms."""
    yield "output_tok_s_total", run.output_tokens_per_s
    yield "total_tok_s_total", run.requests_per_s * (run.input_len + run.output_len)
    yield "requests_s", run.requests_per_s
    for name, values in run.latency_s.items():
        for statistic, seconds in values.items():
            if seconds > 0.0:
                yield f"{name}_ms_{statistic}", seconds / MS


def _setting(run: Run, stated: Stated, catalog: Catalog, problems: list[Problem]) -> Setting:
    notes = list(run.notes)
    engine = stated.engine or run.engine
    if stated.engine and run.engine and stated.engine != run.engine:
        message = f"the file says engine {run.engine}, --engine says {stated.engine}"
        problems.append(Problem(run.place, message))
    if not engine:
        engine = ENGINE
        notes.append(f"engine {engine} assumed (--engine)")
    load, value = _load(run, stated, problems)
    tp = stated.tp or ("" if stated.n_gpus else "1")
    cells = {
        "gpu": _gpu(run.place, stated.gpu, catalog, problems),
        "n_gpus": stated.n_gpus or _product(stated),
        "tp": tp,
        "pp": stated.pp,
        "dp": stated.dp,
        "ep": stated.ep,
        "model": _model(run, stated.model, catalog, problems),
        "weight_precision": stated.weight_precision or _name_states(run, stated, catalog),
        "kv_precision": stated.kv_precision,
        "engine": engine,
        "engine_version": stated.engine_version or run.engine_version,
        "input_len": f"{run.input_len:.6g}",
        "output_len": f"{run.output_len:.6g}",
        "load": load,
        "load_value": "" if value is None else f"{value:.9g}",
        "dataset": "fixed" if run.same_length else "",
    }
    return Setting(cells, "; ".join(notes))


def _name_states(run: Run, stated: Stated, catalog: Catalog) -> str:
    """The precision that the name of the model states by a word; empty where it states none."""
    for name in filter(None, (stated.model, run.model)):
        try:
            named = catalog.named_model(name)
        except InputError:
            continue
        if named.stated or named.precision != PRECISION:
            return named.precision
    return ""


def stated_faults(stated: Stated) -> Iterator[Problem]:
    """What is wrong with stated counts and loads, whether or not a file needs them."""
    for name in LAYOUT:
        if (text := getattr(stated, name)) and (fault := point_fault(name, text, number_in(text))):
            yield Problem(f"--{name.replace('_', '-')}", fault)
    for name in ("concurrency", "rate"):
        value = getattr(stated, name)
        if value is not None and not 0.0 < value <= REQUESTS[1]:
            yield Problem(f"--{name}", f"must be above 0 and at most {REQUESTS[1]:,.0f}")


def _product(stated: Stated) -> str:
    """GPUs of a layout: an empty degree counts as 1."""
    product = 1
    for degree in (stated.tp, stated.pp, stated.dp):
        product *= int(degree or 1)
    return str(product)


def _load(run: Run, stated: Stated, problems: list[Problem]) -> tuple[str, float | None]:
    if run.load:
        asked = {"concurrency": stated.concurrency, "request_rate": stated.rate}.get(run.load)
        if asked is not None and run.load_value is not None and asked != run.load_value:
            option = "--concurrency" if run.load == "concurrency" else "--rate"
            message = f"the file says {run.load} {run.load_value:g}, {option} says {asked:g}"
            problems.append(Problem(run.place, message))
        return run.load, run.load_value
    if stated.concurrency is not None:
        return "concurrency", stated.concurrency
    if stated.rate is not None:
        return "request_rate", stated.rate
    if run.tool == "inference-perf":
        return "request_rate", run.requests_per_s
    fix = "add --concurrency or --rate"
    problems.append(Problem(run.place, "does not say the load it was measured under", fix))
    return "", None


def _gpu(place: str, name: str, catalog: Catalog, problems: list[Problem]) -> str:
    if not name:
        problems.append(Problem(place, "does not say which GPU it was measured on", "add --gpu"))
        return ""
    try:
        return catalog.gpu(name, "--gpu").id
    except InputError as error:
        _add(problems, error)
        return ""


def _model(run: Run, stated: str, catalog: Catalog, problems: list[Problem]) -> str:
    """The model's id; a served name that no catalogue has gives way to --model."""
    own = ""
    if run.model:
        try:
            own = catalog.model(run.model, run.place).id
        except InputError as error:
            if not stated:
                hint = "--model says which it is"
                problems += [
                    Problem(p.place, p.message, f"{p.fix} {hint}".strip()) for p in error.problems
                ]
                return ""
    if not stated:
        if not own:
            message = "does not say which model it was measured with"
            problems.append(Problem(run.place, message, "add --model"))
        return own
    try:
        model = catalog.model(stated, "--model").id
    except InputError as error:
        _add(problems, error)
        return ""
    if own and own != model:
        problems.append(Problem(run.place, f"the file says model {own}, --model says {model}"))
    return model


def _add(problems: list[Problem], error: InputError) -> None:
    """Add an error's problems, each once: an option is wrong for every file."""
    problems.extend(p for p in error.problems if p not in problems)
