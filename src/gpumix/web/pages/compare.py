"""`/compare`: one model on every GPU, sorted by what the reader asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from pydantic import Field

from gpumix import fields
from gpumix.domain.comparison import ComparedGpu, Comparison
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.errors import InputError, Problem
from gpumix.report import export, markdown
from gpumix.report.cfo import HALF_PX
from gpumix.report.comparison_csv import answer_csv
from gpumix.report.tables import Table
from gpumix.report.views import api as api_view
from gpumix.report.views import compare_charts
from gpumix.report.views import comparison as view
from gpumix.report.views import evidence as evidence_view
from gpumix.web.house import House, Query
from gpumix.web.limits import limits
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.shown import Shown

MODEL = "Qwen/Qwen3-32B"
"""What is compared where no model is named: the one that most examples serve."""
Sort = Literal["cost", "speed", "tpot", "price", "gpu"]


class CompareQuery(Query):
    """The options of `gpumix compare`."""

    model: str = Field(MODEL, description="Model by its Hugging Face id.", max_length=200)
    gpus: str | None = Field(None, description="GPU ids, comma-separated; default those on sale.")
    input: float | None = Field(None, description="Input tokens per request; default 1024.")
    output: float | None = Field(None, description="Output tokens per request; default 256.")
    slo: str | None = Field(None, description="Latency limits: ttft_p95=800ms,tpot_p95=50ms.")
    precision: str | None = Field(None, description="Weight precisions, comma-separated.")
    engine: str = Field("vllm", description="Serving engine.")
    users: float | None = Field(None, description="People at work at once.")
    context: float | None = Field(None, description="Longest request [tokens].")
    providers: str | None = Field(None, description="Only prices of these, comma-separated.")
    purchase: str | None = Field(None, description="on_demand, spot, reserved.")
    resolution: str | None = Field(None, description="Of an image or video: 1024x1024.")
    steps: int | None = Field(None, ge=1, le=1000, description="Denoising steps of a sample.")
    sort: Sort = Field("cost", description="Order of the GPUs.")


_LAST = float("inf")
_ORDERS: dict[str, Callable[[ComparedGpu], Any]] = {
    "cost": lambda r: (*r.usd_per_mtok[-1:], *r.usd_per_sample[-1:], _LAST)[0],
    "speed": lambda r: -s.value if (s := r.output_tokens_per_s_per_gpu) else _LAST,
    "tpot": lambda r: r.tpot_p95_s.value if r.tpot_p95_s else _LAST,
    "price": lambda r: r.price.usd_per_gpu_hour if r.price else _LAST,
    "gpu": lambda r: r.gpu,
}
_SORTED_BY = {
    "gpu": "gpu",
    "output_tokens_per_s_per_gpu": "speed",
    "tpot_p95_s": "tpot",
    "price": "price",
    "usd_per_mtok": "cost",
    "usd_per_sample": "cost",
}
"""Column -> the word of the address that sorts by it."""


@functools.lru_cache(maxsize=limits().kept_answers)
def compared(query: CompareQuery, today: date) -> Comparison:
    """The comparison that a query asks for today, in the verb's own order.

    Raises: InputError for unknown names, with did-you-mean.
    """
    from gpumix.verbs.compare import LoadWords, MarketWords, PictureWords, compare_names

    found = compare_names(
        query.model, None, gpus=query.gpus, input_tokens=query.input, output_tokens=query.output,
        slo=query.slo, precision=query.precision, engine=query.engine,
        picture=PictureWords(query.resolution, query.steps),
        market=MarketWords(query.providers, query.purchase),
        load=LoadWords(query.users, None, query.context),
    )  # fmt: skip
    if isinstance(found, TrainingComparison):
        raise InputError(Problem("model", "is compared for serving here", "gpumix compare --train"))
    return found


def answer(query: CompareQuery, house: House) -> Shown:
    """The page of a comparison. Raises: InputError."""
    if query.model.endswith((".yaml", ".yml")):  # the verb would open it
        raise InputError(Problem("model", "must be a model's id, not a file", MODEL))
    found = compared(query.model_copy(update={"sort": "cost"}), date.today())
    data = export.answer_to_dict(found)
    able = [row for row in found.rows if row.fits and row.price]
    rows = sorted(able, key=_ORDERS[query.sort])
    cost = "usd_per_sample" if found.sample else "usd_per_mtok"
    unit = fields.label(cost)
    return Shown(
        title=found.model,
        eyebrow=f"Compare · {view.question(found)}",
        headline=view.headline(found),
        data=data,
        warnings=found.warnings,
        charts=drawn(
            (
                "speed",
                "Speed of a GPU, with 80 % interval",
                compare_charts.speed_intervals(found),
                HALF_PX,
            ),
            ("cost", f"{unit} by utilisation", compare_charts.cost_by_utilisation(found), HALF_PX),
            (
                "frontier",
                "Speed of one user against that of a GPU",
                compare_charts.frontier(found),
                WIDE_PX,
            ),
        ),
        tables=_shown(
            replace(view.answer_table(found, rows), title="GPUs that do it"),
            view.load_table(found),
            view.winners_table(found),
            view.cost_table(found),
        ),
        folded=_shown(
            replace(view.unfit_table(found, unpriced=True), title="Not, or not on sale"),
            view.speed_table(found),
            view.levers_table(found),
            api_view.compared_table(found),
            evidence_view.close_table(view.nearest(found)),
        ),
        sorts=_SORTED_BY,
        csv=answer_csv(found),
        markdown=markdown.comparison_markdown(found),
        more={"defaults": found.defaults},
    )


def _shown(*tables: Table) -> tuple[Table, ...]:
    return tuple(one for one in tables if one.rows)


PAGE = Page(
    "compare", "Compare", "One model on every GPU: speed, price, $ per million tokens.",
    CompareQuery, answer, "compare.html.j2", is_kept=True,
)  # fmt: skip
