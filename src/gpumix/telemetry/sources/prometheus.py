"""Prometheus and VictoriaMetrics over HTTP: the raw samples of a span.

Raw range selectors (`metric[6h]`) and no `query_range`: after a label changes, that one answers the
old series beside the new for five minutes. What a server must be told to let us in comes from the
environment and stands in nothing that is written.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final

import httpx
import pyarrow as pa

from gpumix.domain.fleet import Note
from gpumix.errors import InputError, Problem
from gpumix.reading import MEBIBYTE, control_character
from gpumix.telemetry.samples import Observed
from gpumix.telemetry.sources.assemble import observed
from gpumix.telemetry.sources.owners import Pod, pod_key
from gpumix.telemetry.sources.promjson import parse_answer, series_of
from gpumix.telemetry.sources.series import Series, metrics

TOKEN: Final = "GPUMIX_PROMETHEUS_TOKEN"
USER: Final = "GPUMIX_PROMETHEUS_USER"
PASSWORD: Final = "GPUMIX_PROMETHEUS_PASSWORD"
TENANT: Final = "GPUMIX_PROMETHEUS_TENANT"
CA_FILE: Final = "GPUMIX_PROMETHEUS_CA"
"""Variables of the environment: a bearer token, or a user and password; X-Scope-OrgID of Mimir and
Cortex; a file of certificates to trust."""

DAY_S: Final = 86_400
WINDOW_S: Final = 6 * 3600
"""Of one query: 64 GPUs with seven metrics a minute are 160,000 samples, 4 MB."""
SHORTEST_S: Final = 60
LOOK_BACK_DAYS: Final = 400
"""Where no span is asked for, so far back a server is asked on which days it has samples."""
TIMEOUT_S: Final = 60.0
MOST_BYTES: Final = 512 * MEBIBYTE
TRIES: Final = 5
LONGEST_WAIT_S: Final = 60.0
BUSY: Final = frozenset({429, 502, 503, 504})
REFUSED: Final = frozenset({401, 403})
SKEW_S: Final = 300
"""A server's clock that is off by more is told of."""
_TOO_MUCH: Final = re.compile(r"too many|maximum resolution|exceed|more than|timed? ?out", re.I)
"""What servers say to a question that is too large."""
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class TooMuch(Exception):
    """An answer that the server or we will not hold: ask for less at once."""


class Server:
    """A Prometheus-like server that is asked one query at a time; close it."""

    def __init__(self, url: str, environment: Mapping[str, str] = os.environ) -> None:
        self.url = _plain_address(url)
        self.notes: dict[Note, None] = {}
        self._client = httpx.Client(
            headers=_headers(environment), verify=_trust(environment), timeout=TIMEOUT_S
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.close()

    def ask(self, verb: str, **arguments: str) -> Any:
        """The JSON that `/api/v1/<verb>` answers.

        Raises: TooMuch; InputError where the server is not reached, refuses, or answers no JSON.
        """
        for left in reversed(range(TRIES)):
            status, headers, body = self._get(verb, arguments)
            if status not in BUSY or not left:
                break
            time.sleep(_wait_s(headers, TRIES - left))
        self._note_skew(headers)
        self._refuse(status, headers, body)
        answer = parse_answer(body, self.url)
        if isinstance(answer, dict):
            told = [
                *(answer.get("warnings") or ()),
                *(["partial"] if answer.get("isPartial") else ()),
            ]
            for warning in told:
                self.notes[Note("gap", None, f"the server warns: {warning:.200}")] = None
        return answer

    def _get(self, verb: str, arguments: Mapping[str, str]) -> tuple[int, httpx.Headers, str]:
        address = f"{self.url}/api/v1/{verb}"
        try:
            with self._client.stream("GET", address, params=arguments) as response:
                raw = bytearray()
                for part in response.iter_bytes():
                    raw += part
                    if len(raw) > MOST_BYTES:
                        raise TooMuch
        except httpx.ReadTimeout:
            raise TooMuch from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = str(error) or type(error).__name__
            fix = f"a CA file goes into {CA_FILE}" if "CERTIFICATE" in why.upper() else ""
            raise InputError(Problem(self.url, f"cannot be reached: {why:.200}", fix)) from None
        return response.status_code, response.headers, raw.decode("utf-8", "replace")

    def _refuse(self, status: int, headers: httpx.Headers, body: str) -> None:
        """Raise where an answer is none."""
        if status in REFUSED:
            fix = f"set {TOKEN}, or {USER} and {PASSWORD}; {TENANT} where it has tenants"
            raise InputError(Problem(self.url, f"lets nobody in without leave ({status})", fix))
        if httpx.codes.is_redirect(status):
            what = f"sends us elsewhere ({status}): to a login?"
            raise InputError(Problem(self.url, what, "name the address that answers"))
        if body.lstrip().startswith("<"):
            what = f"answers with a web page and no JSON ({status}): a login?"
            raise InputError(Problem(self.url, what, "name the address of Prometheus itself"))
        if status != httpx.codes.OK and _TOO_MUCH.search(body):
            raise TooMuch
        if status in BUSY or not body.lstrip().startswith("{"):
            raise InputError(Problem(self.url, f"answers {status} and no data", "try again later"))

    def _note_skew(self, headers: httpx.Headers) -> None:
        try:
            theirs = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except (ValueError, TypeError):
            return
        ahead_s = theirs - time.time()
        if abs(ahead_s) > SKEW_S:
            way = "ahead of" if ahead_s > 0 else "behind"
            detail = f"the server's clock is {abs(ahead_s) / 3600:.1f} h {way} ours"
            self.notes[Note("clock_skew", None, detail)] = None


def _plain_address(url: str) -> str:
    """An address without anything secret in it. Raises: InputError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:  # whose text may quote a password
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        fix = "write it as http://host:9090"
        raise InputError(Problem("the address of Prometheus", "is none", fix))
    place = f"{parsed.scheme}://{parsed.host}"
    if parsed.userinfo:
        fix = f"put them into {USER} and {PASSWORD}"
        raise InputError(Problem(place, "the address holds a user or a password", fix))
    if parsed.query or parsed.fragment:
        raise InputError(
            Problem(place, "the address ends in a query", f"a token goes into {TOKEN}")
        )
    return str(parsed).rstrip("/").removesuffix("/api/v1")


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Who we are. Raises: InputError, which names a variable and not what it holds."""
    told = {name: environment.get(name, "").strip() for name in (TOKEN, USER, PASSWORD, TENANT)}
    bad = [n for n, text in told.items() if control_character(text) or not text.isascii()]
    if bad:
        problems = (Problem(name, "holds characters that no header can") for name in bad)
        raise InputError(problems)
    headers = {"X-Scope-OrgID": told[TENANT]} if told[TENANT] else {}
    if told[TOKEN]:
        headers["Authorization"] = f"Bearer {told[TOKEN]}"
    elif told[USER]:
        secret = httpx.BasicAuth(told[USER], told[PASSWORD])
        request = next(secret.auth_flow(httpx.Request("GET", "http://localhost")))
        headers["Authorization"] = request.headers["Authorization"]
    return headers


def _trust(environment: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates to trust. Raises: InputError."""
    path = environment.get(CA_FILE) or None
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        raise InputError(Problem(CA_FILE, f"names no file of certificates: {error}")) from None


def _wait_s(headers: httpx.Headers, tried: int) -> float:
    """How long a busy server wants us to wait, else longer each time."""
    told = headers.get("Retry-After", "")
    wait = float(told) if told.isascii() and told.isdigit() else 2.0**tried / 2
    return min(wait, LONGEST_WAIT_S)


def read(
    url: str,
    *,
    start: int | None = None,
    end: int | None = None,
    pods: Sequence[Pod] = (),
    environment: Mapping[str, str] = os.environ,
) -> Observed:
    """Everything that a server knows about GPUs in [start, end) [s since 1970 UTC].

    Without a span: every day of the last 400 that has samples of GPUs. `pods` are those of a
    snapshot of the cluster, whose names count where the server has none.

    Raises: InputError where it cannot be reached, lets us not in, or knows no GPU.
    """
    parts: list[Observed] = []
    with Server(url, environment) as server:
        for first, last in _days(server, start, end):
            series = _series_of_day(server, first, last)
            if series:
                parts.append(observed(series, server.url, pods))
        notes = tuple(server.notes)
    if not any(part.samples is not None for part in parts):
        metric = "DCGM_FI_PROF_GR_ENGINE_ACTIVE or DCGM_FI_DEV_GPU_UTIL"
        raise InputError(Problem(server.url, "has no samples of GPUs", f"it needs {metric}"))
    samples = [part.samples for part in parts if part.samples is not None]
    nodes = [part.nodes for part in parts if part.nodes is not None]
    found = dict.fromkeys(note for part in parts for note in part.notes)
    return Observed(
        samples=pa.concat_tables(samples),
        nodes=nodes[-1] if nodes else None,
        notes=(*notes, *found),
    )


def _days(server: Server, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
    """The span to ask for, cut at midnight (UTC); only days with samples where it is open."""
    now = int(datetime.now(UTC).timestamp())
    stop = now + 1 if end is None else end
    if start is None:
        days: Sequence[int] = _days_with_samples(server, stop)
    else:
        days = range(start - start % DAY_S, stop, DAY_S)
    for day in days:
        yield max(day, start or 0), min(day + DAY_S, stop)


def _days_with_samples(server: Server, stop: int) -> list[int]:
    """Starts of the days before `stop` on which any GPU was seen."""
    last = stop - stop % DAY_S
    query = f"count(last_over_time({_selector('gpu')}[1d]))"
    first = last - LOOK_BACK_DAYS * DAY_S
    try:
        answer = server.ask("query_range", query=query, start=str(first), end=str(last), step="1d")
    except TooMuch:
        return list(range(last - 15 * DAY_S, stop, DAY_S))  # what Prometheus keeps by default
    ends = [int(t) for one in series_of(answer, server.url) for t in one.t]
    # a sample at midnight counts as the end of one day and is the start of the next
    return sorted({last, *ends, *(day - DAY_S for day in ends)})


def _selector(of: str, matcher: str = "") -> str:
    """A selector of every metric about `of`; names and matcher are ours, none is a user's."""
    names = "|".join(name for name, metric in metrics().items() if metric.of == of)
    return f'{{__name__=~"{names}"{matcher}}}'


def _series_of_day(server: Server, first: int, last: int) -> list[Series]:
    """All series of use in [first, last): of GPUs; if there are some, of engines and owners too."""
    gpus = list(_raw(server, _selector("gpu"), first, last))
    if not gpus:
        return []
    engines = list(_raw(server, _selector("engine"), first, last))
    labels = f"kube_pod_labels{_of_namespaces(gpus)}"
    owners = list(_raw(server, labels, first, last))
    return [*gpus, *engines, *owners, *_nodes(server, last)]


def _of_namespaces(gpus: Sequence[Series]) -> str:
    """A matcher of the namespaces that have GPUs, which spares the rest of a large cluster.

    A name that is no namespace of Kubernetes goes into no query; then there is no matcher.
    """
    keys = {pod_key(one.labels) for one in gpus}
    names = sorted({key[0] for key in keys if key is not None})
    if all(_NAMESPACE.fullmatch(name) for name in names):
        return f'{{namespace=~"{"|".join(names)}"}}'
    return ""


def _raw(server: Server, selector: str, first: int, last: int) -> Iterator[Series]:
    """The raw samples in [first, last), window by window; a window that is too much is halved.

    A window ends 1 ms early and begins 1 ms early: some servers count its left end in.
    """
    at, width = first, WINDOW_S
    while at < last:
        width = min(width, last - at)
        ends = f"{at + width - 0.001:.3f}"
        try:
            answer = server.ask("query", query=f"{selector}[{width}s]", time=ends)
        except TooMuch:
            if width <= SHORTEST_S:
                what = f"cannot answer even {width} s at once"
                raise InputError(Problem(server.url, what)) from None
            width = max(SHORTEST_S, width // 2)
            continue
        for one in series_of(answer, server.url):
            kept = (one.t >= at) & (one.t < at + width)
            yield Series(one.name, one.labels, one.t[kept], one.values[kept])
        at += width


def _nodes(server: Server, last: int) -> Iterator[Series]:
    """What was told last of every machine before `last`."""
    for name, metric in metrics().items():
        if metric.of == "kube" and name.startswith("kube_node_"):
            query = f"last_over_time({name}[1d])"
            try:
                answer = server.ask("query", query=query, time=f"{last - 0.001:.3f}")
            except TooMuch:
                raise InputError(Problem(server.url, f"cannot answer {query}")) from None
            for one in series_of(answer, server.url):
                yield Series(name, one.labels, one.t, one.values)
