"""The application: every page with its twins, REST, jobs, files; and what stands before them."""

from __future__ import annotations

import importlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from gpumix import __version__
from gpumix.errors import GpumixError
from gpumix.web import api, forms
from gpumix.web.guarding import HEADERS, Guard, Refused
from gpumix.web.house import House, catalogue
from gpumix.web.jobs import Jobs, QueueFull
from gpumix.web.kept import Kept
from gpumix.web.pages.all import PAGES
from gpumix.web.pages.page import Page
from gpumix.web.pages.start import start
from gpumix.web.pages.whatif import Working
from gpumix.web.problems import DEFECT, UNUSABLE, Told, of_system, of_validation, status_of, told
from gpumix.web.render import REPORT, STATIC, page, query_string
from gpumix.web.rest.schema import ANY_JSON, ERRORS, WAITS
from gpumix.web.settings import Settings
from gpumix.web.shown import Shown

_TWINS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
}
_A_DAY = "max-age=86400"
_FULL = 429
_FIRST_S = 1.0
"""How long the first page has the server for itself."""
_ENGINES = ("gpumix.verbs.compare", "gpumix.verbs.fit", "gpumix.verbs.guard", "gpumix.verbs.export")
"""What takes a second to load, and no page before the first question."""


def create_app(settings: Settings, jobs: Jobs | None = None) -> FastAPI:
    """The application of a server; `jobs` stands in for the usual processes in tests."""
    house = House(settings, jobs or Jobs(settings.folder, settings.workers))
    kept = Kept(house)
    app = FastAPI(
        title="gpumix",
        version=__version__,
        description="Which GPUs to buy, rent or keep. JSON is what the command line's --json"
        " prints; errors are `problems`, each with `path`, `message` and `did_you_mean`.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(house),
    )
    _add_errors(app, house)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/report.css", include_in_schema=False)
    def report_css() -> Response:
        text = (REPORT / "report.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css", headers={"cache-control": _A_DAY})

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def first(request: Request) -> HTMLResponse:
        return HTMLResponse(page("start.html.j2", {**_frame(request), **start(house)}))

    @app.get("/explain/{name}", include_in_schema=False, response_class=HTMLResponse)
    def explained(request: Request, name: str) -> HTMLResponse:
        explain = next(one for one in PAGES if one.name == "explain")
        query = explain.query.model_validate({"name": name})
        return _html(request, explain, query, kept.answer(explain, query))

    for one in PAGES:
        _add_page(app, one, kept)
    forms.add(app, house, _frame)
    api.add(app, house)
    app.add_middleware(Guard, settings=settings)
    return app


def _lifespan(house: House) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _ = catalogue().listed
        later = threading.Timer(_FIRST_S, _warm_up)
        later.daemon = True
        later.start()
        yield
        later.cancel()
        house.jobs.close()

    return lifespan


def _warm_up() -> None:
    """Load what the first question of a kind would wait for: the drawer of charts, the engines."""
    from gpumix.report.views import charts

    charts.as_svg(charts.named_bars([{"name": "", "usd": 1.0, "text": ""}], ""))
    for engine in _ENGINES:
        importlib.import_module(engine)


def _add_page(app: FastAPI, one: Page, kept: Kept) -> None:
    """A page, its three twins, and its place in the API: one function answers them all."""

    stated = Annotated[one.query, Query()]  # type: ignore[name-defined]

    def html(request: Request, query: Any) -> Response:
        return _html(request, one, query, kept.answer(one, query))

    def twin(kind: str) -> Callable[..., Response]:
        def written(query: Any) -> Response:
            found = kept.answer(one, query)
            made = {"json": found.as_json, "csv": found.as_csv, "md": found.as_markdown}[kind]
            return Response(made(), media_type=_TWINS[kind])

        written.__annotations__["query"] = stated
        return written

    html.__annotations__["query"] = stated
    app.get(f"/{one.name}", include_in_schema=False)(html)
    for kind in _TWINS:
        app.get(f"/{one.name}.{kind}", include_in_schema=False)(twin(kind))
    app.get(
        f"/api/v1/{one.name}",
        summary=one.title,
        description=one.says,
        operation_id=one.name,
        responses={
            **ERRORS,
            **(WAITS if one.waits else {}),
            200: {"description": one.says, **ANY_JSON},
        },
        tags=["answers"],
    )(twin("json"))


def _html(request: Request, one: Page, query: Any, found: Shown) -> HTMLResponse:
    stated = query.model_dump(exclude_unset=True)
    values = {
        **_frame(request, one.name),
        "shown": found,
        "title": found.title,
        "query": query,
        "twins": {kind: f"/{one.name}.{kind}{query_string(stated)}" for kind in _TWINS},
        "sort_links": {
            name: f"/{one.name}{query_string(stated, sort=word)}"
            for name, word in found.sorts.items()
        },
        "sorted_by": next(
            (n for n, word in found.sorts.items() if word == getattr(query, "sort", None)), ""
        ),
        **found.more,
    }
    return HTMLResponse(page(one.template, values))


def _frame(request: Request, here: str = "") -> dict[str, Any]:
    """What every page's frame shows: the navigation, and where the reader is."""
    return {"pages": PAGES, "here": here, "sort_links": {}, "sorted_by": ""}


def _add_errors(app: FastAPI, house: House) -> None:
    """Whatever goes wrong, as JSON for REST and twins, as a page for readers."""

    def tell(request: Request, status: int, problems: list[Told]) -> Response:
        path = request.url.path
        is_page = not path.startswith("/api/") and path.rpartition(".")[2] not in _TWINS
        if not is_page:
            return JSONResponse({"problems": problems}, status)
        values = {**_frame(request), "title": "That did not work", "problems": problems}
        return HTMLResponse(page("error.html.j2", {**values, "status": status}), status)

    @app.exception_handler(GpumixError)
    def ours(request: Request, error: GpumixError) -> Response:
        return tell(request, status_of(error), told(error, house.folder))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return tell(request, UNUSABLE, of_validation(error.errors()))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        problem = {"path": request.url.path, "message": str(error.detail), "did_you_mean": None}
        return tell(request, error.status_code, [problem])

    @app.exception_handler(Refused)
    def bounded(request: Request, error: Refused) -> Response:
        problem: Told = {"path": "", "message": error.message, "did_you_mean": None}
        return tell(request, error.status, [problem])

    @app.exception_handler(QueueFull)
    def full(request: Request, error: QueueFull) -> Response:
        problem: Told = {"path": "", "message": str(error), "did_you_mean": None}
        answer = tell(request, _FULL, [problem])
        answer.headers["retry-after"] = "60"
        return answer

    @app.exception_handler(Working)
    def working(request: Request, error: Working) -> Response:
        path, job = request.url.path, error.job
        if path.startswith("/api/") or path.rpartition(".")[2] in _TWINS:
            where = {"location": f"/api/v1/jobs/{job.id}", "retry-after": "1"}
            return JSONResponse(job.to_dict(), 202, headers=where)
        return RedirectResponse(f"/jobs/{job.id}", 303)

    @app.exception_handler(Exception)
    def defect(request: Request, error: Exception) -> Response:
        what = "this is a defect of gpumix; the server's own terminal says where: please report it"
        problem: Told = {"path": "", "message": what, "did_you_mean": None}
        answer = tell(request, DEFECT, [problem])
        answer.headers.update(HEADERS)  # it is told outside of the guard
        return answer

    @app.exception_handler(OSError)
    def system(request: Request, error: OSError) -> Response:
        return tell(request, DEFECT, of_system(error))
