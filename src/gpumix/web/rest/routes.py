"""The addresses of the verbs: answered at once, or taken as jobs whose answers are kept."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, File, Form, UploadFile
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from gpumix.domain.plan import PLAN_JSON
from gpumix.errors import GpumixError, InputError, Problem
from gpumix.web.folders import ANSWER, slug
from gpumix.web.house import House
from gpumix.web.jobs import Job
from gpumix.web.problems import NotHere, status_of, told
from gpumix.web.rest.place import BARE_NAME, DECLARED, REQUEST, SENT, SOURCES, Place
from gpumix.web.rest.schema import ANY_JSON, ERRORS, FULL, JobTold, saved_as
from gpumix.web.rest.table import OBSERVE, VERBS, Verb

_AT_ONCE: Final = 2
"""Verbs answered at once at a time: more would only share the same cores."""
_BARE: Final = re.compile(BARE_NAME)
_ALL_SAID: Final = {
    200: {"description": "What the verb's --json prints.", **ANY_JSON},
    202: {"model": JobTold, "description": "A job, to be asked for until it is done."},
}


def add(app: FastAPI, house: House) -> None:
    """Add the verbs' addresses, and those of what jobs answered, to an application."""
    working = threading.Semaphore(_AT_ONCE)
    for verb in VERBS.values():
        _add_verb(app, house, verb, working)
    _add_observe(app, house)
    _add_results(app, house)


def _add_verb(app: FastAPI, house: House, verb: Verb, working: threading.Semaphore) -> None:
    def run(asked: Any) -> Response:
        if verb.is_slow(asked):
            return _taken(house.jobs.add(slug(verb.path), _put(asked), verb.path))
        with working:
            return _at_once(house, verb, asked)

    run.__annotations__["asked"] = verb.model
    first, *_ = verb.statuses
    app.post(
        f"/api/v1/{verb.path}",
        tags=["verbs"],
        summary=verb.title,
        description=verb.says,
        operation_id=verb.name,
        status_code=first,
        response_class=JSONResponse,
        responses={**ERRORS, **FULL, **{code: _ALL_SAID[code] for code in verb.statuses}},
    )(run)


def _put(asked: Any) -> Callable[[Path], object]:
    """What writes a request into the folder of its job."""
    text = asked.model_dump_json(exclude_unset=True)
    return lambda work: (work / REQUEST).write_text(text, encoding="utf-8")


def _at_once(house: House, verb: Verb, asked: Any) -> Response:
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(house.folder, Path(scratch) / SENT, Path(scratch) / "out")
        try:
            text = place.told(verb.answer(asked, place, lambda _: None))
        except GpumixError as error:
            problems = told(error, place.sent)
            return JSONResponse({"problems": problems}, status_of(error))
    return Response(text, media_type="application/json")


def _taken(job: Job) -> Response:
    headers = {"location": f"/api/v1/jobs/{job.id}"}
    return JSONResponse(job.to_dict(), 202, headers=headers)


def _add_observe(app: FastAPI, house: House) -> None:
    @app.post(
        f"/api/v1/{OBSERVE}", status_code=202, tags=["verbs"], operation_id="run_observe",
        summary="Files of telemetry into a fleet's folder", response_model=JobTold,
        responses={**ERRORS, **FULL},
    )  # fmt: skip
    async def observe(
        sources: Annotated[list[UploadFile], File(description="Files of telemetry, exported.")],
        declare: Annotated[
            UploadFile | None, File(description="What only the owner can say, JSON or YAML.")
        ] = None,
        name: Annotated[str, Form(description="Of the fleet's folder.", max_length=200)] = "fleet",
    ) -> Response:
        """As `gpumix observe` of files: the folder of the result is a fleet that other verbs take
        by its name. Files alone: an address is not asked, for a server that asks any address a
        stranger names would reach what the stranger cannot (SSRF). Export the samples, or run
        `gpumix observe` where the metrics are."""
        sent = [("sources", one) for one in sources]
        sent += [("declare", declare)] if declare is not None else []
        names = [one.filename or "" for _, one in sent]
        wrong = [n for n in names if not _BARE.match(n)]
        problems = [
            Problem(n or "sources", "is no bare name of a file", "samples.csv") for n in wrong
        ]
        if len({one.filename for one in sources}) < len(sources):
            problems.append(Problem("sources", "two are named alike", "rename one"))
        if problems:
            raise InputError(problems)

        def put(work: Path) -> None:
            for kind, one in sent:
                folder = work / SENT / (SOURCES if kind == "sources" else DECLARED)
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / (one.filename or "")).open("wb") as file:
                    shutil.copyfileobj(one.file, file)

        return _taken(await run_in_threadpool(house.jobs.add, slug(name), put, OBSERVE))


def _add_results(app: FastAPI, house: House) -> None:
    def result(id: str) -> Path:
        job = house.jobs.get(id)
        if not job.folder:
            raise NotHere(Problem("id", f"job {id} is {job.state.value}: it has no answer"))
        return house.folder / job.folder

    @app.get("/api/v1/jobs/{id}/answer", tags=["jobs"], operation_id="job_answer",
             summary="What a job answered",
             responses={**ERRORS, 200: ANY_JSON})  # fmt: skip
    def answer(id: str) -> Response:
        """The JSON that the verb's `--json` prints; of a verb without, what it writes."""
        folder = result(id)
        path = folder / ANSWER if (folder / ANSWER).is_file() else folder / PLAN_JSON
        text = path.read_text(encoding="utf-8")
        return Response(text, media_type="application/json")

    @app.get("/api/v1/jobs/{id}/files.zip", tags=["jobs"], operation_id="job_files",
             summary="The files of a job's result", response_class=Response,
             responses={**ERRORS, 200: {"content": {"application/zip": {}}}})  # fmt: skip
    def files(id: str) -> Response:
        """All that the command line would have written to its `--out`, and the answer."""
        folder, out = result(id), io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as writer:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    writer.write(path, path.relative_to(folder).as_posix())
        headers = saved_as(f"{folder.name}.zip")
        return Response(out.getvalue(), media_type="application/zip", headers=headers)
