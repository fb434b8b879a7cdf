"""`gpumix compare`: a model, or a workload of an inventory, on every GPU."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gpumix.catalog import load
from gpumix.compare.serving import Question, compare_gpus, compare_workload
from gpumix.compare.training import compare_train
from gpumix.domain import defaults
from gpumix.domain.comparison import Comparison
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import Adapters, Inventory, Workload
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.plan.choose import supply
from gpumix.plan.formulate import may_run
from gpumix.units import MS
from gpumix.verbs.calibrate import find_store
from gpumix.verbs.plan import open_inventory
from gpumix.verbs.training_words import TrainWords, question_of, train_question
from gpumix.verbs.words import NO_CONFIGS, names_of, precisions_of, slos_of

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def compare_names(
    what: str,
    workload: str | None,
    *,
    gpus: str | None,
    input_tokens: float | None,
    output_tokens: float | None,
    slo: str | None,
    precision: str | None,
    engine: str,
    measured: Path | None = None,
    train: bool = False,
    run: TrainWords | None = None,
    adapters: Adapters | None = None,
    configs: Mapping[str, Path] = NO_CONFIGS,
    context: int | None = None,
) -> Comparison | TrainingComparison:
    """A comparison asked for on the command line: of a model, or of an inventory's workload;
    with `train`, or of a training workload, of a training run that `run` states.

    Raises: InputError for unknown names, with did-you-mean.
    """
    names = names_of("--gpus", gpus)
    served = any(
        option is not None for option in (input_tokens, output_tokens, slo, adapters, context)
    )
    if train and served:
        raise InputError(
            Problem(
                "--train", "does not go with --input, --output, --slo, --adapters and --context"
            )
        )
    if not train and run not in (None, TrainWords()):
        fix = "add --train" if workload is None else "state them in the inventory"
        raise InputError(Problem("compare", "options of a training run without --train", fix))
    if workload is not None or what.endswith((".yaml", ".yml")):
        if served or train or configs or precision is not None or engine != defaults.ENGINE:
            raise InputError(
                Problem(
                    "compare",
                    "only --gpus and --measured go with an inventory; the workload states the rest",
                    "change it there, or name a model",
                )
            )
        if not what.endswith((".yaml", ".yml")) and not Path(what).exists():
            fix = f"gpumix compare team.yaml {workload}"
            raise InputError(
                Problem("WORKLOAD", f"goes with an inventory; {what} is not a file", fix)
            )
        opened = open_inventory(Path(what), measured)
        inventory, catalog = opened.inventory, opened.catalog
        ids = [w.id for w in inventory.workloads]
        if workload is None:
            raise InputError(Problem("WORKLOAD", "is missing", f"one of {', '.join(ids)}"))
        if workload not in ids:
            raise InputError(unknown_name("WORKLOAD", "workload", workload, ids))
        chosen = inventory.workloads[ids.index(workload)]
        if chosen.run is not None:
            return compare_train(question_of(chosen, names), catalog, inventory.as_of)
        near, told = _from_nearest(chosen, inventory, catalog)
        return compare_workload(near, catalog, inventory.as_of, names, told)
    catalog = load(measured=find_store(measured), configs=configs)
    if train:
        asked = train_question(
            what, run or TrainWords(), precisions_of(precision) or (defaults.PRECISION,), names
        )
        return compare_train(asked, catalog, date.today())
    _refuse_lengths({"--input": input_tokens, "--output": output_tokens})
    question = Question(
        what,
        input_tokens,
        output_tokens,
        slos_of(slo) if slo else (),
        precisions_of(precision),
        engine,
        names,
        adapters,
        context,
    )
    return compare_gpus(question, catalog, date.today())


def _from_nearest(
    workload: Workload, inventory: Inventory, catalog: Catalog
) -> tuple[Workload, tuple[str, ...]]:
    """A workload as the place sees it that is nearest to its users, and what that takes off its
    limits."""
    trips = [
        (trip.seconds, s.id)
        for s in supply(inventory, catalog).of
        if may_run(workload, s) and (trip := s.round_trip(workload.id))
    ]
    if not trips:
        return workload, ()
    rtt_s, where = min(trips)
    told = f"{rtt_s / MS:,.0f} ms of each limit but tpot for the round trip to the nearest, {where}"
    return workload.seen_from(rtt_s), (told,)


def _refuse_lengths(lengths: Mapping[str, float | None]) -> None:
    problems = [
        Problem(option, f"must be between 1 and 10,000,000, got {value:g}")
        for option, value in lengths.items()
        if value is not None and not 1.0 <= value <= 1e7
    ]
    if problems:
        raise InputError(problems)
