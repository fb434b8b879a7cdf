"""What a team brings beside the catalogue: sheets of GPUs and of models, configs of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from gpumix.catalog import Catalog, load
from gpumix.catalog.model_config import own_name, read_config
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import InputError, Problem, shortened
from gpumix.inventory.demand import within
from gpumix.inventory.schema import InventorySpec
from gpumix.inventory.schema_work import ConfigSpec
from gpumix.inventory.yaml import Document, KeyPath

T = TypeVar("T")


@dataclass(slots=True)
class OwnParts:
    """GPUs and models that the catalogue lacks, or has otherwise, and what there is to say of them.

    `models` are by id; `stated` has the id that each workload's config goes by.
    """

    gpus: tuple[Gpu, ...] = ()
    models: dict[str, Model] = field(default_factory=dict)
    stated: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name_of(self, workload: str, model: str | ConfigSpec | None) -> str | None:
        """The name of a workload's model; None where it has none, or no config that can be read."""
        return self.stated.get(workload) if isinstance(model, ConfigSpec) else model


def own_parts(spec: InventorySpec, document: Document, catalog: Catalog, folder: Path) -> OwnParts:
    """The parts of the files that an inventory names, which lie beside it."""
    own = OwnParts()

    def attempt(path: KeyPath, read: Callable[[], T], default: T) -> T:
        try:
            return within(document.place(path), read)
        except InputError as error:
            own.problems += error.problems
            return default

    if spec.gpus is not None:
        sheet = folder / spec.gpus
        laid = attempt(("gpus",), lambda: load(gpus=sheet).gpus, catalog.gpus)
        own.gpus = tuple(gpu for id, gpu in laid.items() if catalog.gpus.get(id) != gpu)
        own.notes += [f"{id}: as {sheet.name} states it" for id in (gpu.id for gpu in own.gpus)]
    if spec.models is not None:
        sheet = folder / spec.models
        shapes = attempt(("models",), lambda: load(models=sheet).models, catalog.models)
        own.models |= {id: one for id, one in shapes.items() if catalog.models.get(id) != one}
        own.notes += [f"{id}: as {sheet.name} states it" for id in own.models]
    files: dict[str, Path] = {}
    for name, work in spec.workloads.items():
        if not isinstance(work.model, ConfigSpec):
            continue
        path, file = ("workloads", name, "model"), folder / work.model.config
        model = attempt(path, partial(_of_config, file, work.model.name), None)
        if model is None:
            continue
        if files.setdefault(model.id, file) != file:
            what = f"another config calls its model {shortened(model.id)} too"
            own.problems.append(Problem(document.place(path), what, "add name: to one of them"))
        own.models[model.id] = model
        own.stated[name] = model.id
        own.notes.append(f"{name}: {shortened(model.id)} is {_size(model)}, as {file.name} states")
        own.notes += [f"{name}: {model.note}"] if model.note else []
    return own


def _of_config(file: Path, name: str | None) -> Model | None:
    return read_config(file, name or own_name(file))


def _size(model: Model) -> str:
    active = f", {model.params_active_b:.3g}B active" if model.is_moe else ""
    return f"of {model.params_total_b:.3g}B parameters{active}, weights in {model.precision}"
