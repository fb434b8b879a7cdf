"""What answers each verb over REST: the verb's own function, and the JSON of its `--json`.

A verb that prints no JSON answers with what it writes. Files that the command line writes to its
`--out` go into the folder of the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from gpumix.domain.plan import PLAN_JSON
from gpumix.errors import InputError, Problem
from gpumix.report import export
from gpumix.web.rest import asked as words
from gpumix.web.rest.place import DECLARED, SOURCES, Place, Sent

Progress = Callable[[str], None]
Answer = dict[str, Any]
_INVENTORIES = (".yaml", ".yml")


def init(asked: words.AskedInit, place: Place, progress: Progress) -> Answer:
    """The starter, a template, or what a file says as an inventory."""
    from gpumix.inventory import starter_text
    from gpumix.inventory.templates import template_text
    from gpumix.verbs.init import inventory_from

    if asked.source is not None and asked.template is not None:
        raise InputError(Problem("source, template", "give one of them"))
    if asked.source is not None:
        return {"inventory": inventory_from(place.put(asked.source), date.today())}
    return {"inventory": template_text(asked.template) if asked.template else starter_text()}


def start(asked: words.AskedStart, place: Place, progress: Progress) -> Answer:
    """The inventory of five answers, and what its work would cost."""
    from gpumix.verbs.start import start as started

    place.out.mkdir(parents=True, exist_ok=True)
    file = place.out / "inventory.yaml"
    found = started({key: value for key, value in asked.model_dump().items() if value}, file)
    return {"inventory": file.read_text(encoding="utf-8"), **export.record_to_dict(found)}


def demo(asked: words.AskedDemo, place: Place, progress: Progress) -> Answer:
    """The plan of the example."""
    from gpumix.inventory import EXAMPLE
    from gpumix.verbs.plan import plan_into

    beside = {EXAMPLE.name: EXAMPLE.read_text(encoding="utf-8")}
    return export.plan_to_dict(plan_into(place.out, EXAMPLE, progress, beside=beside).plan)


def compare(asked: words.AskedCompare, place: Place, progress: Progress) -> Answer:
    """A model, or a workload of an inventory, on every GPU."""
    from gpumix.verbs.compare import LoadWords, MarketWords, PictureWords, compare_names
    from gpumix.verbs.training_words import TrainWords
    from gpumix.verbs.words import adapters_of

    if (asked.model is None) == (asked.inventory is None):
        raise InputError(Problem("model, inventory", "send one of them"))
    if asked.model is not None and asked.workload is not None:
        raise InputError(Problem("workload", "goes with an inventory"))
    if asked.model is not None and asked.model.endswith(_INVENTORIES):
        raise InputError(Problem("model", "must be a model's id, not a file", "send inventory"))
    what, workload = asked.model or "", asked.workload
    if asked.inventory is not None:
        if not asked.inventory.name.endswith(_INVENTORIES):
            raise InputError(Problem("inventory", "must be named *.yaml"))
        what = str(place.inventory(asked.inventory, asked.beside))
    run = None if asked.train is None else TrainWords(**asked.train.model_dump())
    found = compare_names(
        what, workload, gpus=asked.gpus, input_tokens=asked.input, output_tokens=asked.output,
        slo=asked.slo, precision=asked.precision, engine=asked.engine,
        measured=place.measured(asked.measured), train=run is not None, run=run,
        adapters=adapters_of(asked.adapters, asked.adapter_rank),
        configs=place.configs(asked.configs),
        picture=PictureWords(asked.resolution, asked.steps, asked.frames),
        market=MarketWords(asked.providers, asked.purchase, asked.everything),
        load=LoadWords(asked.users, asked.concurrency, asked.context, asked.sweep),
    )  # fmt: skip
    return export.answer_to_dict(found)


def fit(asked: words.AskedFit, place: Place, progress: Progress) -> Answer:
    """Whether a model, or with `train` a training job, fits GPUs."""
    from gpumix.verbs.fit import (
        FitTrainWords,
        FitWords,
        fit_names,
        fit_training_names,
        refuse_strays,
    )
    from gpumix.verbs.words import adapters_of

    same = {one.name for one in fields(FitWords)} - {"adapters"}
    stated = {name: value for name, value in asked if name in same}
    serving = FitWords(**stated, adapters=adapters_of(asked.adapters, asked.adapter_rank))
    store, configs = place.measured(asked.measured), place.configs(asked.configs)
    if asked.train is None:
        found = fit_names(asked.model, asked.gpus, serving, store, configs)
        return export.answer_to_dict(found)
    refuse_strays(serving, "says nothing of training (leave out it or train)")
    run = FitTrainWords(**asked.train.model_dump())
    return export.answer_to_dict(fit_training_names(asked.model, asked.gpus, run, store, configs))


def sweep(asked: words.AskedSweep, place: Place, progress: Progress) -> Answer:
    """A plan an inventory, or a scenario."""
    from gpumix.verbs.executors import LOCAL, executor
    from gpumix.verbs.plan import Overrides, work_of
    from gpumix.verbs.sweep import scenario_tasks, tasks_of
    from gpumix.verbs.sweep import sweep as swept

    if asked.scenarios and len(asked.inventories) > 1:
        raise InputError(Problem("scenarios", "goes with one inventory", "plan them apart"))
    first, *others = (place.inventory(one) for one in asked.inventories)
    place.put_all((*asked.inventories, *asked.beside), "")
    tasks = scenario_tasks(first) if asked.scenarios else tasks_of((first, *others))
    progress(f"{len(tasks)} plans")
    work, overrides = work_of(asked.effort, None), Overrides(asked.estimated_terms, asked.tiers)
    store = place.measured(asked.measured)
    done = swept(tasks, executor(LOCAL, 1), place.out, LOCAL, work, overrides, store)
    return export.record_to_dict(done)


_OF_PLAN = {"plan", "workload", "hour", "year", "confidence"}
_OF_BOTH = {"requests", "seed"}


def simulate(asked: words.AskedSimulate, place: Place, progress: Progress) -> Answer:
    """A deployment under traffic, or what a plan runs for one workload."""
    from gpumix.simulate.planned import PlanQuestion
    from gpumix.simulate.question import SimulationQuestion
    from gpumix.verbs.simulate import simulate_file, simulate_plan
    from gpumix.verbs.words import adapters_of, slos_of, trace_reading

    given = asked.model_fields_set
    if asked.plan is not None:
        _refuse({"workload"} - given, "is missing")
        _refuse(given - _OF_PLAN - _OF_BOTH, "does not go with a plan")
        planned = PlanQuestion(
            asked.workload or "", asked.hour, asked.year, asked.confidence, asked.seed,
            asked.requests,
        )  # fmt: skip
        return export.record_to_dict(simulate_plan(planned, place.plan(asked.plan)))
    _refuse(given & _OF_PLAN, "goes with a plan alone")
    _refuse({"model", "gpu"} - given, "is missing (or name a plan and a workload)")
    same = {one.name for one in fields(SimulationQuestion)} - {"trace", "adapters", "seed"}
    stated = {name: value for name, value in asked if name in same}
    question = SimulationQuestion(
        **stated,
        slos=slos_of(asked.slo) if asked.slo else (),
        seed=asked.seed or 0,
        adapters=adapters_of(asked.adapters, asked.adapter_rank),
    )
    reading = trace_reading(asked.trace_unit, _pairs(asked.map))
    found = simulate_file(
        question, place.maybe(asked.trace, "trace"), lambda share: progress(f"{share:.0%}"),
        place.configs(asked.configs), reading,
    )  # fmt: skip
    return export.record_to_dict(found)


def solve(asked: words.AskedSolve, place: Place, progress: Progress) -> Answer:
    """The solution of a mix problem."""
    from gpumix.verbs.solve import solve_file

    _, text = solve_file(place.put(asked.problem), asked.gap, None, asked.effort)
    return dict(json.loads(text))


def tco(asked: words.AskedTco, place: Place, progress: Progress) -> Answer:
    """The ways of having GPUs, held against each other."""
    from gpumix.verbs.tco import tco_file

    path = place.inventory(asked.case)
    found = tco_file(path, progress=lambda share: progress(f"{share:.0%}"), costs=asked.costs)
    return export.record_to_dict(found.answer)


def site(asked: words.AskedSite, place: Place, progress: Progress) -> Answer:
    """What the racks of an inventory's sites hold."""
    from gpumix.verbs.site import site_rooms

    path, store = place.inventory(asked.inventory, asked.beside), place.measured(asked.measured)
    return export.record_to_dict(site_rooms(path, asked.gpus, store))


def predict_inference(asked: words.AskedPredictServing, place: Place, progress: Progress) -> Answer:
    """Serving speed and latency of a table of points."""
    return _predicted("inference", asked, place, requests=asked.requests, seed=asked.seed)


def predict_training(asked: words.AskedPredict, place: Place, progress: Progress) -> Answer:
    """Training speed and memory of a table of points."""
    return _predicted("training", asked, place)


def _predicted(work: str, asked: words.AskedPredict, place: Place, **more: int) -> Answer:
    from gpumix.files import read_columns
    from gpumix.verbs.predict import predict_columns

    found = predict_columns(
        work,
        read_columns(place.put(asked.points, "points")),
        place.measured(asked.measured),
        nearest=asked.nearest,
        gpus=place.maybe(asked.gpus, "gpus"),
        models=place.maybe(asked.models, "models"),
        configs=place.configs(asked.configs),
        **more,
    )
    return {"answers": {name: [*map(_plain, column)] for name, column in found.items()}}


def _plain(cell: Any) -> Any:
    """A cell of a table as JSON has it: numbers of numpy as they are, None where there is none."""
    value = cell.item() if hasattr(cell, "item") else cell
    return None if value is None or value != value else value


def backtest(asked: words.AskedBacktest, place: Place, progress: Progress) -> Answer:
    """Predictions compared with measurements."""
    from gpumix.inventory.results import Stated
    from gpumix.verbs.backtest import backtest_file

    if asked.points is not None and asked.results is not None:
        raise InputError(Problem("points, results", "give one of them"))
    stated = Stated(gpu=asked.gpu, model=asked.model, tp=asked.tp, weight_precision=asked.precision)
    if asked.results is None and stated != Stated():
        raise InputError(Problem("gpu, model, tp, precision", "go with results"))
    path = place.maybe(asked.results or asked.points, "")
    found = backtest_file(path, None if asked.results is None else stated)
    return export.record_to_dict(found)


def calibrate(asked: words.AskedCalibrate, place: Place, progress: Progress) -> Answer:
    """Measurements stored, and what that changes."""
    from gpumix.catalog import MEASUREMENTS
    from gpumix.inventory.results import COLUMNS, Stated
    from gpumix.verbs.calibrate import calibrate as calibrate_on
    from gpumix.verbs.calibrate_fleet import calibrate_fleet
    from gpumix.verbs.words import columns_of

    of_fleet = asked.fleet is not None
    if of_fleet != (asked.plan is not None):
        raise InputError(Problem("fleet, plan", "go together", "name both, or neither"))
    if of_fleet == bool(asked.results):
        what = "calibrate on results, or on a fleet and its plan"
        raise InputError(Problem("results, fleet", what, "send one of them"))
    place.out.mkdir(parents=True, exist_ok=True)
    if asked.store is not None:
        (place.out / MEASUREMENTS).write_bytes(asked.store.raw)
    if asked.fleet is not None and asked.plan is not None:
        fleet, plan = place.fleet(asked.fleet), place.plan(asked.plan)
        return export.record_to_dict(calibrate_fleet(fleet, plan, place.out, asked.confirm))
    stated = Stated(
        asked.gpu, asked.model, asked.n_gpus, asked.tp, asked.pp, asked.dp, asked.ep,
        asked.precision, asked.kv_precision, asked.engine, asked.engine_version,
        asked.concurrency, asked.rate, asked.input_len, asked.output_len, asked.metric,
        columns_of(_pairs(asked.map), COLUMNS),
    )  # fmt: skip
    files = place.put_all(asked.results, "results")
    configs = place.configs(asked.configs)
    return export.record_to_dict(calibrate_on(files, stated, place.out, asked.confirm, configs))


def measure(asked: words.AskedMeasure, place: Place, progress: Progress) -> Answer:
    """What measuring a plan's GPUs is worth, and the script that would."""
    from gpumix.verbs.measure import measure_file

    path = _plan_or_inventory(asked.plan, place, asked.beside)
    found = measure_file(path, progress, place.measured(asked.measured), place.out)
    return export.record_to_dict(found)


def attribute(asked: words.AskedAttribute, place: Place, progress: Progress) -> Answer:
    """A fleet's hours and its bill, by owner."""
    from gpumix.domain.fleet import as_json
    from gpumix.verbs.attribute import attribute_fleet

    found = attribute_fleet(
        place.fleet(asked.fleet), place.put_all(asked.bills, "bills"),
        place.maybe(asked.prices, "prices"), asked.by, asked.basis,
    )  # fmt: skip
    return as_json(found)


def audit(asked: words.AskedAudit, place: Place, progress: Progress) -> Answer:
    """What a fleet wastes."""
    from gpumix.domain.fleet import as_json
    from gpumix.verbs.audit import audit_fleet

    found = audit_fleet(
        place.fleet(asked.fleet), place.put_all(asked.bills, "bills"),
        place.maybe(asked.prices, "prices"),
        None if asked.plan is None else place.plan(asked.plan),
        asked.off, place.maybe(asked.rules, "rules"),
    )  # fmt: skip
    return as_json(found.answer)


def observe(place: Place) -> Answer:
    """The fleet of the files that were sent; no server is asked."""
    from gpumix.verbs.observe import observe_sources

    declared = sorted((place.sent / DECLARED).glob("*"))
    sources = [str(path) for path in sorted((place.sent / SOURCES).iterdir())]
    return export.record_to_dict(
        observe_sources(sources, place.out, declared[0] if declared else None)
    )


def drift(asked: words.AskedDrift, place: Place, progress: Progress) -> Answer:
    """What has drifted from a plan, and what it costs."""
    from gpumix.domain.drift import as_json
    from gpumix.verbs.drift import drift as hold

    found = hold(
        place.fleet(asked.fleet), place.plan(asked.plan), place.put_all(asked.bills, "bills"),
        place.maybe(asked.prices, "prices"), place.maybe(asked.rules, "rules"),
        place.measured(asked.measured), asked.solve, progress,
    )  # fmt: skip
    return as_json(found)


def replan(asked: words.AskedReplan, place: Place, progress: Progress) -> Answer:
    """The plan from today's fleet, held against going on."""
    from gpumix.report.difference import replan_json
    from gpumix.verbs.plan import work_of
    from gpumix.verbs.replan import replan_fleet

    found = replan_fleet(
        place.plan(asked.plan),
        None if asked.fleet is None else place.fleet(asked.fleet),
        place.maybe(asked.prices, "prices"),
        asked.as_of,
        place.out,
        progress,
        work_of(asked.effort, None),
        place.measured(asked.measured),
        asked.drifted,
        place.put_all(asked.bills, "bills"),
    )
    return replan_json(found)


def diff(asked: words.AskedDiff, place: Place, progress: Progress) -> Answer:
    """Two plans side by side."""
    from gpumix.report.difference import difference_json
    from gpumix.verbs.diff import diff_plans
    from gpumix.verbs.plan import work_of

    before = _plan_or_inventory(asked.before, place, (), "before")
    after = _plan_or_inventory(asked.after, place, (), "after")
    work, store = work_of(asked.effort, None), place.measured(asked.measured)
    compared = diff_plans(before, after, asked.fail_if, progress, work, store)
    return difference_json(compared.found, compared.failed)


def guard(asked: words.AskedGuard, place: Place, progress: Progress) -> Answer:
    """Files that hold a fleet to a plan, and their texts."""
    from gpumix.verbs.guard import GuardOptions, guard_files, without_folder

    options = GuardOptions(fair_sharing=asked.fair_sharing, prometheus=asked.prometheus)
    if asked.kueue_version is not None:
        options = GuardOptions(asked.kueue_version, asked.fair_sharing, asked.prometheus)
    held = guard_files(place.plan(asked.plan), asked.targets, options)
    return {**without_folder(held.answer), "texts": dict(held.texts)}


def export_(asked: words.AskedExport, place: Place, progress: Progress) -> Answer:
    """Files that start a plan, and their texts."""
    from gpumix.verbs.export import export_plan

    found = export_plan(place.plan(asked.plan), asked.targets)
    return {**json.loads(found.json), "texts": dict(found.texts)}


def prices_check(asked: words.AskedPrices, place: Place, progress: Progress) -> Answer:
    """Every row of a price sheet against the rules."""
    from gpumix.verbs.prices import check

    return export.price_check_to_dict(check(place.put(asked.sheet)))


def prices_import(asked: words.AskedImport, place: Place, progress: Progress) -> Answer:
    """Another tool's prices as a price sheet."""
    from gpumix.verbs.import_prices import import_prices

    sheet = place.out / "prices.csv"
    place.out.mkdir(parents=True, exist_ok=True)
    if asked.out is not None:
        sheet.write_bytes(asked.out.raw)
    files = place.put_all(asked.files, "")
    found = import_prices(files, sheet, asked.format, asked.provider, asked.as_of)
    return {**export.record_to_dict(found), "text": _text(sheet)}


def prices_import_api(asked: words.AskedImportApi, place: Place, progress: Progress) -> Answer:
    """The public price map of hosted models as a sheet."""
    from gpumix.verbs.api_prices import import_api_prices

    sheet = place.out / "apis.csv"
    place.out.mkdir(parents=True, exist_ok=True)
    found = import_api_prices(place.put(asked.file), asked.as_of, sheet)
    return {**export.record_to_dict(found), "text": _text(sheet)}


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _plan_or_inventory(
    sent: str | Sent, place: Place, beside: Sequence[Sent], under: str = "plan"
) -> Path:
    """A plan, or an inventory that was sent."""
    if isinstance(sent, str) or not sent.name.endswith(_INVENTORIES):
        found = place.plan(sent, under)
        return found / PLAN_JSON if found.is_dir() else found
    return Place(place.root, place.sent / under, place.out).inventory(sent, beside)


def _pairs(columns: Mapping[str, str]) -> list[str]:
    """Columns by name in the words of --map, each with its `=`: none of them is a file's name."""
    return [f"{name}={column}" for name, column in columns.items()]


def _refuse(names: set[str], why: str) -> None:
    """Everything that is sent and must not be, or must be and is not. Raises: InputError."""
    if names:
        raise InputError([Problem(name, why) for name in sorted(names)])
