"""The verbs that REST answers by POST: what each is asked, what answers it, when it is a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpumix.web.limits import limits
from gpumix.web.rest import answers, asked
from gpumix.web.rest.place import Place, Sent

OBSERVE: Final = "observe"
"""The verb that takes files as a form: they may be large."""
AT_ONCE, AS_JOB = 200, 202


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its address, its words, its body, its answer.

    `is_slow` says of a request whether it is a job.
    """

    path: str
    title: str
    model: type[asked.Asked]
    answer: Callable[[Any, Place, Callable[[str], None]], dict[str, Any]]
    is_slow: Callable[[Any], bool]

    @property
    def says(self) -> str:
        """What it is for, and how its answer comes."""
        said = ("A job where it takes long.", "A job.", "Answered at once.")
        return f"{self.model.__doc__} {said[self._when]}"

    @property
    def name(self) -> str:
        """Its operation."""
        return "run_" + self.path.replace("/", "_").replace("-", "_")

    @property
    def statuses(self) -> tuple[int, ...]:
        """What it may answer with: 200 at once, 202 for a job."""
        return ((AT_ONCE, AS_JOB), (AS_JOB,), (AT_ONCE,))[self._when]

    @property
    def _when(self) -> int:
        """0: it depends; 1: always a job; 2: never."""
        return 1 if self.is_slow is _always else 2 if self.is_slow is _never else 0


def _always(asked: object) -> bool:
    return True


def _never(asked: object) -> bool:
    return False


def _is_long(file: Sent) -> bool:
    """Whether a table is predicted in a job."""
    return len(file.raw) > limits().direct_bytes or file.base64 is not None


def _long_table(one: asked.AskedPredict) -> bool:
    return _is_long(one.points)


def _long_backtest(one: asked.AskedBacktest) -> bool:
    file = one.results or one.points
    return file is None or _is_long(file)


def _plans_first(one: asked.AskedDiff) -> bool:
    sides = (one.before, one.after)
    return any(isinstance(s, Sent) and not s.name.endswith(".json") for s in sides)


VERBS: Final[Mapping[str, Verb]] = {
    verb.path: verb
    for verb in (
        Verb("init", "A starter inventory", asked.AskedInit, answers.init, _never),
        Verb("start", "Five answers to an inventory", asked.AskedStart, answers.start, _never),
        Verb("demo", "Plan the example", asked.AskedDemo, answers.demo, _always),
        Verb("sweep", "Plan several inventories", asked.AskedSweep, answers.sweep, _always),
        Verb("simulate", "Simulate a deployment", asked.AskedSimulate, answers.simulate, _always),
        Verb("compare", "GPUs for one workload", asked.AskedCompare, answers.compare, _never),
        Verb("fit", "Whether a model fits", asked.AskedFit, answers.fit, _never),
        Verb("solve", "Solve a mix problem", asked.AskedSolve, answers.solve, _always),
        Verb("tco", "Ways of having GPUs", asked.AskedTco, answers.tco, _never),
        Verb("site", "What racks hold", asked.AskedSite, answers.site, _never),
        Verb("predict/inference", "Predict serving", asked.AskedPredictServing,
             answers.predict_inference, _long_table),
        Verb("predict/training", "Predict training", asked.AskedPredict,
             answers.predict_training, _long_table),
        Verb("backtest", "Predictions against measurements", asked.AskedBacktest,
             answers.backtest, _long_backtest),
        Verb("calibrate", "Calibrate on measurements", asked.AskedCalibrate, answers.calibrate,
             _always),
        Verb("measure", "What measuring is worth", asked.AskedMeasure, answers.measure, _always),
        Verb("attribute", "Whose a fleet was", asked.AskedAttribute, answers.attribute, _always),
        Verb("audit", "What a fleet wastes", asked.AskedAudit, answers.audit, _always),
        Verb("drift", "Hold a fleet to its plan", asked.AskedDrift, answers.drift, _always),
        Verb("replan", "Plan from today's fleet", asked.AskedReplan, answers.replan, _always),
        Verb("diff", "Compare two plans", asked.AskedDiff, answers.diff, _plans_first),
        Verb("guard", "Files that hold a fleet", asked.AskedGuard, answers.guard, _never),
        Verb("export", "Files that start a plan", asked.AskedExport, answers.export_, _never),
        Verb("prices/check", "Check a price sheet", asked.AskedPrices, answers.prices_check,
             _never),
        Verb("prices/import", "Import prices", asked.AskedImport, answers.prices_import, _never),
        Verb("prices/import-api", "Import prices of APIs", asked.AskedImportApi,
             answers.prices_import_api, _never),
    )
}  # fmt: skip
