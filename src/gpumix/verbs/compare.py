"""`gpumix compare`: a model, or a workload of an inventory, on every GPU."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gpumix.catalog import load as load_catalog
from gpumix.compare.load import Load
from gpumix.compare.market import allowed_market, sold_today
from gpumix.compare.media import Picture, compare_media, compare_pictures
from gpumix.compare.serving import Question, compare_gpus, compare_workload
from gpumix.compare.training import compare_train
from gpumix.domain import defaults
from gpumix.domain.comparison import Comparison
from gpumix.domain.offer import Purchase
from gpumix.domain.promises import DEFAULT_SLOS
from gpumix.domain.traffic import Lengths
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import Adapters, Kind, Slo, Workload
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.inventory.rates import time_to_answer
from gpumix.plan.choose import supply
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply
from gpumix.units import MS
from gpumix.verbs.calibrate import find_store
from gpumix.verbs.plan import open_inventory
from gpumix.verbs.prices import purchases_of
from gpumix.verbs.training_words import TrainWords, question_of, train_question
from gpumix.verbs.words import NO_CONFIGS, names_of, precisions_of, slos_of


@dataclass(frozen=True, slots=True)
class PictureWords:
    """What the command line says of one image or video."""

    resolution: str | None = None
    steps: int | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class MarketWords:
    """What the command line says of where GPUs are had; `everything` adds consumer and legacy
    parts."""

    providers: str | None = None
    purchase: str | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class LoadWords:
    """What the command line says of a load to carry and a context to hold."""

    users: float | None = None
    concurrency: float | None = None
    context: float | None = None
    sweep: str | None = None


@dataclass(frozen=True, slots=True)
class _Bought:
    """How the GPUs of a whole market are had."""

    purchases: tuple[Purchase, ...] | None
    providers: tuple[str, ...]


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
    picture: PictureWords | None = None,
    market: MarketWords | None = None,
    load: LoadWords | None = None,
) -> Comparison | TrainingComparison:
    """A comparison asked for on the command line: of a model, or of an inventory's workload;
    with `train`, or of a training workload, of a training run that `run` states.

    Raises: InputError for unknown names, with did-you-mean.
    """
    names, picture = names_of("--gpus", gpus), picture or PictureWords()
    market, load = market or MarketWords(), load or LoadWords()
    shaped = any(option is not None for option in (input_tokens, output_tokens, slo, adapters))
    served = shaped or load != LoadWords()
    if train and served:
        options = "--input, --output, --slo, --adapters, --users, --concurrency, --context, --sweep"
        raise InputError(Problem("--train", f"does not go with {options}"))
    if picture != PictureWords() and (train or workload is not None):
        fix = "name a model of images or videos"
        raise InputError(
            Problem("compare", "--resolution, --steps and --frames go with such a model", fix)
        )
    if not train and run not in (None, TrainWords()):
        fix = "add --train" if workload is None else "state them in the inventory"
        raise InputError(Problem("compare", "options of a training run without --train", fix))
    sweep = _sweep_of(load.sweep)
    if workload is not None or what.endswith((".yaml", ".yml")):
        if (
            shaped
            or load != LoadWords(sweep=load.sweep)
            or train
            or configs
            or market != MarketWords()
            or precision is not None
            or engine != defaults.ENGINE
        ):
            raise InputError(
                Problem(
                    "compare",
                    "only --gpus, --sweep and --measured go with an inventory; it states the rest",
                    "change it there, or name a model",
                )
            )
        return _of_inventory(what, workload, names, measured, sweep)
    catalog = load_catalog(measured=find_store(measured), configs=configs)
    if names is None and not market.everything:
        names = sold_today(catalog)
    bought = _bought(market)
    if train:
        asked = train_question(
            what, run or TrainWords(), precisions_of(precision) or (defaults.PRECISION,), names
        )
        asked = replace(asked, providers=bought.providers)
        if bought.purchases:
            asked = replace(asked, purchases=bought.purchases)
        return compare_train(asked, catalog, date.today())
    purchases = bought.purchases or (Purchase.ON_DEMAND,)
    if catalog.named_model(what, "MODEL").model.is_denoiser:
        if served:
            fix = "state --resolution, --steps, --frames"
            raise InputError(Problem("compare", f"{what} makes images or videos, not tokens", fix))
        return compare_pictures(
            _picture_of(what, picture, names, purchases, bought.providers), catalog, date.today()
        )
    if picture != PictureWords():
        raise InputError(Problem("compare", f"{what} makes no images", "leave --resolution out"))
    _refuse_out_of_range(input_tokens, output_tokens, load)
    slos = slos_of(slo) if slo else ()
    question = Question(
        what,
        input_tokens,
        output_tokens,
        slos,
        precisions_of(precision),
        engine,
        names,
        adapters,
        purchases,
        bought.providers,
        _load_of(load, slos, output_tokens, sweep),
    )
    return compare_gpus(question, catalog, date.today())


def _of_inventory(
    what: str,
    workload: str | None,
    names: tuple[str, ...] | None,
    measured: Path | None,
    sweep: bool,
) -> Comparison | TrainingComparison:
    """The comparison of a workload on what its inventory allows."""
    if not what.endswith((".yaml", ".yml")) and not Path(what).exists():
        fix = f"gpumix compare team.yaml {workload}"
        raise InputError(Problem("WORKLOAD", f"goes with an inventory; {what} is not a file", fix))
    opened = open_inventory(Path(what), measured)
    inventory, catalog = opened.inventory, opened.catalog
    ids = [w.id for w in inventory.workloads]
    if workload is None:
        raise InputError(Problem("WORKLOAD", "is missing", f"one of {', '.join(ids)}"))
    if workload not in ids:
        raise InputError(unknown_name("WORKLOAD", "workload", workload, ids))
    chosen = inventory.workloads[ids.index(workload)]
    supplies = supply(inventory, catalog).of
    market = allowed_market(chosen, supplies, names, catalog, inventory.as_of)
    if chosen.run is not None:
        return compare_train(question_of(chosen, names), catalog, inventory.as_of, market)
    near, told = _from_nearest(chosen, supplies)
    if chosen.kind in (Kind.MEDIA, Kind.CUSTOM):
        return compare_media(near, catalog, inventory.as_of, market, told)
    load = Load(sweep=sweep)
    return compare_workload(near, catalog, inventory.as_of, market, told, load)


def _picture_of(
    model: str,
    words: PictureWords,
    gpus: tuple[str, ...] | None,
    purchases: tuple[Purchase, ...],
    providers: tuple[str, ...],
) -> Picture:
    """The question about a model. Raises: InputError for a resolution that is none."""
    asked = words.resolution
    if asked is not None and not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", asked):
        raise InputError(Problem("--resolution", "must read like 1024x1024"))
    return Picture(model, asked, words.steps, words.frames, gpus, purchases, providers)


def _sweep_of(text: str | None) -> bool:
    if text not in (None, "batch"):
        raise InputError(Problem("--sweep", f"cannot sweep {text[:40]!r}", "--sweep batch"))
    return text is not None


def _bought(words: MarketWords) -> _Bought:
    """Purchases and providers by name. Raises: InputError naming every unknown purchase."""
    problems: list[Problem] = []
    found: list[Purchase] = []
    for name in names_of("--purchase", words.purchase) or ():
        found += sorted(purchases_of(name, problems) or (), key=list(Purchase).index)
    if problems:
        raise InputError(problems)
    providers = names_of("--providers", words.providers) or ()
    return _Bought(tuple(dict.fromkeys(found)) or None, providers)


def _load_of(
    words: LoadWords, slos: Sequence[Slo], output_tokens: float | None, sweep: bool
) -> Load:
    """The load that a number of users or of requests in flight is: over the time of an answer, as
    an inventory counts it. Raises: InputError where both are stated."""
    if words.users is not None and words.concurrency is not None:
        raise InputError(Problem("--users", "goes without --concurrency", "state one of them"))
    output = Lengths(output_tokens or defaults.OUTPUT_TOKENS, 0.0)
    if words.users is not None:
        answer, why = time_to_answer(slos or DEFAULT_SLOS, output, "--users")
        rate = words.users / (defaults.THINK_TIME_S + answer)
        said = f"{words.users:,.0f} users, a request {defaults.THINK_TIME_S:g} s after each answer"
    elif words.concurrency is not None:
        answer, why = time_to_answer(slos or DEFAULT_SLOS, output, "--concurrency")
        rate = words.concurrency / answer
        said = f"{words.concurrency:,.0f} requests in flight"
    else:
        return Load(context=words.context, sweep=sweep)
    said += f": {rate:.3g} requests/s at {answer:.3g} s an answer ({why})"
    return Load(rate, said, words.context, sweep)


def _from_nearest(
    workload: Workload, supplies: Sequence[Supply]
) -> tuple[Workload, tuple[str, ...]]:
    """A workload as the place sees it that is nearest to its users, and what that takes off its
    limits."""
    trips = [
        (trip.seconds, s.id)
        for s in supplies
        if may_run(workload, s) and (trip := s.round_trip(workload.id))
    ]
    if not trips:
        return workload, ()
    rtt_s, where = min(trips)
    told = f"{rtt_s / MS:,.0f} ms of each limit but tpot for the round trip to the nearest, {where}"
    return workload.seen_from(rtt_s), (told,)


def _refuse_out_of_range(input: float | None, output: float | None, load: LoadWords) -> None:
    asked: dict[str, float | None] = {
        "--input": input,
        "--output": output,
        "--context": load.context,
        "--users": load.users,
        "--concurrency": load.concurrency,
    }
    problems = [
        Problem(option, f"must be between 1 and 10,000,000, got {value:g}")
        for option, value in asked.items()
        if value is not None and not 1.0 <= value <= 1e7
    ]
    if problems:
        raise InputError(problems)
