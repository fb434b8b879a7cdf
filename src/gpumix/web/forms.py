"""What a reader sends by a form: an inventory to be planned, a job to be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from gpumix.errors import InputError, Problem, unknown_name
from gpumix.plan.effort import WORK
from gpumix.web.folders import slug
from gpumix.web.house import House
from gpumix.web.jobs import INVENTORY, PLAN_VERB, Job
from gpumix.web.pages.start import example_text
from gpumix.web.problems import NotHere
from gpumix.web.render import page
from gpumix.web.uploads import checked_inventory, name_of

EFFORTS = tuple(WORK)
_SEE_OTHER = 303


def add(app: FastAPI, house: House, frame: Callable[[Request], dict[str, Any]]) -> None:
    """Add the forms' addresses to an application."""

    @app.post("/plan", include_in_schema=False)
    async def planned(request: Request) -> Response:
        async with request.form(max_files=1, max_fields=4) as form:
            effort = str(form.get("effort") or EFFORTS[0])
            example, sent = form.get("example"), form.get("inventory")
            if isinstance(sent, UploadFile) and sent.filename:
                raw, name = await sent.read(), sent.filename
            elif isinstance(example, str) and example:
                raw, name = example_text(example).encode(), example
            else:
                words = form.get("text")
                raw, name = (words if isinstance(words, str) else "").encode(), ""
        job = await run_in_threadpool(queue, house, raw, name, effort)
        return RedirectResponse(f"/jobs/{job.id}", _SEE_OTHER)

    @app.get("/jobs/{id}", include_in_schema=False)
    def watched(request: Request, id: str) -> Response:
        job = house.jobs.get(id)
        if job.folder:
            return RedirectResponse(f"/plan?folder={job.folder}", _SEE_OTHER)
        if job.found is not None:
            return RedirectResponse(job.shown_at, _SEE_OTHER)
        values = {**frame(request), "title": "Planning", "job": job}
        return HTMLResponse(page("job.html.j2", values))

    @app.post("/jobs/{id}/cancel", include_in_schema=False)
    async def cancelled(id: str) -> Response:
        await run_in_threadpool(house.jobs.cancel, id)
        return RedirectResponse(f"/jobs/{id}", _SEE_OTHER)

    @app.get("/api", include_in_schema=False)
    def described(request: Request) -> Response:
        values = {**frame(request), "title": "REST", "described": app.openapi()}
        return HTMLResponse(page("api.html.j2", values))

    @app.get("/examples/{name}.yaml", include_in_schema=False)
    def example(name: str) -> Response:
        try:
            return PlainTextResponse(example_text(name))
        except InputError as error:
            raise NotHere(error.problems) from None


def queue(house: House, raw: bytes, name: str, effort: str) -> Job:
    """Take an inventory to be planned.

    Raises: InputError where it may not be read; QueueFull.
    """
    problems: list[Problem] = []
    if effort not in EFFORTS:
        problems.append(unknown_name("effort", "effort", effort, EFFORTS))
    try:
        text = checked_inventory(raw)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)

    def put(work: Path) -> None:
        (work / INVENTORY).write_text(text, encoding="utf-8")

    return house.jobs.add(slug(name or name_of(text)), put, PLAN_VERB, effort)
