"""Public deployments with load and GPU count beside what gpumix says they take.

    make proof  ->  docs/proof.md

docs/proof/deployments.csv has what was published, docs/proof/questions.csv the points that are
asked: tokens of a part (prefill, decode or all) in how many seconds, and where they are processed;
causes.csv the likeliest reasons of the errors, aiconfigurator.csv what it answers
(benchmarks/beside_deployments.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Final

import gpumix
from gpumix.files import read_columns, read_rows
from gpumix.units import MS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "proof.md"
PROOF = ROOT / "docs" / "proof"
CONFIGS: Final = MappingProxyType(
    {"HuggingFaceTB/SmolLM2-1.7B-Instruct": PROOF / "smollm2-1.7b.json"}
)
"""Models that the catalogue lacks."""
DECODE = "tpot_ms_mean"
"""Metric of a part that decodes alone: a batch that is read already makes a token each so often."""
MISS = 0.25
"""Error from which a deployment counts as a miss, as in docs/asked.md."""


@dataclass(frozen=True, slots=True)
class Part:
    """A question and its answer: tokens/s of one GPU, with the ends of the 80 % interval."""

    question: dict[str, str]
    rate: float
    low: float
    high: float
    basis: str
    limit: str

    @property
    def name(self) -> str:
        """Deployment, and part of it unless there is one alone."""
        part = self.question["part"]
        return self.question["deployment"] + ("" if part == "all" else f", {part}")

    @property
    def published(self) -> float | None:
        """Tokens/s of one GPU that were published, if they were."""
        cell = self.question["published_tok_s_per_gpu"]
        return float(cell) if cell else None

    def gpus(self, rate: float) -> float:
        """GPUs, or GPU-hours where the question counts seconds of an hour, at such a rate."""
        return float(self.question["tokens"]) / float(self.question["seconds"]) / rate


@dataclass(frozen=True, slots=True)
class Proof:
    """A deployment and its parts."""

    row: dict[str, str]
    parts: list[Part]

    @property
    def published(self) -> float:
        """GPUs or GPU-hours that were published."""
        return float(self.row["published"])

    @property
    def needed(self) -> float:
        """GPUs or GPU-hours that gpumix says it takes."""
        return sum(part.gpus(part.rate) for part in self.parts)

    @property
    def ends(self) -> tuple[float, float]:
        """The same with every part at the fast, and at the slow end of its interval."""
        fast, slow = (
            sum(part.gpus(rate(part)) for part in self.parts)
            for rate in (lambda p: p.high, lambda p: p.low)
        )
        return fast, slow

    @property
    def error(self) -> float:
        """Needed GPUs beside the published ones [share]."""
        return self.needed / self.published - 1.0


def main() -> None:
    """Ask, and write the page."""
    PAGE.write_text(page(proofs()), encoding="utf-8")


def proofs() -> list[Proof]:
    """Every deployment answered, the worst error first."""
    parts = answered()
    found = [
        Proof(row, [part for part in parts if part.question["deployment"] == row["id"]])
        for row in read_rows(PROOF / "deployments.csv")
    ]
    return sorted(found, key=lambda proof: -size(proof.error))


def size(error: float) -> float:
    """How far off, twice as many and half as many being the same."""
    return abs(math.log1p(error))


def answered() -> list[Part]:
    """The questions, asked of the catalogue with the GPU and model that it lacks."""
    catalog = gpumix.load(gpus=PROOF / "gpus.csv", models=PROOF / "models.csv", configs=CONFIGS)
    questions = read_columns(PROOF / "questions.csv")
    asked = {
        metric: gpumix.predict_inference(
            {**questions, "metric": [metric] * len(questions["id"])}, catalog=catalog
        )
        for metric in ("ttft_ms_mean", "e2e_ms_mean")
    }
    found = gpumix.predict_inference(questions, catalog=catalog)
    parts = []
    for i, question in enumerate(read_rows(PROOF / "questions.csv")):
        values = found.value[i], found.low[i], found.high[i]
        if question["metric"] == DECODE:
            batch = together(
                question, found.value[i], asked["ttft_ms_mean"].value[i],
                asked["e2e_ms_mean"].value[i],
            )  # fmt: skip
            values = tuple(batch / (ms * MS) for ms in (values[0], values[2], values[1]))
        rate, low, high = (float(v) / float(question["n_gpus"]) for v in values)
        parts.append(Part(question, rate, low, high, found.basis[i], found.limit[i]))
    return parts


def together(question: dict[str, str], tpot_ms: float, ttft_ms: float, e2e_ms: float) -> float:
    """Sequences that decode at once: the batch, less where the cache holds it in waves only.

    A wave takes s = prefill + (output - 1) TPOT; of w waves the last ends after w s, and the mean
    request waits for (w - 1) / 2 of them.
    """
    decode_ms = (float(question["output_len"]) - 1.0) * tpot_ms
    wave_ms = 2.0 * (ttft_ms + decode_ms) - e2e_ms
    return float(question["load_value"]) * wave_ms / e2e_ms


def page(found: list[Proof]) -> str:
    """The whole page."""
    misses = [proof for proof in found if abs(proof.error) > MISS]
    compared = [(p, p.published) for proof in found for p in proof.parts if p.published]
    inside = sum(p.low <= published <= p.high for p, published in compared)
    held = sum(proof.ends[0] <= proof.published <= proof.ends[1] for proof in found)
    factor = math.exp(median(size(proof.error) for proof in found))
    return "\n".join(
        [
            "# Public deployments",
            "",
            "Written by `make proof`. What a public deployment carried and on how many GPUs,"
            " beside what gpumix says that it takes. The questions"
            " ([deployments](proof/deployments.csv), [points](proof/questions.csv)) were"
            " committed before any was asked, and none is among gpumix's measurements. Two things"
            " changed after answers were seen. The first answers for experts over several nodes"
            " were off by a factor of 2.6: gpumix sent every copy of a token over the network,"
            " where one goes to each node. That is mended, by DeepEP's description and not by"
            " these figures; such experts are called modelled since. Asked again, they were still"
            " off by a factor of 2: the questions could not say that a step is cut into two"
            " batches which hide each other's exchange, nor how many tokens a step may have. Both"
            " are columns of a point now (`overlapped_batches`, `chunk_tokens`), which the"
            " questions of three deployments state as their sources do; no constant moved. Those"
            " three stood at +96, +103 and +60% before, so they are no blind test any more; the"
            " eight ordinary ones, the last in deployments.csv, are.",
            "",
            f"Of {len(found)} deployments {len(misses)} are misses (an error above {MISS:.0%});"
            f" the median is off by a factor of {factor:.1f}. The 80 % intervals hold"
            f" {held} of the {len(found)} counts and {inside} of the {len(compared)} published"
            f" rates. GPUs at a stated rate and the GPU-hours of whole jobs are two claims:"
            f" {spread_words(found, 'GPUs')}, {spread_words(found, 'GPU-hours')}. Jobs take longer"
            " than the work that their GPUs do: data is read, tokenised and written by one process,"
            " machines start and wait, tries are thrown away, and gpumix counts none of it. So take"
            " its rate for one engine that is kept busy, and measure your own job for a day before"
            " you promise its bill; calibrate on your own node ([calibrate.md](calibrate.md))."
            " Measurements like those it was fitted to are in [accuracy.md](accuracy.md).",
            "",
            "## Misses first",
            "",
            "Error above 0: gpumix asks for more GPUs than there were. A bill at a price a GPU-hour"
            " has the same error. Published counts are as their makers state them; gpumix's are"
            " predictions, with every part at the fast and at the slow end of its interval in"
            " brackets. Causes are the likeliest reading; none of them was tried out.",
            "",
            "| deployment | published | gpumix | error | basis | cause |",
            "|---|---|---|---|---|---|",
            *map(line, found),
            "",
            "## Parts",
            "",
            "Tokens/s of one GPU: read in prefill, written in decode and where one pool does both."
            " Rates of decode are those of a batch that is read already.",
            "",
            "| part | published | gpumix | error | limited by | aiconfigurator 0.12.0 |",
            "|---|---|---|---|---|---|",
            *(part_line(part, theirs()) for proof in found for part in proof.parts),
            "",
            "No answer of aiconfigurator:",
            "",
            *(
                f"- {part.name}: {plain(answer['why'])}"
                for proof in found
                for part in proof.parts
                if (answer := theirs()[part.question["id"]])["why"]
            ),
            "",
            "## How each was read",
            "",
            *(entry for proof in found for entry in read(proof)),
            "GPUs and models that the catalogue lacks are asked with sheets"
            " ([H20 96 GB](proof/gpus.csv), [bge-small](proof/models.csv)) and a configuration"
            " ([SmolLM2-1.7B](proof/smollm2-1.7b.json)).",
            "",
            "## Left out",
            "",
            "- Whole training runs by GPU-hours (Llama 2 and 3.1, DeepSeek-V3, BLOOM):"
            " [training.md](training.md) has them.",
            "- DeepSeek on GB200 in SGLang (lmsys.org, 2025-06-16; 7,583 tokens/s a GPU) and on"
            " H200 in vLLM (blog.vllm.ai, 2025-12-17; 2,200): batch, or lengths, are not stated.",
            "- FinePhrase's other models: no GPU-hours were found for them.",
            "- Character.AI and others who publish load without GPUs.",
            "- 27,000 papers read by Chandra-OCR-2 on 16 L40S (Hugging Face, 2026-04-07): the"
            " model's shape was not found. 685 M texts by multilingual-e5-small on A100: an engine"
            " of its own.",
            "",
        ]
    )


def spread_words(found: list[Proof], unit: str) -> str:
    """How far off the deployments that are counted in one unit are, and which way."""
    errors = [proof.error for proof in found if proof.row["unit"] == unit]
    factor = math.exp(median(size(error) for error in errors))
    over = sum(error > 0.0 for error in errors)
    return (
        f"the {len(errors)} counts in {unit} are off by a factor of {factor:.1f} at the median"
        f" (gpumix asks for too many in {over} of them)"
    )


def line(proof: Proof) -> str:
    """A deployment in the first table."""
    causes = {row["id"]: row["cause"] for row in read_rows(PROOF / "causes.csv")}
    row, (fast, slow) = proof.row, proof.ends
    basis = ", ".join(sorted({part.basis for part in proof.parts}))
    return (
        f"| {row['deployment']} (`{row['id']}`) | {published(proof)} {row['unit']}"
        f" | {round3(proof.needed)} ({round3(fast)} to {round3(slow)}) | {proof.error:+.0%}"
        f" | {basis} | {causes[row['id']]} |"
    )


def part_line(part: Part, others: dict[str, dict[str, str]]) -> str:
    """A part in the second table."""
    stated = part.published
    other = others[part.question["id"]]["tok_s_per_gpu"]
    return (
        f"| {part.name} | {round3(stated) if stated else '-'}"
        f" | {round3(part.rate)} ({round3(part.low)} to {round3(part.high)})"
        f" | {f'{part.rate / stated - 1.0:+.0%}' if stated else '-'} | {part.limit}"
        f" | {round3(float(other)) if other else '-'} |"
    )


def theirs() -> dict[str, dict[str, str]]:
    """What aiconfigurator answers, by the question's id."""
    return {row["id"]: row for row in read_rows(PROOF / "aiconfigurator.csv")}


def read(proof: Proof) -> list[str]:
    """What was published, where it was read and what was assumed."""
    row = proof.row
    return [
        f"**{row['deployment']}** ({row['who']}, {row['date']}; [source]({row['source']})).",
        f"Published: {row['as_published']}. Read: {row['read']}. Assumed by gpumix's authors:"
        f" {row['assumed']}.",
        "",
    ]


def plain(reason: str) -> str:
    """A reason as it may be written in a list: no marks that Markdown reads."""
    return reason.replace("<", "").replace(">", "")


def published(proof: Proof) -> str:
    """What was published, as it is written in deployments.csv, with thousands marked."""
    return f"{proof.published:,.{len(proof.row['published'].partition('.')[2])}f}"


def round3(value: float) -> str:
    """Three digits, with thousands marked: all that such a figure carries."""
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{round(value, 2 - math.floor(math.log10(value))):,.{digits}f}"


if __name__ == "__main__":
    main()
