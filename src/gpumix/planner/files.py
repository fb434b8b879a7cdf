"""Verbs as the command line calls them: files and names in, records out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from gpumix import mix
from gpumix.catalog import Catalog, find_offers, load
from gpumix.domain.backtest import Backtest
from gpumix.domain.comparison import Comparison
from gpumix.domain.gpu import PRECISIONS
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import Inventory, Slo
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.files import read_columns
from gpumix.inventory import read_inventory
from gpumix.inventory.read import SLO_NAMES, slo_of
from gpumix.planner.ask_train import TrainWords, question_of, train_question
from gpumix.planner.backtest import backtest
from gpumix.planner.calibration import find_store
from gpumix.planner.compare import Question, compare, compare_workload
from gpumix.planner.compare_train import compare_train
from gpumix.planner.nearest import nearest_columns, nearest_serving, nearest_training
from gpumix.planner.plan import Planned, Progress, plan
from gpumix.planner.points import predict_inference
from gpumix.planner.points_training import predict_training

DEFAULT_PRECISION, DEFAULT_ENGINE = "bf16", "vllm"
"""Of `gpumix compare MODEL`; an inventory states its own."""


def open_inventory(path: Path, measured: Path | None = None) -> tuple[Inventory, Catalog]:
    """An inventory and the catalogue it is planned with: its price sheet and the team's own
    measurements (`measured`, or those beside the inventory or in the working folder) laid over.

    Raises: InputError with every problem of the files.
    """
    store = find_store(measured, path)
    catalog = load(measured=store)
    inventory = read_inventory(path, catalog, date.today())
    if inventory.prices is not None:
        catalog = load(prices=Path(inventory.prices), measured=store)
    return inventory, catalog


def plan_file(
    path: Path | str, progress: Progress = lambda _: None, measured: Path | None = None
) -> Planned:
    """The plan of an inventory file, and the mix problem it solved."""
    progress(f"reading {path}")
    inventory, catalog = open_inventory(Path(path), measured)
    return plan(inventory, catalog, progress)


def compare_names(
    what: str,
    workload: str | None,
    *,
    gpus: str | None,
    input_tokens: float | None,
    output_tokens: float | None,
    slo: str | None,
    precision: str,
    engine: str,
    measured: Path | None = None,
    train: bool = False,
    run: TrainWords | None = None,
) -> Comparison | TrainingComparison:
    """A comparison asked for on the command line: of a model, or of an inventory's workload;
    with `train`, or of a training workload, of a training run that `run` states.

    Raises: InputError for unknown names, with did-you-mean.
    """
    names = _names("--gpus", gpus)
    served = any(option is not None for option in (input_tokens, output_tokens, slo))
    if train and served:
        raise InputError(Problem("--train", "does not go with --input, --output and --slo"))
    if not train and run not in (None, TrainWords()):
        fix = "add --train" if workload is None else "state them in the inventory"
        raise InputError(Problem("compare", "options of a training run without --train", fix))
    if workload is not None or what.endswith((".yaml", ".yml")):
        if served or train or (precision, engine) != (DEFAULT_PRECISION, DEFAULT_ENGINE):
            raise InputError(
                Problem(
                    "compare",
                    "only --gpus and --measured go with an inventory; the workload states the rest",
                    "change it there, or name a model",
                )
            )
        if not what.endswith((".yaml", ".yml")) and not Path(what).exists():
            fix = f"gpumix compare team.yaml {workload}"
            raise InputError(Problem("WORKLOAD", f"goes with an inventory; {what} is no file", fix))
        inventory, catalog = open_inventory(Path(what), measured)
        ids = [w.id for w in inventory.workloads]
        if workload is None:
            raise InputError(Problem("WORKLOAD", "is missing", f"one of {', '.join(ids)}"))
        if workload not in ids:
            raise InputError(unknown_name("WORKLOAD", "workload", workload, ids))
        chosen = inventory.workloads[ids.index(workload)]
        if chosen.run is not None:
            return compare_train(question_of(chosen, names), catalog, inventory.as_of)
        return compare_workload(chosen, catalog, inventory.as_of, names)
    if train:
        asked = train_question(what, run or TrainWords(), _precisions(precision), names)
        return compare_train(asked, load(measured=find_store(measured)), date.today())
    _refuse_lengths({"--input": input_tokens, "--output": output_tokens})
    question = Question(
        what,
        input_tokens,
        output_tokens,
        parse_slos(slo) if slo else (),
        _precisions(precision),
        engine,
        names,
    )
    return compare(question, load(measured=find_store(measured)), date.today())


def predict_columns(
    work: str,
    columns: Mapping[str, Sequence[str]],
    measured: Path | None = None,
    *,
    nearest: bool = False,
    gpus: Path | None = None,
    models: Path | None = None,
) -> dict[str, Sequence[Any]]:
    """Answers to a table of points of `work` inference or training; with `nearest`, beside each
    the packaged measurement nearest to it.

    Raises: InputError where columns or sheets are wrong.
    """
    catalog = load(gpus=gpus, models=models, measured=find_store(measured))
    training = work == "training"
    predicted: Any = (predict_training if training else predict_inference)(columns, catalog=catalog)
    if not nearest:
        return dict(predicted)
    found = (nearest_training if training else nearest_serving)(columns, catalog)
    return {**predicted, **nearest_columns(found)}


def parse_slos(text: str) -> tuple[Slo, ...]:
    """Promises as the command line takes them: `ttft_p95=800ms,tpot_p95=50ms`; the form of point
    files, `ttft_p99_ms<=2000;tpot_p99_ms<=200`, is understood too.

    Raises: InputError for unknown promises and durations without a unit.
    """
    found: list[Slo] = []
    problems: list[Problem] = []
    for part in (p.strip() for p in text.replace(";", ",").split(",") if p.strip()):
        name, _, limit = part.replace("<=", "=").partition("=")
        if "<=" in part and name.endswith("_ms"):
            name, limit = name.removesuffix("_ms"), f"{limit} ms"
        try:
            found.append(slo_of(name.strip(), limit))
            if found[-1].name in (s.name for s in found[:-1]):
                raise ValueError("is promised twice; keep one limit")
        except ValueError as error:
            problems.append(
                Problem("--slo", f"{part!r}: {error}", f"promises: {', '.join(SLO_NAMES)}")
            )
    if problems:
        raise InputError(problems)
    return tuple(found)


def _refuse_lengths(lengths: Mapping[str, float | None]) -> None:
    problems = [
        Problem(option, f"must be between 1 and 10,000,000, got {value:g}")
        for option, value in lengths.items()
        if value is not None and not 1.0 <= value <= 1e7
    ]
    if problems:
        raise InputError(problems)


def _names(option: str, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if not names:
        raise InputError(Problem(option, "names nothing", "separate ids by commas"))
    return names


def _precisions(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(p.strip() for p in text.split(",") if p.strip()))
    problems = [
        unknown_name("--precision", "precision", name, PRECISIONS)
        for name in names
        if name not in PRECISIONS
    ]
    if problems or not names:
        raise InputError(problems or [Problem("--precision", "names no precision")])
    return names


def solve_file(path: Path, gap: float, time_limit_s: float | None) -> tuple[mix.Solution, str]:
    """The solution of a mix problem in a JSON file, and its JSON text.

    Raises: InputError where the file is no JSON or no mix problem.
    """
    if path.is_dir():
        raise InputError(Problem(str(path), "is a directory", "name the problem file"))
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file")) from None
    except json.JSONDecodeError as error:
        place = f"{path} line {error.lineno}, column {error.colno}"
        raise InputError(Problem(place, f"is not valid JSON: {error.msg}")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None
    problem = mix.read_problem(data, str(path))
    solution = mix.solve(problem, gap=gap, time_limit_s=time_limit_s)
    return solution, json.dumps(mix.solution_to_dict(solution), indent=1)


def backtest_file(path: Path | None) -> Backtest:
    """Errors on a file of measured rows, or on the packaged evidence."""
    columns = None if path is None else read_columns(path)
    return backtest(columns, load(), "packaged evidence" if path is None else path.name)


def list_offers(
    gpu: str | None,
    provider: str | None,
    country: str | None,
    purchase: str | None,
    sheet: Path | None,
) -> list[Offer]:
    """Offers that match, cheapest per GPU-hour first within each GPU.

    Raises: InputError for names that no offer has.
    """
    catalog = load(prices=sheet)
    offers = catalog.offers
    problems = []
    wanted = None if gpu is None else {catalog.gpu(gpu, "--gpu").id}
    for option, name, known in (
        ("--provider", provider, {o.provider for o in offers}),
        ("--country", country, {o.country for o in offers if o.country}),
        ("--purchase", purchase, {p.value for p in Purchase if p.is_cloud}),
    ):
        if name is not None and name not in known:
            problems.append(unknown_name(option, option.removeprefix("--"), name, sorted(known)))
    if problems:
        raise InputError(problems)
    found = find_offers(
        offers,
        providers=None if provider is None else {provider},
        countries=None if country is None else {country},
        gpus=wanted,
        purchases=None if purchase is None else {Purchase(purchase)},
    )
    return sorted(found, key=lambda o: (o.gpu, o.usd_per_gpu_hour, o.provider, o.region))
