"""The measured tables beside the repository."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT.parent / "shared" / "data" / "measured"


def read_rows(name: str) -> list[dict[str, str]]:
    """Rows of one measured table."""
    with gzip.open(MEASURED / name, "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


_NODES = re.compile(r"\d+ node\(s\) x (\d+)")
_ACCUMULATION = re.compile(r"grad_accum (\d+)")


EVALUATION = {
    "Llama-2-70b-hf": (8192, 384, 173, 3, 2.0),
    "gpt3-175b": (2048, 24_576, 5_659, 0, 3.0),
}
"""MLPerf's tests on the way: tokens of a sequence, sequences between two tests, sequences of one,
tests left out at first, and passes of training for the one pass of a test.

Source: mlcommons/training llama2_70b_lora/README.md@00baefadb3 (a test each 48 steps of 8) and
large_language_model/megatron-lm/README.md@036483c254 (24,567 examples after each 24,576);
SKIP_EVALS=3 in submitters' configurations; the 173 sequences and the 11,590,004 tokens of a test
are recalled."""


def recipes(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Columns of training rows that their own recipes tell otherwise than the table.

    Gradients gathered over micro-batches, and GPUs of a node, stand in its remarks. Qwen's scripts
    run DeepSpeed for all but LoRA of one GPU, full fine-tuning with ZeRO-3. Rates of MLPerf's
    language models count the time of tests in which nothing is trained: `value` is without it.

    Source: QwenLM/Qwen README.md@03cd81f5e4, "Finetuning" and "Profiling of Memory and Speed";
    `EVALUATION`.
    """
    names = ("global_batch", "gpus_per_node", "stack", "sharding", "value")
    told = {name: list(columns[name]) for name in names}
    for row, source in enumerate(columns["source"]):
        note = columns["notes"][row]
        if not told["global_batch"][row] and (found := _ACCUMULATION.search(note)):
            replicas = float(columns["micro_batch"][row]) * float(columns["dp"][row])
            told["global_batch"][row] = f"{replicas * int(found[1]):g}"
        if found := _NODES.search(columns["inter_link"][row]):
            told["gpus_per_node"][row] = found[1]
        if source.startswith("QwenLM/Qwen"):
            full = columns["task"][row] == "sft"
            if full or columns["task"][row] == "qlora" or "Zero3" in note:
                told["stack"][row] = "hf-deepspeed"
            if full and float(columns["n_gpus"][row]) > 1.0:
                told["sharding"][row] = "zero3_fsdp"
        if "evaluation included" in note:
            told["value"][row] = f"{float(columns['value'][row]) * _tested(columns, row):.7g}"
    return told


def _tested(columns: Mapping[str, Sequence[str]], row: int) -> float:
    """Time of a whole run over that of its training steps; 1 where the tests are not known."""
    model = columns["model"][row].partition(" ")[0].rpartition("/")[2]
    if model not in EVALUATION:
        return 1.0
    length, between, of_one, skipped, passes = EVALUATION[model]
    seconds = float(columns["minutes_to_train"][row]) * 60.0
    tokens = float(columns["value"][row]) * float(columns["n_gpus"][row]) * seconds
    tests = max(round(tokens / length / between) - skipped, 1)
    return 1.0 + tests * of_one / (passes * tokens / length)
