"""Tools for assistants over the Model Context Protocol: they read, and read one folder alone.

Each tool is a page's answer: the sentence that a reader sees first, and the data that `--json`
prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import ValidationError

from gpumix import __version__
from gpumix.errors import GpumixError, message_of
from gpumix.web.folders import fleet_names, plans
from gpumix.web.house import House
from gpumix.web.jobs import Jobs
from gpumix.web.kept import Kept
from gpumix.web.pages import compare, explain, fit, fleet, plan, prices
from gpumix.web.pages.page import Page
from gpumix.web.problems import of_validation, without
from gpumix.web.settings import Settings
from gpumix.web.shown import versioned

INSTRUCTIONS: Final = (
    "gpumix says which GPUs to buy, rent or keep. Figures carry their evidence (measured, "
    "calibrated, modelled, assumed) and an 80 % interval: pass both on. Money is in USD unless a "
    "field says otherwise. The tools only read; plans are made with `gpumix plan`."
)
_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
Told = dict[str, Any]


def server(folder: Path) -> MCPServer[Any]:
    """The tools over one folder of plans and fleets."""
    settings = Settings(folder)
    kept = Kept(House(settings, Jobs(folder, settings.workers)))
    made: MCPServer[Any] = MCPServer("gpumix", version=__version__, instructions=INSTRUCTIONS)
    for tool in _tools(kept, folder):
        made.tool(annotations=_READS)(tool)
    return made


def run(folder: Path) -> None:
    """Answer on stdin and stdout until they close."""
    server(folder).run("stdio")


def _tools(kept: Kept, folder: Path) -> list[Callable[..., Told]]:
    def ask(page: Page, **stated: object) -> Told:
        return _answered(kept, page, {k: v for k, v in stated.items() if v not in (None, "")})

    def folders() -> Told:
        """Names of the folders with plans and with fleets that the other tools take."""
        return {
            "plans": [one.name for one in plans(folder)],
            "fleets": fleet_names(folder),
        }

    def plan_(folder: str = "") -> Told:
        """A plan: what to buy and rent, what it costs, which promises it keeps, the runner-up.

        `folder` is a name that `folders` lists; the newest plan without one.
        """
        return ask(plan.PAGE, folder=folder)

    def compare_(
        model: str,
        gpus: str = "",
        input_tokens: float | None = None,
        output_tokens: float | None = None,
        slo: str = "",
        users: float | None = None,
        precision: str = "",
    ) -> Told:
        """One model (a Hugging Face id) on every GPU: speed, price, USD per million tokens.

        `gpus` are ids with commas between them; `slo` reads like ttft_p95=800ms,tpot_p95=50ms.
        """
        return ask(
            compare.PAGE, model=model, gpus=gpus, input=input_tokens, output=output_tokens,
            slo=slo, users=users, precision=precision,
        )  # fmt: skip

    def fit_(model: str, gpus: str = "", context: int | None = None, users: int = 1) -> Told:
        """Whether a model fits GPUs: weights, cache tokens, longest request, users at once."""
        return ask(fit.PAGE, model=model, gpus=gpus, context=context, users=users)

    def explain_(name: str) -> Told:
        """What a field, formula, GPU, model, provider or country is: meaning, unit, source."""
        return ask(explain.PAGE, name=name)

    def prices_(gpu: str, purchase: str = "", provider: str = "", country: str = "") -> Told:
        """Dated offers of a GPU and its prices by month; `purchase` on_demand, spot, reserved."""
        return ask(
            prices.PAGE, gpu=gpu, purchase=purchase, provider=provider, country=country
        )  # fmt: skip

    def audit_(folder: str = "") -> Told:
        """What a fleet wastes: classes by dollars, each with evidence and what to do first."""
        return ask(fleet.AUDIT, folder=folder)

    named = (plan_, compare_, fit_, explain_, prices_, audit_)
    for one in named:
        one.__name__ = one.__name__.rstrip("_")
    return [folders, *named]


def _answered(kept: Kept, page: Page, stated: Mapping[str, object]) -> Told:
    try:
        found = kept.answer(page, page.query.model_validate(stated))
    except GpumixError as error:
        raise ToolError(without(kept.house.folder, message_of(error))) from None
    except ValidationError as error:
        words = [f"{one['path']}: {one['message']}" for one in of_validation(error.errors())]
        raise ToolError("\n".join(words)) from None
    return {
        "headline": found.headline,
        "remarks": [*found.lead, *found.warnings],
        "answer": versioned(found.data),
    }
