"""Files of results: whose each is, by what it holds, and all measured rows of all of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from gpumix.catalog import Catalog
from gpumix.errors import InputError, Problem
from gpumix.files import read_numbered_columns
from gpumix.inventory.results import (
    aiperf,
    genai_perf,
    guidellm,
    inference_perf,
    inferencemax,
    llama_bench,
    mlperf_log,
    points,
    sglang_bench,
    trtllm_bench,
    vllm_bench,
    vllm_offline,
)
from gpumix.inventory.results.checks import problems_of
from gpumix.inventory.results.deployed import read as read_deployed
from gpumix.inventory.results.rows import rows_of
from gpumix.inventory.results.run import Cells, Deployed, Run
from gpumix.inventory.results.setting import Stated, stated_faults
from gpumix.reading import parse_json, read_text

KNOWN = (
    "vllm bench serve, throughput or latency, sglang bench_serving, trtllm-bench, llama-bench, "
    "guidellm, aiperf, GenAI-Perf, inference-perf or InferenceMAX JSON, aiperf or llama-bench CSV, "
    "an MLPerf LoadGen log, a points CSV, or any CSV with --map"
)


_ENDLESS = re.compile(r'("request_rate": *)Infinity\b')


class Tool(NamedTuple):
    """One tool's JSON: its name, how it is recognised, how it is read."""

    name: str
    is_this: Callable[[object], bool]
    read: Callable[[Cells], list[Run]]


TOOLS = (
    Tool(genai_perf.TOOL, genai_perf.is_this, genai_perf.read),
    Tool(aiperf.TOOL, aiperf.is_this, aiperf.read),
    Tool(guidellm.TOOL, guidellm.is_this, guidellm.read),
    Tool(inference_perf.TOOL, inference_perf.is_this, inference_perf.read),
    Tool(trtllm_bench.TOOL, trtllm_bench.is_this, trtllm_bench.read),
    Tool(inferencemax.TOOL, inferencemax.is_this, inferencemax.read),
    Tool(llama_bench.TOOL, llama_bench.is_this, llama_bench.read),
    Tool(vllm_offline.THROUGHPUT, vllm_offline.is_throughput, vllm_offline.read_throughput),
    Tool(vllm_offline.LATENCY, vllm_offline.is_latency, vllm_offline.read_latency),
    Tool(sglang_bench.TOOL, sglang_bench.is_this, sglang_bench.read),
    Tool(vllm_bench.TOOL, vllm_bench.is_this, vllm_bench.read),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One file's rows: cells by column of the points contract, each row with its place.

    `doubts` must be confirmed before the rows may count; `counts_gpus` is whether the file or the
    command line says how many GPUs there were.
    """

    name: str
    tool: str
    rows: tuple[dict[str, str], ...]
    places: tuple[str, ...]
    note: str = ""
    doubts: tuple[str, ...] = ()
    counts_gpus: bool = True


@dataclass(frozen=True, slots=True)
class Results:
    """All files read, in order."""

    files: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file whose tool is known: runs of a benchmark tool, or measured points."""

    name: str
    tool: str
    runs: tuple[Run, ...] = ()
    points: tuple[tuple[str, dict[str, str]], ...] = ()


def read_results(paths: Sequence[Path], stated: Stated, catalog: Catalog) -> Results:
    """The measured rows of result files.

    Raises: InputError with every problem of every file, and of what is stated about them.
    """
    problems: list[Problem] = list(stated_faults(stated))
    opened: list[_Opened] = []
    for path in dict.fromkeys(paths):
        try:
            opened.append(_open(path, stated, catalog))
        except InputError as error:
            problems += error.problems
    files: list[Measured] = []
    for one in opened:
        if one.points:
            places, rows = zip(*one.points, strict=True)
            files.append(Measured(one.name, one.tool, rows, places))
        elif _repeats_stages(one, opened):
            note = "repeats the stages; the stages are read instead"
            files.append(Measured(one.name, one.tool, (), (), note))
        else:
            files.append(_measured(one, stated, catalog, problems))
    if problems:
        raise InputError(problems)
    return Results(tuple(files))


def _measured(one: _Opened, stated: Stated, catalog: Catalog, problems: list[Problem]) -> Measured:
    found = [rows_of(run, stated, catalog, problems) for run in one.runs]
    rows = tuple(row for run in found for row in run.rows)
    return Measured(
        one.name,
        one.tool,
        rows,
        (one.name,) * len(rows),
        "; ".join(dict.fromkeys(note for run in found for note in run.notes)),
        tuple(dict.fromkeys(doubt for run in found for doubt in run.doubts)),
        all(run.counts_gpus for run in found),
    )


def _repeats_stages(one: _Opened, opened: Sequence[_Opened]) -> bool:
    """Whether this is inference-perf's mean over stages that were given as well."""
    if len(one.runs) != 1 or not inference_perf.is_summary(one.runs[0]):
        return False
    folder = Path(one.name).parent
    stages = [
        run.completed
        for other in opened
        for run in other.runs
        if run.tool == inference_perf.TOOL and run.load and Path(other.name).parent == folder
    ]
    return bool(stages) and sum(stages) == one.runs[0].completed


def _open(path: Path, stated: Stated, catalog: Catalog) -> _Opened:
    text = _text(path)
    name = str(path)
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text, name)
    if mlperf_log.is_this(text):
        return _checked(
            name, mlperf_log.TOOL, mlperf_log.read, Cells(mlperf_log.data_of(text), name)
        )
    lines = _csv_lines(text)
    if aiperf.is_this_csv(lines):
        return _checked(name, aiperf.TOOL, aiperf.read, Cells(aiperf.data_of_csv(lines), name))
    if llama_bench.is_this_csv(lines):
        rows = Cells(llama_bench.data_of_csv(lines), name)
        return _checked(name, llama_bench.TOOL, llama_bench.read, rows)
    if text.startswith(("# HELP", "# TYPE")):
        message = "is a Prometheus page: counters of a server, not a benchmark's results"
        raise InputError(Problem(name, message, f"give {KNOWN}"))
    if lines and (stated.columns or "metric" in [c.strip() for c in lines[0]]):
        read, numbers = read_numbered_columns(path)
        problems: list[Problem] = []
        columns = points.renamed(read, name, stated)
        found = points.rows_of(columns, numbers, name, stated, catalog, problems)
        if problems:
            raise InputError(problems)
        return _Opened(name, points.TOOL, points=tuple(found))
    raise InputError(Problem(name, "is not a result file that gpumix can read", f"give {KNOWN}"))


def _text(path: Path) -> str:
    text = read_text(path, "name its files one by one, e.g. folder/*.json")
    if not text.strip():
        raise InputError(Problem(str(path), "is empty", "did the benchmark finish?"))
    return text


def _from_json(text: str, name: str) -> _Opened:
    documents = _documents(text, name)
    cells = [
        Cells(data, name if len(documents) == 1 else f"{name} run {i + 1}")
        for i, data in enumerate(documents)
    ]
    tool = next((t for t in TOOLS if t.is_this(documents[0])), None)
    if tool is None:
        raise InputError(Problem(name, _whose(documents[0]), f"give {KNOWN}"))
    runs: list[Run] = []
    problems: list[Problem] = []
    for one in cells:
        try:
            runs += _checked(name, tool.name, tool.read, one).runs
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return _Opened(name, tool.name, tuple(runs))


def _checked(name: str, tool: str, read: Callable[[Cells], list[Run]], cells: Cells) -> _Opened:
    """The runs of a file. Raises: InputError with what is missing, and what cannot be true."""
    deployed = read_deployed(cells)
    runs = [
        replace(run, deployed=deployed) if run.deployed == Deployed() else run
        for run in read(cells)
    ]
    problems = cells.problems + [p for run in runs for p in problems_of(run)]
    if problems:
        raise InputError(problems)
    return _Opened(name, tool, tuple(runs))


def _documents(text: str, name: str) -> list[Any]:
    """The JSON value of a file, or one value a line (runs appended to one file). SGLang writes an
    endless rate as Python does, `Infinity`, which is no JSON."""
    text = _ENDLESS.sub(r'\1"inf"', text)
    lines = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > 1 and all(_is_object(line) for _, line in lines[:2]):
        return [parse_json(line, f"{name} line {i}") for i, line in lines]
    return [parse_json(text, name)]


def _is_object(line: str) -> bool:
    return line.lstrip().startswith("{") and line.rstrip().endswith("}")


def _whose(data: Any) -> str:
    """What a JSON file is, where it is no summary of a benchmark."""
    about = data.get("metadata") if isinstance(data, dict) else None
    if isinstance(about, dict) and "request_start_ns" in about:
        return "holds aiperf's single requests; the summary is its profile_export JSON"
    if isinstance(data, dict) and {"metrics", "summary"} <= set(data):
        return "holds a server's counters (aiperf server metrics), not a benchmark's results"
    return "is JSON, but not benchmark results that gpumix can read"


def _csv_lines(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text)))
    except csv.Error:
        return []
