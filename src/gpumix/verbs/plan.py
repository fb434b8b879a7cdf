"""`gpumix plan`: an inventory or an earlier plan in, the plan and the problem it solved out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gpumix import __version__, mix
from gpumix.catalog import MEASUREMENTS, Catalog, load
from gpumix.domain.offer import TIERS
from gpumix.domain.plan import PLAN_JSON, Plan
from gpumix.domain.workload import InputFile, Inventory
from gpumix.errors import Infeasible, InputError, Problem, unknown_name
from gpumix.files import sha256
from gpumix.inventory import read_inventory
from gpumix.inventory.recheck import problems_of
from gpumix.inventory.written import as_written
from gpumix.plan.confirmed import unknown_assumptions
from gpumix.plan.effort import NORMAL, WORK, Work
from gpumix.plan.plan import Planned, Progress, plan
from gpumix.publish import write_set
from gpumix.report import export, html
from gpumix.report.tco import entries_csv
from gpumix.verbs.calibrate import find_store

PLAN = PLAN_JSON
FILES = (PLAN, "report.html", "entries.csv", "problem.json")
UNPROVEN_GAP = 0.25
"""Gap above which the command fails, where the headline only warns (decision 0017)."""
ANY_TIER = "any"
_MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a plan starts from: an inventory, its catalogue, the files behind both.

    `files` are by the name that their copy takes in the plan's folder; `before` is the plan that
    is made again, if one is.
    """

    inventory: Inventory
    catalog: Catalog
    files: Mapping[str, Path]
    before: Plan | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says in place of `supply.cloud`; None = as the inventory has it.

    `tiers` are names with commas between them, or `any`.
    """

    estimated_terms: bool | None = None
    tiers: str | None = None


AS_WRITTEN = Overrides()


def open_inventory(
    path: Path,
    measured: Path | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
    catalog: Catalog | None = None,
) -> Opened:
    """An inventory and the catalogue it is planned with: its price sheet and the team's own
    measurements (`measured`, or those beside the inventory or in the working folder) laid over.
    `path` may be a plan.json, or the folder of one: then all that the plan was made from.
    `changes` stand in the place of values of the YAML file; `catalog` was loaded before.

    Raises: InputError with every problem of the files.
    """
    path = path / PLAN if (path / PLAN).is_file() else path
    if path.suffix == ".json":
        return _open_plan(path, measured)
    store = find_store(measured, path)
    catalog = catalog or load(measured=store)
    inventory = read_inventory(path, catalog, date.today(), changes)
    files = {_copy_of(trace): path.parent / trace.name for trace in inventory.traces}
    return _opened(inventory, catalog, files, store)


def open_made(path: Path, measured: Path | None = None) -> tuple[Plan, Opened]:
    """A plan that was made, by its plan.json or the folder of it, and what it was made from.

    Raises: InputError where it is no plan, and with every problem of its files.
    """
    path = path / PLAN if path.is_dir() else path
    fix = "name the plan.json of `gpumix plan`, or its folder"
    if path.suffix in (".yaml", ".yml") and path.is_file():
        raise InputError(Problem(str(path), "is not a plan.json: it is an inventory", fix))
    if path.suffix != ".json":
        raise InputError(Problem(str(path), "is not a plan.json", fix))
    opened = open_inventory(path, measured)
    if opened.before is None:
        raise InputError(Problem(str(path), "is not a plan", fix))
    return opened.before, opened


def with_known_owners(opened: Opened) -> Opened:
    """What was opened, once its `assumptions` name what its plans may assume. Of a plan that is
    made again, or of an inventory with other values in it, some may have gone: they are let be.

    Raises: InputError with every unknown name.
    """
    if opened.before is None:
        problems = unknown_assumptions(opened.inventory, opened.catalog)
        if problems:
            raise InputError(problems)
    return opened


def plan_file(
    path: Path | str,
    progress: Progress = lambda _: None,
    measured: Path | None = None,
    work: Work = NORMAL,
) -> Planned:
    """The plan of an inventory file, or of a plan.json once more, and the problem it solved."""
    progress(f"reading {path}")
    opened = with_known_owners(open_inventory(Path(path), measured))
    return plan_opened(Path(path), opened, progress, work)


def plan_into(
    folder: Path,
    path: Path,
    progress: Progress = lambda _: None,
    measured: Path | None = None,
    beside: Mapping[str, str] = MappingProxyType({}),
    overrides: Overrides = AS_WRITTEN,
    work: Work = NORMAL,
) -> Planned:
    """As `plan_file`, and writes plan.json, report.html, entries.csv, problem.json and the files
    behind the plan into a folder; `beside` are texts that go there too, by name.

    Raises: InputError, also where the folder cannot be written.
    """
    progress(f"reading {path}")
    opened = with_known_owners(open_inventory(path, measured))
    opened = replace(opened, inventory=overridden(opened.inventory, overrides))
    planned = plan_opened(path, opened, progress, work)
    write_set(folder, {**files_of(planned, opened), **beside})
    return planned


def files_of(planned: Planned, opened: Opened) -> dict[str, str | Path]:
    """What a plan's folder holds, by name: texts, and files to copy."""
    return {
        PLAN: export.to_json(export.plan_to_dict(planned.plan)),
        "report.html": html.plan_html(planned.plan),
        "entries.csv": entries_csv(planned.entries),
        "problem.json": json.dumps(mix.problem_to_dict(planned.problem), indent=1),
        **opened.files,
    }


def overridden(inventory: Inventory, overrides: Overrides) -> Inventory:
    """The inventory with what the command line says. Raises: InputError."""
    if overrides == AS_WRITTEN:
        return inventory
    if inventory.cloud is None:
        text = "the inventory rents nothing that they could change"
        raise InputError(Problem("--tiers, --estimated-terms", text, "add supply.cloud"))
    cloud = inventory.cloud
    if overrides.estimated_terms is not None:
        cloud = replace(cloud, estimated_terms=overrides.estimated_terms)
    if overrides.tiers is not None:
        cloud = replace(cloud, tiers=_tiers(overrides.tiers))
    return replace(inventory, cloud=cloud)


def _tiers(text: str) -> tuple[str, ...] | None:
    """`any`, or names with commas between them. Raises: InputError with every unknown one."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if names == (ANY_TIER,):
        return None
    known = (*TIERS, ANY_TIER)
    problems = [unknown_name("--tiers", "tier", name, known) for name in names if name not in TIERS]
    if problems:
        raise InputError(problems)
    return names


def work_of(effort: str, time_limit_s: float | None) -> Work:
    """The work that a user asks for; a limit of time runs from now. Raises: InputError."""
    return WORK[effort].until(time_limit_s)


def plan_opened(
    path: Path, opened: Opened, progress: Progress = lambda _: None, work: Work = NORMAL
) -> Planned:
    """The plan of what was opened at a path. Raises: Infeasible in the words of its YAML file."""
    try:
        planned = plan(opened.inventory, opened.catalog, progress, work)
    except Infeasible as error:
        if opened.before is not None:
            raise
        raise as_written(error, path, opened.catalog) from None
    made = replace(planned.plan, version=__version__)
    return replace(planned, plan=_with_warning(made, opened.before))


def _with_warning(made: Plan, before: Plan | None) -> Plan:
    """The plan with a word of what made the one it repeats, where that was something else."""
    if before is None or (before.version, before.data_as_of) == (made.version, made.data_as_of):
        return made
    warning = (
        f"planned before by gpumix {before.version} with data of {before.data_as_of}, now by"
        f" {made.version} with data of {made.data_as_of}: the plans may differ"
    )
    return replace(made, warnings=(*made.warnings, warning))


def _open_plan(path: Path, measured: Path | None) -> Opened:
    before = export.read_plan(path)
    inventory = before.inventory
    if inventory is None:
        fix = "it is of an older gpumix; plan its inventory's YAML file"
        raise InputError(Problem(str(path), "carries no inventory", fix))
    store = measured and find_store(measured)
    if store is None and inventory.measured is not None:
        store = path.parent / _MEASURED
        _refuse_other(store / MEASUREMENTS, inventory.measured)
    catalog = load(measured=store)
    problems = problems_of(inventory, catalog, f"{path}.inventory")
    if problems:
        raise InputError(problems)
    copies = {name: path.parent / name for name in map(_copy_of, inventory.traces)}
    for trace in inventory.traces:
        if copies[_copy_of(trace)].exists():
            _refuse_other(copies[_copy_of(trace)], trace)
    files = {name: copy for name, copy in copies.items() if copy.exists()}
    return replace(_opened(inventory, catalog, files, store), before=before)


def _opened(
    inventory: Inventory, catalog: Catalog, files: Mapping[str, Path], store: Path | None
) -> Opened:
    """With the inventory's own rates and the team's measurements."""
    catalog = catalog.with_parts(inventory.own_gpus, inventory.own_models)
    if inventory.fx:
        catalog = catalog.with_fx(inventory.fx)
    if inventory.rates:
        catalog = catalog.with_rates(inventory.rates)
    if inventory.api is not None:
        catalog = catalog.with_apis(inventory.api)
    if store is None:
        return Opened(inventory, catalog, files)
    table = store / MEASUREMENTS
    inventory = replace(inventory, measured=InputFile(MEASUREMENTS, sha256(table)))
    return Opened(inventory, catalog, {**files, f"{_MEASURED}/{MEASUREMENTS}": table})


def _copy_of(trace: InputFile) -> str:
    """Name of a trace's copy in the plan's folder; the reader goes by the endings."""
    endings = "".join(Path(trace.name).suffixes[-2 if trace.name.endswith(".gz") else -1 :])
    return f"traces/{trace.sha256}{endings}"


def _refuse_other(copy: Path, wanted: InputFile) -> None:
    if sha256(copy) != wanted.sha256:
        text = f"is not the {wanted.name} that the plan was made from (SHA-256 differs)"
        raise InputError(Problem(str(copy), text, "restore the plan's folder"))
