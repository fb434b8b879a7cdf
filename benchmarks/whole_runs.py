"""Published training runs end to end: kernel time, goodput, programme factor -> docs/training.md.

published GPU-hours = tokens / (predicted rate) / goodput x programme factor. The factor is what is
left: trials, rollbacks, evaluation, other lengths and phases, and the error of the prediction.
Rewrites the table between the two marks of the page; adds it where the marks are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gpumix.catalog import Catalog, load
from gpumix.cost.jobs import checkpoint_stall_h, goodput, mean_time_to_interruption_h
from gpumix.perf.training_layout import best_layout
from gpumix.units import GIGA

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
START, END = "<!-- whole runs: benchmarks/whole_runs.py -->", "<!-- end of whole runs -->"
BEFORE = "## Where it is weak"
HOURS_PER_YEAR = 8760.0


@dataclass(frozen=True, slots=True)
class Run:
    """A published run: what was trained on what, and the GPU-hours its makers state."""

    name: str
    model: str
    gpu: str
    n_gpus: int
    tokens: float
    gpu_hours: float
    seq_len: float
    global_batch: float
    source: str
    stack: str = "megatron"
    precision: str = "bf16"
    fixed: dict[str, float | str] = field(default_factory=dict)


_LLAMA_2, _LLAMA_3 = "arXiv 2307.09288, table 2", "Llama 3.1 model card; 15 T tokens"
RUNS = (
    Run("Llama 2 7B", "meta-llama/Llama-2-7b-hf", "a100-sxm-80gb", 1024, 2e12, 184_320,
        4096, 1024, _LLAMA_2),
    Run("Llama 2 13B", "meta-llama/Llama-2-13b-hf", "a100-sxm-80gb", 1024, 2e12, 368_640,
        4096, 1024, _LLAMA_2),
    Run("Llama 2 70B", "meta-llama/Llama-2-70b-hf", "a100-sxm-80gb", 2048, 2e12, 1_720_320,
        4096, 1024, _LLAMA_2),
    Run("Llama 3.1 8B", "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm-80gb", 4096, 15e12,
        1_460_000, 8192, 1024, _LLAMA_3),
    Run("Llama 3.1 70B", "meta-llama/Meta-Llama-3-70B", "h100-sxm-80gb", 8192, 15e12,
        7_000_000, 8192, 2048, _LLAMA_3),
    Run("Llama 3.1 405B", "meta-llama/Llama-3.1-405B-Instruct", "h100-sxm-80gb", 16384, 15.6e12,
        30_840_000, 8192, 2048, "Llama 3.1 model card; arXiv 2407.21783, table 4",
        fixed={"tp": 8, "pp": 16}),
    Run("DeepSeek-V3", "deepseek-ai/DeepSeek-V3", "h800-sxm-80gb", 2048, 14.8e12, 2_664_000,
        4096, 15360, "arXiv 2412.19437, table 1", precision="fp8",
        fixed={"tp": 1, "pp": 16, "ep": 64}),
    Run("BLOOM 176B", "bigscience/bloom", "a100-sxm-80gb", 384, 366e9, 1_082_990, 2048, 2048,
        "arXiv 2211.02001, table 2; arXiv 2211.05100", stack="megatron-deepspeed",
        fixed={"tp": 4, "pp": 12, "micro_batch": 2, "activation_ckpt": "full"}),
)  # fmt: skip
"""GPU counts and batches are the papers', rounded; where they give none, our guess of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as predicted; `programme` is the factor that explains the published figure."""

    tokens_per_s_per_gpu: float
    kernel_gpu_hours: float
    goodput: float
    programme: float


def outcome(run: Run, catalog: Catalog) -> Outcome:
    """Predicted kernel GPU-hours and goodput of a run, and the factor up to its published hours."""
    model = catalog.model(run.model)
    layout = best_layout(
        model, catalog.gpu(run.gpu), run.n_gpus, constants=catalog.coefficients.training,
        seq_len=run.seq_len, global_batch=run.global_batch, stack=run.stack,
        precision=run.precision, fixed=run.fixed, memory_slack=1.15,
    )  # fmt: skip
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
    """The runs as Markdown."""
    lines = [
        "| run | GPUs | tokens/s per GPU, predicted | kernel GPU-hours, predicted | goodput "
        "| GPU-hours, published | programme factor | published in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in RUNS:
        found = outcome(run, catalog)
        lines.append(
            f"| {run.name} | {run.n_gpus:,} {run.gpu} | {found.tokens_per_s_per_gpu:,.0f} "
            f"| {found.kernel_gpu_hours:,.0f} | {found.goodput:.1%} | {run.gpu_hours:,} "
            f"| {found.programme:.2f} | {run.source} |"
        )
    return "\n".join(lines)


def page(text: str, catalog: Catalog) -> str:
    """docs/training.md with today's table between the marks."""
    section = "\n".join([
        START, "## Whole runs", "",
        "Published GPU-hours = predicted kernel GPU-hours / goodput x programme factor: trials, "
        "rollbacks, evaluation and phases of other lengths, and the prediction's own error. "
        "None of these runs is fitted. A run whose makers name no software is taken for Megatron; "
        "layouts are the papers' where they state them, else the best. A factor below 1 is a "
        "prediction too slow (DeepSeek's own FP8 kernels).", "",
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
