"""Choose the packaged evidence rows: a spread over sources and conditions, not a copy.

One row for each combination of source, GPU, engine (or stack), model family, model size, load
(or task), precision, metric and split, among the usable rows: of the highest trust, then nearest
to the median load of its group, then by id. So every source and condition of the full tables is
represented once, and the choice can be repeated.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

from measured import recipes

Row = dict[str, str]

SIZES_B = (5.0, 20.0, 50.0)
"""Active parameters at which a model counts as larger [billions]."""

INFERENCE_COLUMNS = (
    "id,source_id,source,date,gpu,n_gpus,tp,pp,dp,ep,model,weight_precision,kv_precision,engine,"
    "engine_version,input_len,output_len,load,load_value,metric,value,trust,split,usable,dataset,"
    "len_source,slo"
)
TRAINING_COLUMNS = (
    "id,source,date,gpu,n_gpus,gpus_per_node,intra_link,inter_link,inter_gbps_per_node,model,task,"
    "method,precision,seq_len,global_batch,micro_batch,tp,pp,cp,ep,dp,vp,sharding,activation_ckpt,"
    "stack,moe_dispatcher,cuda_graph,metric,value,split,usable"
)


def build(measured: Path, data: Path) -> None:
    """Write evidence_inference.csv and evidence_training.csv."""
    models = {row["hf_id"]: row for row in _read(data / "models.csv")}

    def model_class(name: str) -> tuple[str, ...]:
        if name not in models:
            return (name,)
        active = float(models[name]["params_active_b"] or 0.0)
        return models[name]["family"], str(sum(active >= size for size in SIZES_B))

    def inference_group(row: Row) -> tuple[str, ...]:
        names = ("source_id", "gpu", "engine", "load", "weight_precision", "metric", "split")
        return (*(row[name] for name in names), *model_class(row["model"]))

    def training_group(row: Row) -> tuple[str, ...]:
        names = ("gpu", "stack", "task", "method", "precision", "metric", "split")
        source = re.split(r"[ @]", row["source"])[0]
        return (source, *(row[name] for name in names), *model_class(row["model"]))

    _write(
        data / "evidence_inference.csv",
        INFERENCE_COLUMNS,
        choose(_read(measured / "inference.csv.gz"), inference_group, "load_value"),
    )
    _write(
        data / "evidence_training.csv",
        TRAINING_COLUMNS,
        choose(_as_run(_read(measured / "training.csv.gz")), training_group, "n_gpus"),
    )


def _as_run(rows: list[Row]) -> list[Row]:
    """Training rows with what their own recipes tell."""
    told = recipes({name: [row[name] for row in rows] for name in rows[0]})
    return [row | {name: told[name][at] for name in told} for at, row in enumerate(rows)]


def choose(rows: Iterable[Row], group_of: Callable[[Row], tuple[str, ...]], size: str) -> list[Row]:
    """One usable row of each group: highest trust, nearest to the median of `size`, lowest id."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["usable"] == "yes":
            groups.setdefault(group_of(row), []).append(row)
    return sorted((_best(group, size) for group in groups.values()), key=lambda row: row["id"])


def _best(group: list[Row], size: str) -> Row:
    middle = median(float(row[size] or 0.0) for row in group)

    def rank(row: Row) -> tuple[float, float, str]:
        return (-float(row.get("trust") or 0.0), abs(float(row[size] or 0.0) - middle), row["id"])

    return min(group, key=rank)


def _read(path: Path) -> list[Row]:
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else None
    with opened or path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _write(path: Path, columns: str, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(
            handle, columns.split(","), extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
