"""REST v1 beside the answers of pages: plans that are made, jobs, prices verb by verb, lists."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from gpumix.domain.plan import PLAN_JSON
from gpumix.domain.what_if import WhatIf
from gpumix.errors import InputError, Problem
from gpumix.report import export
from gpumix.verbs.price_trends import compare_prices, price_history
from gpumix.verbs.prices import check, list_offers
from gpumix.web.folders import chosen, fleet_names, plans
from gpumix.web.forms import queue
from gpumix.web.house import House
from gpumix.web.jobs import Job
from gpumix.web.made_files import MadeFiles, archive, made, one_text
from gpumix.web.pages.own import cases
from gpumix.web.pages.start import examples
from gpumix.web.pages.whatif import WhatifQuery, question
from gpumix.web.shown import versioned

_INVENTORY = "name: team\nhorizon: {start: 2027-01, years: 1}\nworkloads: {}\nsupply: {}\n"


class ToldProblem(BaseModel):
    """One thing that is wrong: where, what, and what may be meant."""

    path: str
    message: str
    did_you_mean: str | None = None


class Problems(BaseModel):
    """Everything that is wrong with a request, at once."""

    problems: list[ToldProblem]


class AskedPlan(BaseModel):
    """An inventory to be planned."""

    model_config = ConfigDict(extra="forbid")

    inventory: str = Field(description="The YAML of an inventory.", examples=[_INVENTORY])
    name: str = Field("", description="What the folder is called.", max_length=200)
    effort: Literal["quick", "normal", "thorough"] = "quick"


class JobTold(BaseModel):
    """A job: waiting, running, done, failed or cancelled; `plan` or `answer` is where its result
    is."""

    id: str
    name: str
    effort: str
    state: str
    progress: str
    plan: str | None
    answer: str | None
    problems: list[ToldProblem]


ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problems, "description": "No such name here, with the nearest ones."},
    422: {"model": Problems, "description": "The request cannot be answered; every problem."},
}
WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": JobTold, "description": "A job works on it: ask again when it is done."},
    429: {"model": Problems, "description": "Too many jobs wait; ask again later."},
}
ANY_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}
_FULL: dict[int | str, dict[str, Any]] = {
    413: {"model": Problems, "description": "The inventory is too large."},
    429: {"model": Problems, "description": "Too many plans wait; ask again later."},
}
Asked = TypeVar("Asked", bound=BaseModel)
Purchase = Annotated[str | None, Query(description="on_demand, spot, reserved, reserved_1y, ...")]

Folder = Annotated[str, Query(description="Folder of the plan; default the newest.")]
Targets = Annotated[str, Query(description="Targets, comma-separated; default all that apply.")]
FilePath = Annotated[str, Query(description="Path of the file, as the answer lists it.")]


def add(app: FastAPI, house: House) -> None:
    """Add the API's own addresses to an application."""
    _add_plans(app, house)
    _add_prices(app)
    for verb in ("guard", "export"):
        _add_files(app, house, verb)

    @app.get("/api/v1", tags=["lists"], summary="What is here", operation_id="index")
    def index() -> dict[str, Any]:
        """Folders, cases and examples by name; no fleets where gpumix[fleet] is not installed."""
        return {
            "plans": [one.name for one in plans(house.folder)],
            "fleets": fleet_names(house.folder),
            "cases": list(cases(house.folder)),
            "examples": [one.name for one in examples()],
        }


def _add_plans(app: FastAPI, house: House) -> None:
    @app.post(
        "/api/v1/plans", status_code=202, tags=["plans"], summary="Plan an inventory",
        operation_id="make_plan", response_model=JobTold, responses={**ERRORS, **_FULL},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": AskedPlan.model_json_schema()},
                    "application/yaml": {"schema": {"type": "string"}, "example": _INVENTORY},
                },
            }
        },
    )  # fmt: skip
    async def make(request: Request) -> Response:
        """Queue an inventory; the answer is a job, to be asked for until it is done."""
        raw = await request.body()
        asked = await run_in_threadpool(_asked, raw, request.headers.get("content-type", ""))
        text = asked.inventory.encode()
        job = await run_in_threadpool(queue, house, text, asked.name, asked.effort)
        where = {"location": f"/api/v1/jobs/{job.id}"}
        return JSONResponse(job.to_dict(), 202, headers=where)

    @app.post("/api/v1/whatif", status_code=202, tags=["plans"], operation_id="ask_whatif",
              summary="Choose a plan's mix again", response_model=JobTold,
              responses={**ERRORS, **_FULL}, openapi_extra={"requestBody": {
                  "required": True, "content": {
                      "application/json": {"schema": WhatifQuery.model_json_schema()}}}},
              )  # fmt: skip
    async def changed(request: Request) -> Response:
        """Another price, load or limit: a job, whose `answer` is where the result stands."""
        raw = await request.body()  # a reader of FastAPI's would tell a refusal as 400
        job = await run_in_threadpool(_questioned, house, raw)
        where = {"location": f"/api/v1/jobs/{job.id}"}
        return JSONResponse(job.to_dict(), 202, headers=where)

    @app.get("/api/v1/plans/{folder}/inventory", tags=["plans"], operation_id="plan_inventory",
             summary="What a plan was made from", responses={**ERRORS, 200: ANY_JSON})  # fmt: skip
    def inventory(folder: str) -> Response:
        """The inventory that a plan carries."""
        one = chosen(plans(house.folder), folder, "plan")
        found = export.read_plan(one.path / PLAN_JSON)
        return _document(export.record_to_dict(found.inventory) if found.inventory else {})

    @app.get("/api/v1/plans/{folder}/entries.csv", tags=["plans"], operation_id="plan_entries",
             summary="A plan's ledger", responses=ERRORS)  # fmt: skip
    def entries(folder: str) -> Response:
        """Every entry of a plan's ledger: quantity, unit, price, currency, source."""
        path = chosen(plans(house.folder), folder, "plan").path / "entries.csv"
        if not path.is_file() or path.is_symlink():
            raise InputError(Problem("folder", "holds no entries.csv"))
        return PlainTextResponse(path.read_text(encoding="utf-8"), media_type="text/csv")

    @app.get("/api/v1/jobs", tags=["jobs"], summary="Every job", operation_id="jobs",
             response_model=list[JobTold])  # fmt: skip
    def every() -> list[dict[str, Any]]:
        """The newest first."""
        return [job.to_dict() for job in house.jobs.every()]

    @app.get("/api/v1/jobs/{id}", tags=["jobs"], summary="One job", operation_id="job",
             response_model=JobTold, responses=ERRORS)  # fmt: skip
    def one(id: str) -> dict[str, Any]:
        """Its state, its progress, where its plan is, or why there is none."""
        return house.jobs.get(id).to_dict()

    @app.delete("/api/v1/jobs/{id}", tags=["jobs"], summary="Cancel a job", operation_id="cancel",
                response_model=JobTold, responses=ERRORS)  # fmt: skip
    def cancel(id: str) -> dict[str, Any]:
        """A job that has ended stays as it is; a cancelled one leaves nothing."""
        return house.jobs.cancel(id).to_dict()


def _add_prices(app: FastAPI) -> None:
    @app.get("/api/v1/prices/list", tags=["prices"], operation_id="prices_list",
             summary="Offers", responses={**ERRORS, 200: ANY_JSON})  # fmt: skip
    def listed(
        gpu: str | None = None,
        provider: str | None = None,
        country: str | None = None,
        purchase: Purchase = None,
        derived: bool = False,
    ) -> Response:
        """As `gpumix prices list`."""
        today = date.today()
        found = list_offers(gpu, provider, country, purchase, None, today, derived)
        return _document({"offers": [export.offer_to_dict(one, today) for one in found]})

    @app.get("/api/v1/prices/history", tags=["prices"], operation_id="prices_history",
             summary="A GPU's prices over time", responses={**ERRORS, 200: ANY_JSON})  # fmt: skip
    def history(gpu: str, purchase: Purchase = None) -> Response:
        """As `gpumix prices history`."""
        return _document(export.record_to_dict(price_history(gpu, purchase, date.today())))

    @app.get("/api/v1/prices/compare", tags=["prices"], operation_id="prices_compare",
             summary="GPUs over the first", responses={**ERRORS, 200: ANY_JSON})  # fmt: skip
    def compared(gpus: str, purchase: Purchase = None) -> Response:
        """As `gpumix prices compare`; `gpus` with commas between them."""
        names = [name.strip() for name in gpus.split(",") if name.strip()]
        found = compare_prices(names, purchase, None, date.today())
        return _document(export.record_to_dict(found))

    @app.get("/api/v1/prices/check", tags=["prices"], operation_id="prices_check",
             summary="The packaged prices, checked", responses={200: ANY_JSON})  # fmt: skip
    def checked() -> Response:
        """As `gpumix prices check`."""
        return _document(export.price_check_to_dict(check(None)))


def _add_files(app: FastAPI, house: House, verb: str) -> None:
    """The files that a verb makes of a plan: one of them, or all in an archive."""

    def found(folder: str, targets: str) -> MadeFiles:
        known = plans(house.folder)
        name = folder or (known[0].name if known else "")
        return made(verb, chosen(known, name, "plan"), targets)

    @app.get(f"/api/v1/{verb}/file", tags=["files"], operation_id=f"{verb}_file",
             summary=f"One file of {verb}", response_class=Response,
             responses={**ERRORS, 200: {"content": {"text/plain": {}}}})  # fmt: skip
    def one(path: FilePath, folder: Folder = "", targets: Targets = "") -> Response:
        """Its text, to be saved."""
        text = one_text(found(folder, targets), path)
        return PlainTextResponse(text, headers=saved_as(path.rpartition("/")[2]))

    @app.get(f"/api/v1/{verb}/files.zip", tags=["files"], operation_id=f"{verb}_files",
             summary=f"All files of {verb}", response_class=Response,
             responses={**ERRORS, 200: {"content": {"application/zip": {}}}})  # fmt: skip
    def every(folder: Folder = "", targets: Targets = "") -> Response:
        """One zip; the same plan gives the same bytes."""
        raw = archive(found(folder, targets))
        return Response(raw, media_type="application/zip", headers=saved_as(f"{verb}.zip"))


def saved_as(name: str) -> dict[str, str]:
    """What tells a browser to save an answer under a name of a file that gpumix made."""
    return {"content-disposition": f'attachment; filename="{name}"'}


def _document(data: dict[str, Any]) -> Response:
    return Response(export.to_json(versioned(data)), media_type="application/json")


def _asked(raw: bytes, content_type: str) -> AskedPlan:
    """What is to be planned: JSON, or the YAML itself. Raises: InputError."""
    if "json" not in content_type:
        try:
            return AskedPlan(inventory=raw.decode("utf-8-sig"), name="", effort="quick")
        except UnicodeDecodeError:
            raise InputError(Problem("inventory", "is not UTF-8 text", "send the YAML")) from None
    return _validated(AskedPlan, raw)


def _questioned(house: House, raw: bytes) -> Job:
    """The job of a question of a plan. Raises: InputError, NotHere, QueueFull."""
    asked = _validated(WhatifQuery, raw)
    if asked.asked() == WhatIf():
        raise InputError(Problem("", "changes nothing", "state price, load, without or budget_usd"))
    known = plans(house.folder)
    name = asked.folder or (known[0].name if known else "")
    return question(asked, chosen(known, name, "plan"), house)


def _validated(model: type[Asked], raw: bytes) -> Asked:
    """What JSON asks. Raises: RequestValidationError with all that is wrong."""
    from fastapi.exceptions import RequestValidationError
    from pydantic import ValidationError

    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
