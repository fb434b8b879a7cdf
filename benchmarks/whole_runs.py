"""Published training runs end to end: kernel time, goodput, programme factor -> docs/training.md.

predicted GPU-hours = tokens / (predicted rate) / goodput x factor. A published figure is one of two
claims: the hours of the run itself, or the total of a model card, trials and reruns included. The
factor of a run is the mean of the exact ones of the other runs of its claim. Rewrites the table
between the two marks of the page; adds it where the marks are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean, median

from gpumix.catalog import Catalog, load
from gpumix.cost.jobs import checkpoint_stall_h, goodput, mean_time_to_interruption_h
from gpumix.errors import NoEstimate
from gpumix.perf.training.layout import layouts
from gpumix.units import GIGA

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
START, END = "<!-- whole runs: benchmarks/whole_runs.py -->", "<!-- end of whole runs -->"
BEFORE = "## Where it is weak"
HOURS_PER_YEAR = 8760.0


RUN, CARD = "a run's own", "a card's total"
"""What a published count of GPU-hours is of."""


@dataclass(frozen=True, slots=True)
class Run:
    """A published run: what was trained on what, and the GPU-hours its makers state.

    `read` says where the hours and tokens were read for this table, `quoted` what else was, in
    others' copies of the paper; `assumed` is recalled or guessed. None is in the shared tables.
    `claim` is RUN or CARD.
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
    claim: str
    stack: str = "megatron"
    precision: str = "bf16"
    fixed: dict[str, float | str] = field(default_factory=dict, hash=False)


_LLAMA_2 = {
    "read": "hours, tokens, length, batch: meta-llama/llama MODEL_CARD.md@0e3444bca7",
    "quoted": "",
    "assumed": "GPU count, software, layout",
    "claim": CARD,
}
_LLAMA_3 = {
    "read": "hours, 15 T tokens: meta-llama/llama-models models/llama3_1/MODEL_CARD.md@1b28708fc4",
    "quoted": "",
    "assumed": "GPU count, batch, length, software, layout",
    "claim": CARD,
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
        assumed="batch, length, software; TP8 PP16 recalled from its table 4", claim=RUN,
        fixed={"tp": 8, "pp": 16}),
    Run("DeepSeek-V3", "deepseek-ai/DeepSeek-V3", "h800-sxm-80gb", 2048, 14.8e12, 2_664_000,
        4096, 15360, read="hours, tokens, FP8: deepseek-ai/DeepSeek-V3 README.md@acbbd8938c",
        quoted="2,048 GPUs, PP16 EP64, batch: arXiv 2412.19437",
        assumed="length, Megatron in place of its own software", claim=RUN, precision="fp8",
        fixed={"tp": 1, "pp": 16, "ep": 64}),
    Run("BLOOM 176B", "bigscience/bloom", "a100-sxm-80gb", 384, 366e9, 1_082_990, 2048, 2048,
        read="GPUs, layout, recomputation, batch, length, software: bigscience-workshop/bigscience "
        "train/tr11-176B-ml/README.md@00327f8c35",
        quoted="hours: arXiv 2211.05100, section 3.4.1",
        assumed="366 B tokens recalled", claim=RUN, stack="megatron-deepspeed",
        fixed={"tp": 4, "pp": 12, "micro_batch": 2, "activation_ckpt": "full"}),
)  # fmt: skip
"""Hours are of pre-training; GPU counts bear on goodput and layout alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as predicted; `exact` is the factor that would make the prediction exact."""

    tokens_per_s_per_gpu: float
    kernel_gpu_hours: float
    goodput: float
    exact: float


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
    return Outcome(rate, kernel, useful, run.gpu_hours * useful / kernel)


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
        "| claim | factor of the others | GPU-hours, predicted | GPU-hours, published | error "
        "| factor that would be exact |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    found = {run: outcome(run, catalog) for run in RUNS}
    errors: dict[str, list[float]] = {RUN: [], CARD: []}
    for run, one in found.items():
        factor = geometric_mean(
            [found[other].exact for other in RUNS if other.claim == run.claim and other != run]
        )
        hours = one.kernel_gpu_hours / one.goodput * factor
        error = hours / run.gpu_hours - 1.0
        errors[run.claim].append(abs(error))
        lines.append(
            f"| {run.name} | {run.n_gpus:,} {run.gpu} | {one.tokens_per_s_per_gpu:,.0f} "
            f"| {one.kernel_gpu_hours:,.0f} | {one.goodput:.1%} | {run.claim} | {factor:.2f} "
            f"| {hours:,.0f} | {run.gpu_hours:,} | {error:+.0%} | {one.exact:.2f} |"
        )
    told = [f"Median error {median(errors[RUN] + errors[CARD]):.0%}"]
    for claim, sizes in errors.items():
        factor = geometric_mean([found[run].exact for run in RUNS if run.claim == claim])
        told.append(f"{claim} hours {factor:.2f} x kernel time / goodput, error {median(sizes):.0%}"
                    f" (largest {max(sizes):.0%})")  # fmt: skip
    sources = [f"| {run.name} | {run.read} | {run.quoted or '-'} | {run.assumed} |" for run in RUNS]
    return "\n".join([
        *lines, "", "; ".join(told) + ".", "",
        "| run | read at its source | read in copies of the paper | recalled or assumed |",
        "|---|---|---|---|", *sources,
    ])  # fmt: skip


def page(text: str, catalog: Catalog) -> str:
    """docs/training.md with today's table between the marks."""
    section = "\n".join([
        START, "## Whole runs", "",
        "Predicted GPU-hours = predicted kernel GPU-hours / goodput x factor. A published count is "
        "one of two claims: the hours of the run itself, or the total of a model card, which holds "
        "trials, reruns and evaluation too. The factor of a run is the geometric mean of what "
        "would have been exact for the other runs of its claim, so that no run is judged by "
        "itself. None of these runs is fitted, and none is in the shared tables. The last column "
        "holds the prediction's own error too, which it cannot tell apart; below 1 the prediction "
        "is too slow (DeepSeek's own FP8 kernels). A job's `programme_factor` (1 where it is not "
        "stated) is that factor in plans. A run whose makers name no software is taken for "
        "Megatron; layouts are the papers' where they state them, else the best.", "",
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
