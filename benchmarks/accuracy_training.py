"""Training predictions against measurements: a section of docs/accuracy.md, and its plots.

`make accuracy` writes the whole page; run alone, this rewrites its own section at the end of it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools")]

import fit_training  # noqa: E402
from gpumix.catalog import Catalog, load  # noqa: E402
from gpumix.domain.cells import numbers_in  # noqa: E402
from gpumix.files import read_columns  # noqa: E402
from gpumix.perf.training.memory import memory  # noqa: E402
from gpumix.predict.training import interval_slices, predict_training  # noqa: E402
from gpumix.units import GIB  # noqa: E402
from measured import MEASURED  # noqa: E402

DOCS = ROOT / "docs"
HEAD = "| slice | rows | median | mean | p90 |\n|---|---|---|---|---|"
BERT_AND_RESNET = ("google-bert/bert-large-uncased", "resnet-50")
PLAIN = ("hf-peft", "hf-deepspeed")
LAYOUT = ("tp", "pp", "dp", "vp", "micro_batch", "global_batch", "sharding", "activation_ckpt")
LEAST_LAYOUTS = 5
ATTEMPTS = ROOT / "tests" / "cases" / "training_attempts.csv"

Columns = dict[str, list[str]]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def section(catalog: Catalog) -> str:
    """Every line of issue 5's table, then the public predictions by slice, then plots."""
    usable = _choose(read_columns(MEASURED / "training.csv.gz"), "usable", ("yes",))
    told = fit_training.with_targets(usable)
    rows = fit_training.Rows(
        catalog, fit_training.calibration_columns(usable), catalog.coefficients.training
    )
    constants = {t: {k: dict(v) for k, v in keys.items()}
                 for t, keys in catalog.coefficients.training.items()}  # fmt: skip
    left_out = fit_training.left_out(rows)
    sources = fit_training.left_out_whole(rows, rows.source)
    out = predict_training(told, catalog=catalog)
    value, predicted = numbers_in(told["value"]), numbers_in(out["value"])
    error = np.abs(predicted / value - 1.0)
    split = np.array(usable["split"])
    parts = [
        "Groups left out: one model, GPU and precision predicted by constants fitted without it, "
        "eight folds. Sources left out: the first word of `source`, one at a time. Every refit "
        "starts from the published values and runs to convergence. Other lines are "
        "the packaged constants. Rows older than FlashAttention (`legacy-stack`) and memory "
        "references are never fitted.",
        "### Reached",
        "\n".join([
            "| what | target | rows | median | mean | p90 |", "|---|---|---|---|---|---|",
            *_left_out(rows, left_out), *_sources(rows, sources, constants),
            *_pairs(rows, left_out, told, predicted), *_memory(catalog, usable, told),
            *_attempts(catalog),
        ]),
        *_bloom(told, predicted),
        _coverage(rows, left_out),
        "### Plots",
        _plots(rows, left_out, sources),
        "### Sources left out, worst first",
        _slices("source", rows.source, np.abs(sources / rows.measured - 1.0)),
        "### Public predictions, worst slices first",
        f"Coverage: {np.isfinite(predicted).mean():.1%} of {len(value)} usable rows.",
        _table([(f"rates, {name}", error[split == name]) for name in np.unique(split)]),
        *(_slices(name, usable[column], error)
          for name, column in (("task", "task"), ("stack", "stack"), ("GPU", "gpu"),
                               ("precision", "precision"))),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _kinds(rows: fit_training.Rows) -> dict[str, Mask]:
    jobs = rows.resolved.jobs
    plain, adapter = np.isin(rows.stack, PLAIN), jobs.trains_adapter
    dense, encoder = jobs.kind == "dense", jobs.kind == "encoder"
    return {
        "dense, pre-training and SFT | mean 7, p90 15 %": dense,
        "mixture of experts, pre-training | mean 14, p90 28 %": (jobs.kind == "moe") & ~adapter,
        "LoRA and QLoRA | mean 11, p90 26 %": adapter,
        "LoRA and QLoRA, tuned stacks | ": adapter & ~plain,
        "LoRA and QLoRA, plain HF | ": adapter & plain,
        "QLoRA of mixtures | ": adapter & (jobs.kind == "moe"),
        "dense and encoders | ": dense | encoder,
        "encoders (BERT) | ": encoder,
    }


def _left_out(rows: fit_training.Rows, predicted: Floats) -> Iterable[str]:
    error = np.abs(predicted / rows.measured - 1.0)
    for name, mask in _kinds(rows).items():
        yield f"| {name.replace(' |', ', groups left out |')} | {_summary(error[mask])} |"


def _sources(
    rows: fit_training.Rows, predicted: Floats, constants: fit_training.Section
) -> Iterable[str]:
    """Every other row of a source, by every one of its rows as the calibration."""
    trust = constants["kernel"]["all"]["calibration_trust"]
    error = np.log(predicted / rows.measured)
    kind, part = rows.resolved.jobs.kind, rows.architecture
    dense = np.isin(kind, ["dense"])
    for name, kept in (("all", np.isfinite(error)), ("dense", np.isfinite(error) & dense)):
        before, after, means = [], [], []
        for source in np.unique(rows.source[kept]):
            here = np.flatnonzero((rows.source == source) & kept)
            if len(here) < fit_training.FEW:
                continue
            alike = np.all([of[here][:, None] == of[here] for of in (kind, part, rows.stack)], 0)
            moved = error[here][:, None] - np.where(alike, trust, 0.0) * error[here]
            others = ~np.eye(len(here), dtype=bool)
            each = np.array(
                [np.abs(np.expm1(moved[i][others[i]])).mean() for i in range(len(here))]
            )
            before.append(np.abs(np.expm1(error[here])))
            after.append(each)
            means.append(each.mean())
        yield f"| source left out, {name} | | {_summary(np.concatenate(before))} |"
        yield (
            f"| the same, one of its rows given; mean over sources {np.mean(means):.1%} "
            f"| mean 13 % | {_summary(np.concatenate(after))} |"
        )


def _pairs(
    rows: fit_training.Rows, left_out: Floats, usable: Columns, predicted: Floats
) -> Iterable[str]:
    """Ratios of two rows alike in all but GPU, precision or link."""
    at = rows.resolved.rows
    columns = {k: [v[r] for r in at] for k, v in rows.columns.items()} | {
        "source": rows.source.tolist()
    }
    same = ("source", "model", "task", "stack", "seq_len", "metric", "n_gpus", "tp", "pp", "ep")
    for title, vary, one, other, more in (
        ("H100 : A100, groups left out", "gpu", "h100-sxm-80gb", "a100-sxm-80gb", "precision"),
        ("fp8 : bf16, groups left out", "precision", "fp8", "bf16", "gpu"),
    ):
        for name, middle in ((title, False), (f"{title}, medians of repeats", True)):
            error = _ratios(
                left_out / rows.measured, columns, vary, one, other, (*same, more), middle
            )
            yield f"| {name} | median 8 % | {_summary(error)} |"
    links = dict(usable)
    links["link"] = ["nvlink" if x.startswith("nvlink") else x for x in usable["intra_link"]]
    links["generation"] = [gpu.split("-")[0] for gpu in usable["gpu"]]
    here = np.isin(usable["model"], BERT_AND_RESNET)
    links = {k: [x for x, yes in zip(v, here, strict=True) if yes] for k, v in links.items()}
    ratio = (predicted / numbers_in(usable["value"]))[here]
    alike = ("model", "generation", "precision", "n_gpus")
    for title, middle in (("NVLink : PCIe, BERT and ResNet, medians of submitters", True),
                          ("NVLink : PCIe, BERT and ResNet, every pair", False)):  # fmt: skip
        error = _ratios(ratio, links, "link", "nvlink", "pcie", alike, middle)
        yield f"| {title} | median 8 % | {_summary(error)} |"


def _ratios(
    ratio: Floats,
    columns: Mapping[str, Sequence[str]],
    vary: str,
    one: str,
    other: str,
    same: Sequence[str],
    middle: bool = False,
) -> Floats:
    """Errors of ratios; `middle` takes medians where a side was measured more than once."""
    groups: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for i, found in enumerate(columns[vary]):
        if found in (one, other):
            key = tuple(columns[name][i] for name in same)
            groups.setdefault(key, {}).setdefault(found, []).append(float(ratio[i]))
    errors = []
    for sides in groups.values():
        if one in sides and other in sides:
            left, right = sides[one], sides[other]
            if middle:
                left, right = [float(np.median(left))], [float(np.median(right))]
            errors += [abs(a / b - 1.0) for a, b in itertools.product(left, right)]
    return np.array(errors)


def _memory(catalog: Catalog, usable: Columns, told: Columns) -> Iterable[str]:
    measured = numbers_in(usable["mem_gib_per_gpu"])
    have = np.isfinite(measured) & np.array([not cell for cell in usable["peak_alloc_gib"]])
    for name, columns in (("", usable), (", adapters with trained embeddings separate", told)):
        asked = {**columns, "metric": ["mem_gib_per_gpu"] * len(measured)}
        predicted = numbers_in(predict_training(asked, catalog=catalog)["value"])
        error = np.abs(predicted / measured - 1.0)[have]
        yield f"| peak memory{name} | median 10, p90 25 % | {_summary(error)} |"
    chosen = fit_training.calibration_columns(usable)
    rows = fit_training.Rows(
        catalog, fit_training.memory_columns(chosen), catalog.coefficients.training,
        "mem_gib_per_gpu",
    )  # fmt: skip
    without = fit_training.left_out(rows, fit_training.fit_memory)
    error = np.abs(without / rows.measured - 1.0)
    yield f"| peak memory, fitted rows, groups left out | | {_summary(error)} |"
    printed = {**chosen, "has": [str(bool(x)) for x in chosen["peak_alloc_gib"]]}
    rows = fit_training.Rows(
        catalog, _choose(printed, "has", ("True",)), catalog.coefficients.training,
        "mem_gib_per_gpu",
    )  # fmt: skip
    need = memory(rows.resolved.jobs, catalog.coefficients.training)
    peak = numbers_in([rows.columns["peak_alloc_gib"][row] for row in rows.resolved.rows])
    error = np.abs((need.total_bytes - need.overhead) / GIB / peak - 1.0)
    yield f"| peak allocated, where it is printed | median 5 % | {_summary(error)} |"
    yield f"| of these jobs, which ran, called fitting: {need.fits.mean():.1%} | | | | | |"


def _attempts(catalog: Catalog) -> Iterable[str]:
    """Fine-tunes that ran, or ran out of memory, judged."""
    columns = read_columns(ATTEMPTS)
    out = predict_training(columns, catalog=catalog)
    fits = np.array(["predicted to need" not in note for note in out.note])
    ran = np.array(columns["ran"]) == "yes"
    read_off = np.array([name.startswith(("new", "liger")) for name in columns["id"]])
    for name, mask in (("300 attempts the terms were read off", read_off),
                       ("108 more, older release, other GPU", ~read_off)):  # fmt: skip
        wrong, yes = (fits != ran)[mask].sum(), (fits & ~ran)[mask].sum()
        yield (
            f"| {name}, {(~ran)[mask].sum()} ran out of memory: {wrong} judged wrongly, {yes} of "
            f"them a wrong yes | 15, 6 wrong yes | {mask.sum()} | | | |"
        )


def _bloom(usable: Columns, predicted: Floats) -> Iterable[str]:
    """Ranks of the layouts BigScience tried before it trained BLOOM."""
    value = numbers_in(usable["value"])
    groups: dict[tuple[str, str], dict[tuple[str, ...], list[tuple[float, float]]]] = {}
    for i, source in enumerate(usable["source"]):
        if source.startswith("bigscience") and usable["split"][i] == "legacy-stack":
            layouts = groups.setdefault((usable["model"][i], usable["n_gpus"][i]), {})
            key = tuple(usable[name][i] for name in LAYOUT)
            layouts.setdefault(key, []).append((predicted[i], value[i]))
    lines = ["| BLOOM's layouts, model and GPUs | layouts | Spearman (0.85) | best is ranked (3) |",
             "|---|---|---|---|"]  # fmt: skip
    found = []
    for (model, gpus), layouts in sorted(groups.items()):
        if len(layouts) >= LEAST_LAYOUTS:
            mean = np.array([np.mean(pairs, axis=0) for pairs in layouts.values()])
            order = _rank(mean[:, 0]), _rank(mean[:, 1])
            found.append(float(np.corrcoef(*order)[0, 1]))
            best = int((mean[:, 0] > mean[np.argmax(mean[:, 1]), 0]).sum()) + 1
            lines.append(f"| {model}, {gpus} | {len(layouts)} | {found[-1]:.2f} | {best} |")
    lines.append(f"| mean | | {np.mean(found):.2f} | |")
    yield "\n".join(lines)
    yield _repeats(groups)


def _repeats(
    groups: Mapping[object, Mapping[tuple[str, ...], Sequence[tuple[float, float]]]],
) -> str:
    """How far repeats of a layout scatter, and layouts of a model: what a ranking can tell."""
    away, between = [], []
    for layouts in groups.values():
        rates = [np.log([value for _, value in pairs]) for pairs in layouts.values()]
        away += [one - one.mean() for one in rates if len(one) > 1]
        if len(layouts) >= LEAST_LAYOUTS:
            between.append(float(np.std([one.mean() for one in rates], ddof=1)))
    repeats = np.concatenate(away)
    freedom = len(repeats) - len(away)
    return (
        f"Repeats of one layout scatter by {np.sqrt(np.sum(repeats**2) / freedom):.1%} (standard "
        f"deviation of {len(repeats)} trials), means of layouts of one model by "
        f"{min(between):.1%} to {max(between):.1%}."
    )


def _rank(values: Floats) -> Floats:
    """Ranks, ties sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=float)


def _coverage(rows: fit_training.Rows, predicted: Floats) -> str:
    """Share of left-out rows inside an interval that other groups' errors gave."""
    kinds = interval_slices(rows.resolved.jobs, rows.metric, fit_training.START)
    ratio = rows.measured / predicted
    groups, inverse = np.unique(rows.group, return_inverse=True)
    inside: dict[str, list[Mask]] = {}
    for seed in range(4):
        fold = np.random.default_rng(seed).integers(4, size=len(groups))[inverse]
        for kind, number in itertools.product(np.unique(kinds).tolist(), range(4)):
            here, rest = (kinds == kind) & (fold == number), (kinds == kind) & (fold != number)
            if here.any() and rest.sum() >= fit_training.FEW:
                ends = fit_training.interval(ratio[rest], rows.group[rest])
                held = (ratio[here] >= ends["low"]) & (ratio[here] <= ends["high"])
                inside.setdefault(kind, []).append(held)
    lines = ["| 80 % interval from other groups holds (76-86 %) | rows | share |", "|---|---|---|"]
    total = np.concatenate([held for parts in inside.values() for held in parts])
    lines.append(f"| all left-out rows | {len(rows.measured)} | {total.mean():.1%} |")
    for kind, parts in sorted(inside.items()):
        share = np.concatenate(parts).mean()
        lines.append(f"| {kind} | {int((kinds == kind).sum())} | {share:.1%} |")
    return "\n".join(lines)


def _plots(rows: fit_training.Rows, left_out: Floats, sources: Floats) -> str:
    import vl_convert

    jobs = rows.resolved.jobs
    away = np.log(sources / rows.measured)
    points = [
        {
            "measured": float(rows.measured[i]), "predicted": float(left_out[i]),
            "kind": str(jobs.kind[i]), "source": str(rows.source[i]).split("/")[-1],
            "error": float(away[i]) if np.isfinite(away[i]) else None,
        }
        for i in range(len(rows.measured))
        if rows.metric[i] == "tok_s_per_gpu"
    ]  # fmt: skip
    log = {"type": "log"}
    against = {
        "data": {"values": points}, "width": 420, "height": 320,
        "mark": {"type": "point", "size": 10, "opacity": 0.6},
        "encoding": {
            "x": {"field": "measured", "type": "quantitative", "scale": log,
                  "title": "measured tokens/s per GPU"},
            "y": {"field": "predicted", "type": "quantitative", "scale": log,
                  "title": "predicted, group left out"},
            "color": {"field": "kind", "type": "nominal", "title": "kind of job"},
        },
    }  # fmt: skip
    by_source = {
        "data": {"values": [p for p in points if p["error"] is not None]},
        "width": 420, "height": 240,
        "mark": {"type": "boxplot", "extent": 1.5, "outliers": {"size": 3}},
        "encoding": {
            "y": {"field": "source", "type": "nominal", "title": None},
            "x": {"field": "error", "type": "quantitative", "scale": {"domain": [-1, 1],
                  "clamp": True}, "title": "log(predicted / measured), source left out"},
        },
    }  # fmt: skip
    for name, spec in (("accuracy-training", against), ("accuracy-training-sources", by_source)):
        drawn = vl_convert.vegalite_to_svg(json.dumps(spec))
        (DOCS / f"{name}.svg").write_text(drawn, encoding="utf-8")
    return (
        "![Predicted against measured training rate](accuracy-training.svg)\n\n"
        "![Error of sources left out](accuracy-training-sources.svg)"
    )


def _choose(columns: Mapping[str, Sequence[str]], name: str, wanted: Sequence[str]) -> Columns:
    keep = [one in wanted for one in columns[name]]
    return {k: [x for x, yes in zip(v, keep, strict=True) if yes] for k, v in columns.items()}


def _slices(name: str, labels: Sequence[str] | npt.NDArray[np.str_], error: Floats) -> str:
    column = np.array(labels)
    found = [
        (float(np.nanmedian(error[column == label])), str(label), error[column == label])
        for label in np.unique(column)
        if (column == label).sum() >= 5
    ]
    ranked = sorted(found, key=lambda one: -one[0])
    return _table([(label, e) for _, label, e in ranked], HEAD.replace("slice", name))


def _table(lines: Sequence[tuple[str, Floats]], head: str = HEAD) -> str:
    return "\n".join([head, *(f"| {name} | {_summary(error)} |" for name, error in lines)])


def _summary(error: Floats) -> str:
    known = error[np.isfinite(error)]
    if not len(known):
        return "0 | - | - | -"
    middle, high = np.quantile(known, [0.5, 0.9])
    return f"{len(known)} | {middle:.1%} | {known.mean():.1%} | {high:.1%}"


def main() -> None:
    """Rewrite the section at the end of docs/accuracy.md."""
    page, title = DOCS / "accuracy.md", "## Training\n"
    before = page.read_text(encoding="utf-8").partition(title)[0]
    page.write_text(f"{before}{title}\n{section(load())}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
