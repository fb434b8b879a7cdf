"""All files of an export: every target asked for, an index, a schedule and a page to read first."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Final

from gpumix.domain.exported import (
    EXPORT_SCHEMA_VERSION,
    Exported,
    LaunchFile,
    NotWritten,
    PlanOrigin,
)
from gpumix.domain.launch import Launch
from gpumix.export import compose, dstack, dynamo, kserve, sky
from gpumix.export.counts import started
from gpumix.export.facts import by_day, unsaid
from gpumix.export.made import Around, Writer, each
from gpumix.export.scripts import writer_for
from gpumix.export.text import one_line, origin_lines

INDEX: Final = "index.json"
README: Final = "README.txt"
SCHEDULE: Final = "schedule.csv"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS_PER_DAY = 24

TARGETS: Final[Mapping[str, Writer]] = MappingProxyType(
    {
        "vllm": writer_for("vllm"),
        "sglang": writer_for("sglang"),
        "trtllm": writer_for("trtllm"),
        "compose": compose.write,
        "kserve": each(kserve.write),
        "dynamo": each(dynamo.write),
        "sky": each(sky.write),
        "dstack": dstack.write,
    }
)
"""Target -> what writes all its files."""

_USES: Final = MappingProxyType(
    {
        "vllm": "sh vllm/NAME.sh on the machine, once a replica",
        "sglang": "sh sglang/NAME.sh on the machine, once a replica",
        "trtllm": "sh trtllm/NAME.sh on the machine, once a replica",
        "compose": "sh compose/start.sh NAME on each machine",
        "kserve": "kubectl apply -f kserve/NAME.yaml",
        "dynamo": "kubectl apply -f dynamo/NAME.yaml",
        "sky": "sky serve up sky/NAME.yaml (services), sky jobs launch sky/NAME.yaml (training)",
        "dstack": "dstack apply -f dstack/fleet-LINE.dstack.yml, then -f dstack/NAME.dstack.yml",
    }
)


def bundle(
    launches: Sequence[Launch], origin: PlanOrigin, targets: Sequence[str]
) -> tuple[Exported, dict[str, str]]:
    """What is written for the targets, and the files by their path. The same launches give the
    same bytes."""
    around = Around(origin, started(launches))
    texts: dict[str, str] = {}
    files: list[LaunchFile] = []
    missing: list[NotWritten] = []
    for target in targets:
        for answer in TARGETS[target](launches, around):
            if isinstance(answer, NotWritten):
                missing.append(answer)
                continue
            texts[answer.path] = texts.get(answer.path, "") + answer.text
            files += [answer.file] if answer.file else []
    texts[SCHEDULE] = _schedule(launches)
    others = sorted({*texts, README} - {file.path for file in files})
    found = Exported(EXPORT_SCHEMA_VERSION, origin, tuple(files), tuple(missing), tuple(others))
    texts[INDEX] = as_json(found) + "\n"
    texts[README] = "\n".join([*_readme(found, launches, targets), ""])
    return found, texts


def as_json(found: Exported) -> str:
    """The index of an export as JSON."""
    return json.dumps(asdict(found), indent=1, ensure_ascii=False)


def _schedule(launches: Sequence[Launch]) -> str:
    served = [one for one in launches if one.by_hour]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["day", "hour", *(one.name for one in served)])
    for hour in range(max((len(one.by_hour) for one in served), default=0)):
        day, of_day = divmod(hour, _HOURS_PER_DAY)
        writer.writerow([_DAYS[day], of_day, *(one.by_hour[hour] for one in served)])
    return text.getvalue()


def _readme(found: Exported, launches: Sequence[Launch], targets: Sequence[str]) -> Iterator[str]:
    yield from (one_line(line) for line in origin_lines(found.origin))
    yield ""
    yield "Launches (replicas in the first year, by hour of the week; the most of any part"
    yield "of the year; all hours in schedule.csv):"
    for one in launches:
        yield f"  {one.name} on {one_line(one.resource)}"
        if one.is_job:
            count = "1 GPU" if one.gpus == 1 else f"{one.gpus} GPUs"
            yield f"    a job of {count}, at most {one.peak_replicas} at a time"
        elif one.first_year_replicas:
            yield from (f"    {line}" for line in by_day(one.by_hour))
        else:
            yield "    none in the first year"
        yield from (f"    not said by any file: {gap}" for gap in unsaid(one, one_number=False))
    common = {one.name: unsaid(one, one_number=False) for one in launches}
    for target in targets:
        yield ""
        yield f"{target}: {_USES[target]}"
        for file in found.files:
            if file.target == target:
                yield from _file_lines(file, common[file.launch])
        for path in found.others:
            if path.startswith(f"{target}/"):
                yield f"  {path}"
        for gap in found.not_written:
            if gap.target == target:
                yield f"  not written: {gap.launch}: {one_line(gap.reason)}"


def _file_lines(file: LaunchFile, common: Collection[str]) -> Iterator[str]:
    yield f"  {file.path}: {file.launch}, {file.replicas} x ({one_line(file.starts)})"
    yield from (f"    fill in: {one_line(edit)}" for edit in file.edit)
    yield from (f"    not said: {one_line(gap)}" for gap in file.cannot if gap not in common)
