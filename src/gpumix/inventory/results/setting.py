"""A run's deployment and load: what the file says and what the command line says, together.

Where both speak they must agree. Where neither says what matters, or the file leaves open what it
means, the measurement is in doubt: it is kept out until a person confirms it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gpumix.catalog import Catalog
from gpumix.domain.bounds import REQUESTS, TOKENS, point_fault
from gpumix.domain.cells import number_in
from gpumix.domain.defaults import ENGINE, PRECISION
from gpumix.domain.engines import engine_family
from gpumix.domain.quantities import shown
from gpumix.errors import InputError, Problem
from gpumix.inventory.results.checks import problems_of
from gpumix.inventory.results.deployed import gpus_named
from gpumix.inventory.results.run import LAYOUT, Run


@dataclass(frozen=True, slots=True)
class Stated:
    """What the command line says about the runs; empty = nothing.

    It fills what a file leaves out; where both state something they must agree. Lengths are means
    per request [tokens]. `metric` is that of a CSV's values, `columns` its columns by their names
    in the points contract.
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
    input_len: float | None = None
    output_len: float | None = None
    metric: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """A run's deployment and load, with everything filled in.

    `notes` say what was assumed, `doubts` what a person must confirm before it may count;
    `counts_gpus` is whether anybody says how many GPUs there were.
    """

    cells: dict[str, str]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    counts_gpus: bool


def with_lengths(run: Run, stated: Stated, problems: list[Problem]) -> Run:
    """The run with lengths that the command line states; one that is missing is a problem."""
    known = len(problems)
    input_len = _length(run, "input_len", run.input_len, stated.input_len, problems)
    output_len = _length(run, "output_len", run.output_len, stated.output_len, problems)
    is_same = (input_len, output_len) == (run.input_len, run.output_len)
    if is_same or len(problems) > known:
        return run
    run = replace(run, input_len=input_len, output_len=output_len)
    if math.isnan(run.output_tokens_per_s):
        run = replace(run, output_tokens_per_s=run.requests_per_s * run.output_len)
    problems += problems_of(run)
    return run


def _length(
    run: Run, name: str, own: float, stated: float | None, problems: list[Problem]
) -> float:
    option = "--" + name.replace("_", "-")
    if not math.isnan(own):
        if stated is not None and abs(stated - own) > 0.05 * own:
            message = f"the file says {own:.4g} tokens, {option} says {stated:g}"
            problems.append(Problem(run.place, message, f"leave {option} out"))
        return own
    if stated is None:
        what = "prompts" if name == "input_len" else "answers"
        problems.append(Problem(run.place, f"does not say how long {what} were", f"add {option}"))
        return own
    return float(stated)


def setting_of(run: Run, stated: Stated, catalog: Catalog, problems: list[Problem]) -> Setting:
    """The deployment and load of a run; contradictions and gaps are added to `problems`."""
    said, notes, doubts = run.deployed, list(run.notes), list(run.deployed.doubts)
    engine = _agreed(run, "engine", run.engine, engine_family(stated.engine), problems)
    if not engine:
        engine = ENGINE
        notes.append(f"engine {engine} assumed (--engine)")
    version = run.engine_version or said.engine_version
    load, value = _load(run, stated, problems)
    cells = {
        "gpu": _gpu(run, stated.gpu, catalog, problems, doubts),
        **_layout(run, stated, problems, doubts),
        "model": _model(run, stated.model, catalog, problems),
        "weight_precision": _agreed(
            run, "precision", said.weight_precision, stated.weight_precision, problems
        )
        or _name_states(run, stated, catalog),
        "kv_precision": stated.kv_precision,
        "engine": engine,
        "engine_version": _agreed(run, "engine-version", version, stated.engine_version, problems),
        "input_len": f"{run.input_len:.6g}",
        "output_len": f"{run.output_len:.6g}",
        "load": load,
        "load_value": "" if value is None else f"{value:.9g}",
        "dataset": "fixed" if run.same_length else "",
    }
    counts = any(getattr(said, name) or getattr(stated, name) for name in LAYOUT)
    return Setting(cells, tuple(notes), tuple(doubts), counts)


def _name_states(run: Run, stated: Stated, catalog: Catalog) -> str:
    """The precision that the name of the model states by a word, or is published in; empty where
    that is the default."""
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
    bounds = {"concurrency": REQUESTS, "rate": REQUESTS, "input_len": TOKENS, "output_len": TOKENS}
    for name, (_, most) in bounds.items():
        value = getattr(stated, name)
        if value is not None and not 0.0 < value <= most:
            yield Problem(f"--{name.replace('_', '-')}", f"must be above 0 and at most {most:,.0f}")


def _agreed(run: Run, option: str, file: str, stated: str, problems: list[Problem]) -> str:
    """What the file says or the command line; a problem where they say different things."""
    if file and stated and not _same(file, stated):
        what = option.replace("-", "_")
        problems.append(
            Problem(
                run.place,
                f"the file says {what} {shown(file)}, --{option} says {stated:.60}",
                f"leave --{option} out, or correct what is wrong",
            )
        )
    return stated or file


def _same(one: str, other: str) -> bool:
    """Whether two words agree: in any case, and `0.6` covers `0.6.3`."""
    a, b = sorted((one.lower().removeprefix("v"), other.lower().removeprefix("v")), key=len)
    return b == a or (b.startswith(a) and b[len(a)] in ".+-" and a[:1].isdigit())


def _layout(run: Run, stated: Stated, problems: list[Problem], doubts: list[str]) -> dict[str, str]:
    """Number of GPUs and degrees as digits, '' where left to the prediction.

    An empty degree counts as 1; GPUs beyond tp x pp are replicas only where somebody says so.
    """
    said, known = run.deployed, len(problems)
    one = {
        name: _agreed(
            run, name.replace("_", "-"), getattr(said, name), getattr(stated, name), problems
        )
        for name in LAYOUT
    }
    gpus = one["n_gpus"]
    per_replica = int(one["tp"] or 1) * int(one["pp"] or 1)
    product = per_replica * int(one["dp"] or 1)
    if not gpus:
        return one | {"n_gpus": str(product), "tp": one["tp"] or "1"}
    if len(problems) > known:
        return one
    n = int(gpus)
    if stated.n_gpus and not any((said.n_gpus, said.tp, said.pp, said.dp)):
        return one  # as the command line says, and no file to compare it with
    if n % product or (one["tp"] and one["dp"] and n != product):
        degrees = " x ".join(f"{name} {one[name]}" for name in ("tp", "pp", "dp") if one[name])
        fix = "correct the file or the options: GPUs = tp x pp x dp"
        problems.append(Problem(run.place, f"{n} GPUs contradict {degrees} = {product}", fix))
        return one
    if not one["tp"]:
        if n > product and not one["dp"]:
            doubts.append(f"the file says {n} GPUs but not how they are used: --tp or --dp")
        return one | {"tp": str(n // product)}
    if n > product:
        doubts.append(
            f"the file says {n} GPUs and tp x pp = {per_replica}: replicas (--dp "
            f"{n // per_replica}), or idle GPUs?"
        )
        return one | {"dp": str(n // per_replica)}
    return one


def _gpu(
    run: Run, stated: str, catalog: Catalog, problems: list[Problem], doubts: list[str]
) -> str:
    """The GPU's id: the command line's, or the file's where it can mean one part only."""
    word = run.deployed.gpu
    forms = gpus_named(word, catalog) if word else ()
    if not stated:
        if len(forms) == 1:
            return forms[0]
        if not word:
            message, fix = "does not say which GPU it was measured on", "add --gpu"
        elif forms:
            message = f"says GPU {shown(word)}, which may be {', '.join(forms)}"
            fix = "add --gpu with one of them"
        else:
            message, fix = f"says GPU {shown(word)}, which the catalogue does not have", "add --gpu"
        problems.append(Problem(run.place, message, fix))
        return ""
    try:
        gpu = catalog.gpu(stated, "--gpu").id
    except InputError as error:
        _add(problems, error)
        return ""
    if forms and gpu not in forms:
        message = f"the file says GPU {shown(word)}, --gpu says {gpu}"
        problems.append(Problem(run.place, message, "name the GPU it ran on"))
    elif word and not forms:
        doubts.append(f"the file says GPU {shown(word)}, which the catalogue does not have")
    return gpu


def _load(run: Run, stated: Stated, problems: list[Problem]) -> tuple[str, float | None]:
    if run.load:
        asked = {"concurrency": stated.concurrency, "request_rate": stated.rate}.get(run.load)
        if asked is not None and run.load_value is not None and asked != run.load_value:
            option = "--concurrency" if run.load == "concurrency" else "--rate"
            message = f"the file says {run.load} {run.load_value:g}, {option} says {asked:g}"
            problems.append(Problem(run.place, message))
        return run.load, run.load_value
    if stated.concurrency is not None:
        return "static_batch" if run.batch else "concurrency", stated.concurrency
    if stated.rate is not None:
        return "request_rate", stated.rate
    if run.tool == "inference-perf":
        return "request_rate", run.requests_per_s
    fix = "add --concurrency or --rate"
    problems.append(Problem(run.place, "does not say the load it was measured under", fix))
    return "", None


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


def differs(name: str, own: str, stated: str, catalog: Catalog) -> bool:
    """Whether a cell of a file contradicts an option; names are compared as the catalogue's ids."""
    if name == "gpu":
        forms = gpus_named(stated, catalog)
        return bool(forms) and not set(forms) & set(gpus_named(own, catalog))
    if name == "model":
        try:
            return catalog.model(own, "").id != catalog.model(stated, "").id
        except InputError:
            return False  # reported where the name is looked up
    if name in LAYOUT:
        return number_in(own) != number_in(stated)
    return not _same(own, stated)
