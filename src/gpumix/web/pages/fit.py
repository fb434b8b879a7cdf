"""`/fit`: whether a model fits a GPU, and what takes the memory."""

from __future__ import annotations

from pydantic import Field

from gpumix.report import export
from gpumix.report.views import compare_charts
from gpumix.report.views import fit as view
from gpumix.web.house import House, Query
from gpumix.web.pages.compare import MODEL
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.shown import Shown


class FitQuery(Query):
    """The options of `gpumix fit`."""

    model: str = Field(MODEL, description="Model by its Hugging Face id.", max_length=200)
    gpus: str | None = Field(None, description="GPU ids, comma-separated.")
    context: int | None = Field(None, description="Tokens of a request; default the model's.")
    users: int = Field(1, description="Requests of that size at once.")
    tp: int | None = Field(None, description="GPUs of a replica; default the fewest.")
    precision: str | None = Field(None, description="Weight precision: fp8, int4, q4_k_m.")
    kv_precision: str = Field("", description="KV cache precision; default the engine's.")
    engine: str = Field("vllm", description="Serving engine.")
    engine_version: str = Field("", description="Its version; default the newest.")
    gpu_memory_utilization: float | None = Field(None, description="Share the engine may fill.")


def answer(query: FitQuery, house: House) -> Shown:
    """The page of a fit. Raises: InputError for unknown names and numbers that cannot be."""
    from gpumix.verbs.fit import FitWords, fit_names

    words = FitWords(
        query.context, query.users, query.tp, query.precision, query.kv_precision, query.engine,
        query.engine_version, query.gpu_memory_utilization,
    )  # fmt: skip
    found = fit_names(query.model, query.gpus, words)
    bars = compare_charts.memory_of_gpus(found)
    tables = tuple(t for t in (view.cache_table(found), view.memory_table(found)) if t.rows)
    return Shown(
        title=found.model,
        eyebrow=f"Fit · {view.question(found)}",
        headline=view.headline(found),
        data=export.answer_to_dict(found),
        charts=drawn(("memory", "Memory of one GPU, by part", bars, WIDE_PX)),
        chart_first=True,
        tables=tables,
        more={"defaults": found.defaults},
    )


PAGE = Page(
    "fit", "Fit", "Whether a model fits: weights, cache tokens, longest request, users.",
    FitQuery, answer, "fit.html.j2", is_kept=True,
)  # fmt: skip
