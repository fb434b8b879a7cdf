"""Published training runs end to end: kernel time, goodput, programme factor -> docs/training.md.

predicted GPU-hours = tokens / (predicted rate) / goodput x programme factor, with one factor for
all runs that is not fitted to them. Beside it the factor that would make a prediction exact:
trials, rollbacks, evaluation, phases of other lengths, and the error of the prediction. Rewrites
the table between the two marks of the page; adds it where the marks are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from gpumix.catalog import Catalog, load
from gpumix.cost.jobs import checkpoint_stall_h, goodput, mean_time_to_interruption_h
from gpumix.errors import NoEstimate
from gpumix.perf.training.layout import layouts
from gpumix.units import GIGA

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
START, END = "<!-- whole runs: benchmarks/whole_runs.py -->", "<!-- end of whole runs -->"
BEFORE = "## Where it is weak"
HOURS_PER_YEAR = 8760.0


PROGRAMME_FACTOR = 1.2
"""Low end of the 1.2 to 3 that docs/training-jobs.md gives for programmes: what is published is
the hours of the model itself, restarts and batch ramps included, experiments before it not."""


@dataclass(frozen=True, slots=True)
class Run:
    """A published run: what was trained on what, and the GPU-hours its makers state.

    `read` says where the hours and tokens were read for this table, `quoted` what else was, in
    others' copies of the paper; `assumed` is recalled or guessed. None is in the shared tables.
    """

    name: str
    model: str
    gpu: str
    n_gpus: int
    tokens: float
    gpu_hours: float
    seq_len: float
    global_batch: float
    read: str
    quoted: str
    assumed: str
    stack: str = "megatron"
    precision: str = "bf16"
    fixed: dict[str, float | str] = field(default_factory=dict)


_LLAMA_2 = {
    "read": "hours, tokens, length, batch: meta-llama/llama MODEL_CARD.md@0e3444bca7",
    "quoted": "",
    "assumed": "GPU count, software, layout",
}
_LLAMA_3 = {
    "read": "hours, 15 T tokens: meta-llama/llama-models models/llama3_1/MODEL_CARD.md@1b28708fc4",
    "quoted": "",
    "assumed": "GPU count, batch, length, software, layout",
}
RUNS = (
    Run("Llama 2 7B", "meta-llama/Llama-2-7b-hf", "a100-sxm-80gb", 1024, 2e12, 184_320,
        4096, 1024, **_LLAMA_2),
    Run("Llama 2 13B", "meta-llama/Llama-2-13b-hf", "a100-sxm-80gb", 1024, 2e12, 368_640,
        4096, 1024, **_LLAMA_2),
    Run("Llama 2 70B", "meta-llama/Llama-2-70b-hf", "a100-sxm-80gb", 2048, 2e12, 1_720_320,
        4096, 1024, **_LLAMA_2),
    Run("Llama 3.1 8B", "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm-80gb", 4096, 15e12,
        1_460_000, 8192, 1024, **_LLAMA_3),
    Run("Llama 3.1 70B", "meta-llama/Meta-Llama-3-70B", "h100-sxm-80gb", 8192, 15e12,
        7_000_000, 8192, 2048, **_LLAMA_3),
    Run("Llama 3.1 405B", "meta-llama/Llama-3.1-405B-Instruct", "h100-sxm-80gb", 16384, 15.6e12,
        30_840_000, 8192, 2048, read=_LLAMA_3["read"],
        quoted="15.6 T tokens, 16,384 GPUs: arXiv 2407.21783",
        assumed="batch, length, software; TP8 PP16 recalled from its table 4",
        fixed={"tp": 8, "pp": 16}),
    Run("DeepSeek-V3", "deepseek-ai/DeepSeek-V3", "h800-sxm-80gb", 2048, 14.8e12, 2_664_000,
        4096, 15360, read="hours, tokens, FP8: deepseek-ai/DeepSeek-V3 README.md@acbbd8938c",
        quoted="2,048 GPUs, PP16 EP64, batch: arXiv 2412.19437",
        assumed="length, Megatron in place of its own software", precision="fp8",
        fixed={"tp": 1, "pp": 16, "ep": 64}),
    Run("BLOOM 176B", "bigscience/bloom", "a100-sxm-80gb", 384, 366e9, 1_082_990, 2048, 2048,
        read="GPUs, layout, recomputation, batch, length, software: bigscience-workshop/bigscience "
        "train/tr11-176B-ml/README.md@00327f8c35",
        quoted="hours: arXiv 2211.05100, section 3.4.1",
        assumed="366 B tokens recalled", stack="megatron-deepspeed",
        fixed={"tp": 4, "pp": 12, "micro_batch": 2, "activation_ckpt": "full"}),
)  # fmt: skip
"""Hours are of pre-training; GPU counts bear on goodput and layout alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as predicted, at the stated programme factor; `error` is predicted / published - 1,
    `needed_factor` the factor that would make it exact."""

    tokens_per_s_per_gpu: float
    kernel_gpu_hours: float
    goodput: float
    gpu_hours: float
    error: float
    needed_factor: float


def outcome(run: Run, catalog: Catalog) -> Outcome:
    """Predicted kernel GPU-hours, goodput and GPU-hours of a run beside its published ones."""
    model = catalog.model(run.model)
    layout = layouts(
        model, catalog.gpu(run.gpu), run.n_gpus, constants=catalog.coefficients.training,
        seq_len=run.seq_len, global_batch=run.global_batch, stack=run.stack,
        precision=run.precision, fixed=run.fixed, memory_slack=1.15,
    ).best  # fmt: skip
    if layout is None:
        raise NoEstimate(f"{run.model} on {run.n_gpus} x {run.gpu}: nothing fits")
    rate = layout.tokens_per_s_per_gpu
    kernel = run.tokens / rate / 3600.0
    useful = _goodput(model.params_total_b * GIGA, run.n_gpus, catalog)
    hours = kernel / useful * PROGRAMME_FACTOR
    return Outcome(
        rate, kernel, useful, hours, hours / run.gpu_hours - 1.0, run.gpu_hours * useful / kernel
    )


def _goodput(params: float, gpus: int, catalog: Catalog) -> float:
    def typical(name: str) -> float:
        return float(catalog.defaults[name].typical)

    stall = checkpoint_stall_h(
        params * typical("checkpoint_bytes_per_param"),
        typical("storage_gb_per_s_per_node") * GIGA * max(gpus / 8.0, 1.0),
        typical("checkpoint_pause"),
    )
    rate = typical("interruptions_per_gpu_year") / HOURS_PER_YEAR
    return float(goodput(stall, typical("restart"), mean_time_to_interruption_h(rate, float(gpus))))


def table(catalog: Catalog) -> str:
    """The runs as Markdown: predictions, then where each published figure was read."""
    lines = [
        "| run | GPUs | tokens/s per GPU, predicted | kernel GPU-hours, predicted | goodput "
        f"| GPU-hours, predicted x {PROGRAMME_FACTOR:g} | GPU-hours, published | error "
        "| factor that would be exact |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    errors = []
    for run in RUNS:
        found = outcome(run, catalog)
        errors.append(abs(found.error))
        lines.append(
            f"| {run.name} | {run.n_gpus:,} {run.gpu} | {found.tokens_per_s_per_gpu:,.0f} "
            f"| {found.kernel_gpu_hours:,.0f} | {found.goodput:.1%} | {found.gpu_hours:,.0f} "
            f"| {run.gpu_hours:,} | {found.error:+.0%} | {found.needed_factor:.2f} |"
        )
    sources = [f"| {run.name} | {run.read} | {run.quoted or '-'} | {run.assumed} |" for run in RUNS]
    return "\n".join([
        *lines, "", f"Median error {median(errors):.0%}, largest {max(errors):.0%}.", "",
        "| run | read at its source | read in copies of the paper | recalled or assumed |",
        "|---|---|---|---|", *sources,
    ])  # fmt: skip


def page(text: str, catalog: Catalog) -> str:
    """docs/training.md with today's table between the marks."""
    section = "\n".join([
        START, "## Whole runs", "",
        "Predicted GPU-hours = predicted kernel GPU-hours / goodput x programme factor. The factor "
        f"is {PROGRAMME_FACTOR:g} for every run, the low end of 1.2 to 3 (training-jobs.md), not "
        "fitted to them: makers publish the hours of the model itself, not of the experiments "
        "before it. None of these runs is fitted, and none is in the shared tables. The last "
        "column is what would make a prediction exact: trials, rollbacks, evaluation, phases "
        "of other lengths and the prediction's own error, which it cannot tell apart; below 1 "
        "the prediction is too slow (DeepSeek's own FP8 kernels). A run whose makers name no "
        "software is taken for Megatron; layouts are the papers' where they state them, else the "
        "best.", "",
        table(catalog), "", END,
    ])  # fmt: skip
    if START in text and END in text:
        head, rest = text.split(START, 1)
        return head + section + rest.split(END, 1)[1]
    head, rest = text.split(BEFORE, 1)
    return f"{head}{section}\n\n{BEFORE}{rest}"


def main() -> None:
    """Rewrite the section of docs/training.md."""
    catalog = load()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), catalog), encoding="utf-8")
    print(table(catalog))


if __name__ == "__main__":
    main()
