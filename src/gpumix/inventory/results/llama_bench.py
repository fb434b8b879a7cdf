"""llama.cpp's `llama-bench`: JSON, JSON lines or CSV, a test a row: prompts (pp) or tokens (tg).

A row has either prompt tokens, read in one batch, or generated ones, at one request in flight, on
top of `n_depth` tokens of context. `avg_ts` are tokens per second, `avg_ns` the test's time.

Source: tools/llama-bench of ggml-org/llama.cpp (README and llama-bench.cpp, 2025-26).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gpumix import formats
from gpumix.domain.cells import number_in
from gpumix.domain.quantities import shown
from gpumix.inventory.results.deployed import read as read_deployed
from gpumix.inventory.results.run import Cells, Deployed, Run

TOOL = "llama-bench"

_MARKS = {"n_prompt", "n_gen", "avg_ts", "avg_ns", "model_filename"}
_NUMBERS = ("n_prompt", "n_gen", "n_depth", "avg_ts", "avg_ns", "n_gpu_layers")
_TOLERANCE = 0.1
"""Share by which tokens per second may differ from tokens over time: a mean of ratios is none."""


def is_this(data: object) -> bool:
    """Whether a parsed file, or a line of one, is this tool's."""
    one = data[0] if isinstance(data, list) and data else data
    return isinstance(one, dict) and len(_MARKS & set(one)) >= 4


def is_this_csv(lines: Sequence[Sequence[str]]) -> bool:
    """Whether the rows of a CSV file are this tool's."""
    return bool(lines) and set(lines[0]) >= _MARKS


def data_of_csv(lines: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The rows of its CSV as its JSON has them."""
    rows = [dict(zip(lines[0], line, strict=False)) for line in lines[1:] if any(line)]
    return [
        {
            name: number_in(cell) if name in _NUMBERS and not math.isnan(number_in(cell)) else cell
            for name, cell in row.items()
        }
        for row in rows
    ]


def read(cells: Cells) -> list[Run]:
    """A run a row; what is wrong is left in `cells.problems`."""
    if not isinstance(cells.data, list):
        return _runs(cells)
    if not cells.data:
        cells.wrong((), "is empty: the run measured nothing")
    runs = []
    for i, row in enumerate(cells.data):
        one = Cells(row, f"{cells.place} row {i + 1}")
        if isinstance(row, dict):
            runs += _runs(one)
        else:
            one.wrong((), "is not an object")
        cells.problems += one.problems
    return runs


def _runs(cells: Cells) -> list[Run]:
    prompt, answer = cells.number("n_prompt"), cells.number("n_gen")
    depth = cells.optional("n_depth") or 0.0
    rate, duration = cells.number("avg_ts"), cells.number("avg_ns") * 1e-9
    if (prompt > 0.0) == (answer > 0.0):
        what = "a row measures prompts or tokens, this one both or neither"
        cells.wrong((), what, "run -p and -n, not -pg")
        return []
    if rate == 0.0 or duration == 0.0:
        cells.wrong((), "took no time or made no tokens")
        return []
    if abs((prompt + answer) / duration / rate - 1.0) > _TOLERANCE:
        cells.wrong(
            ("avg_ts",),
            f"{rate:.4g} tokens/s contradicts {prompt + answer:g} tokens in {duration:.4g} s",
            "is avg_ns in nanoseconds?",
        )
    if prompt > 0.0 and depth > 0.0:
        cells.wrong(("n_depth",), "prompts on top of a context have no prediction", "-d 0")
    if cells.at("n_gpu_layers") == 0:
        cells.wrong(("n_gpu_layers",), "ran on the CPU", "offload all layers: -ngl 99")
    figures = {"prefill_tok_s": rate} if prompt else {"output_tok_s_total": rate}
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=1.0,
            failed=0.0,
            duration_s=None,
            input_len=prompt or max(depth, 1.0),
            output_len=answer or 1.0,
            requests_per_s=math.nan,
            output_tokens_per_s=math.nan,
            latency_s={"tpot": {"mean": 1.0 / rate}} if answer else {},
            load="single_stream",
            load_value=None,
            engine="llama.cpp",
            figures=figures,
            deployed=_deployed(cells),
        )
    ]


def _deployed(cells: Cells) -> Deployed:
    """The GPUs llama.cpp saw, and the weights' format."""
    said = read_deployed(cells, cells.text("gpu_info"))
    text = f"{cells.text('model_type')} {cells.text('model_filename')}"
    if found := formats.stated_in(cells.text("model_filename")) or formats.stated_in(
        cells.text("model_type")
    ):
        return replace(said, weight_precision=found.precision)
    doubt = f"weights of format {shown(text.strip())} are not among those predicted (--precision)"
    return replace(said, doubts=(*said.doubts, doubt))
