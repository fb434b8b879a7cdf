"""What a row of points states of its model: the precisions it runs at, and how long it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gpumix import formats
from gpumix.domain.llm import NamedModel

EXTENSION: Final = 4.0
"""Times its context that a model still answers by scaled positions without further training: the
factor that Qwen2.5's and Qwen3's cards state for YaRN (arXiv 2309.00071)."""


def stated_weights(named: NamedModel, weights: str, cache: str) -> tuple[str, str, str]:
    """Precision of weights and of cache, and what to tell of the model and of what was assumed.

    >>> from gpumix.catalog import load
    >>> stated_weights(load().named_model("Qwen/Qwen3-32B-AWQ"), "", "")
    ('int4', '', 'precision int4, stated by the name (awq)')
    """
    asked = formats.canonical(weights) or weights
    (precision,), told = named.precisions((asked,) if asked else ())
    kv_precision = formats.canonical(cache) or cache or named.kv_precision
    return precision, kv_precision, "; ".join(filter(None, (*named.notes, told)))


def hold_context(
    out: Mapping[str, npt.NDArray[Any]],
    tokens: npt.NDArray[np.float64],
    longest: npt.NDArray[np.float64],
) -> None:
    """Take the answer of requests that a model cannot read; tell it of those it may with care.

    Args:
        out: value, low, high and note, changed in place.
        tokens: of prompt and answer of each row.
        longest: context of each row's model [tokens]; NaN = not known.
    """
    for row in np.flatnonzero(np.isfinite(out["value"]) & (tokens > longest)):
        said = f"{tokens[row]:,.0f} tokens are longer than the model's context, {longest[row]:,.0f}"
        if tokens[row] > EXTENSION * longest[row]:
            for name in ("value", "low", "high"):
                out[name][row] = np.nan
            out["note"][row], out["limit"][row] = said, ""
        else:
            before = f"{out['note'][row]}; " if out["note"][row] else ""
            out["note"][row] = f"{before}{said}: only with scaled positions"
