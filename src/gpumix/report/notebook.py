"""What a notebook shows of a record: the head of its report."""

from __future__ import annotations

from html import escape

from gpumix.domain.comparison import Comparison
from gpumix.domain.plan import Plan
from gpumix.report.html import plan_head
from gpumix.report.views import comparison as comparison_view


def head(record: Plan | Comparison) -> str:
    """An HTML fragment: the answer in a sentence and what it rests on."""
    if isinstance(record, Plan):
        return plan_head(record)
    sentences = comparison_view.headline(record), comparison_view.question(record)
    words = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f"<h1>{escape(record.model)}</h1>\n{words}\n"
