"""gpumix: the cheapest mix of GPUs that keeps every promise.

The public API; everything else may change. Names are imported when first used, so that
`import gpumix` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpumix.catalog import Catalog, load
    from gpumix.compare.serving import Question, compare_gpus
    from gpumix.domain.comparison import Comparison
    from gpumix.domain.plan import Plan
    from gpumix.domain.predictions import Predictions
    from gpumix.errors import GpumixError, Infeasible, InputError, NoEstimate
    from gpumix.mix import solve
    from gpumix.predict.inference import predict_inference
    from gpumix.predict.training import predict_training
    from gpumix.verbs.explain import explain
    from gpumix.verbs.plan import plan_file

__version__ = "0.1.0"
"""Version of the distribution: its metadata is read from this line."""

__all__ = [
    "Catalog",
    "Comparison",
    "GpumixError",
    "Infeasible",
    "InputError",
    "NoEstimate",
    "Plan",
    "Predictions",
    "Question",
    "compare_gpus",
    "explain",
    "load",
    "plan_file",
    "predict_inference",
    "predict_training",
    "solve",
]

_HOMES = {
    "Catalog": "catalog",
    "Comparison": "domain.comparison",
    "GpumixError": "errors",
    "Infeasible": "errors",
    "InputError": "errors",
    "NoEstimate": "errors",
    "Plan": "domain.plan",
    "Predictions": "domain.predictions",
    "Question": "compare.serving",
    "compare_gpus": "compare.serving",
    "explain": "verbs.explain",
    "load": "catalog",
    "plan_file": "verbs.plan",
    "predict_inference": "predict.inference",
    "predict_training": "predict.training",
    "solve": "mix",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gpumix' has no attribute {name!r}")
    return getattr(import_module(f"gpumix.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names alone, for completion and help."""
    return [*__all__, "__version__"]
