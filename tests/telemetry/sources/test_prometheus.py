"""Servers that refuse, err or are none: answered by a server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from gpumix.errors import InputError
from gpumix.telemetry.sources import prometheus

START = 1_792_281_600
SPAN = {"start": START, "end": START + 3600}
SECRET = "s3cret-token"


class Fake:
    """A server whose next answers are given as (status, headers, body), the last one for good."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                arguments = {name: v[0] for name, v in parse_qs(parts.query).items()}
                fake.asked.append((parts.path, arguments, dict(self.headers)))
                answers = fake.answers
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response_only(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, *answers: tuple[int, dict[str, str], str]) -> None:
        self.answers = list(answers)


@pytest.fixture
def fake() -> Iterator[Fake]:
    one = Fake()
    thread = threading.Thread(target=one.server.serve_forever, args=(0.01,))
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]], **more: object) -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data, **more})


def gpu(**labels: str) -> dict[str, str]:
    name = {"__name__": "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gpu": "0", "UUID": "G", "Hostname": "n"}
    return name | labels


ONE = matrix((gpu(), [(START, "0.5"), (START + 60, "NaN"), (START + 120, "+Inf")]))


def read(url: str, **more: object):
    return prometheus.read(url, environment={}, **{**SPAN, **more})


def test_raw_samples_are_asked_for_and_a_value_that_is_none_is_absent(fake):
    fake.says((200, {}, ONE))
    rows = read(fake.url).samples.to_pylist()
    assert [(row["t"] - START, row["engine_active"]) for row in rows] == [
        (0, 0.5), (60, None), (120, None)
    ]  # fmt: skip
    path, arguments, _ = fake.asked[0]
    assert path == "/api/v1/query"
    assert arguments["query"].endswith("[3600s]")
    assert float(arguments["time"]) == START + 3600 - 0.001


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "", "lets nobody in"),
        (403, "{}", "lets nobody in"),
        (302, "", "sends us elsewhere"),
        (200, "<!doctype html><title>Log in</title>", "web page"),
        (500, "oops", "answers 500"),
        (400, '{"status":"error","errorType":"bad_data","error":"parse error"}', "parse error"),
        (200, "{", "not valid JSON"),
        (200, '{"status":"success","data":{"resultType":"string","result":[1,"a"]}}', "string"),
        (200, matrix(), "no samples of GPUs"),
    ],
)
def test_what_is_no_answer_is_told(fake, status, body, says):
    fake.says((status, {"Location": "http://127.0.0.1:1/"}, body))
    with pytest.raises(InputError, match=says):
        read(fake.url)


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(InputError, match="cannot be reached"):
        read("http://127.0.0.1:9")


def test_a_server_without_tls_is_told(fake):
    with pytest.raises(InputError, match="cannot be reached"):
        read(fake.url.replace("http", "https"))


def test_a_busy_server_is_asked_again_when_it_wants(fake):
    busy = (429, {"Retry-After": "0"}, "")
    fake.says(busy, (503, {"Retry-After": "0"}, "<html>"), (200, {}, ONE))
    assert read(fake.url).samples.num_rows == 3


def test_a_server_that_stays_busy_is_told(fake):
    fake.says((503, {"Retry-After": "0"}, ""))
    with pytest.raises(InputError, match="answers 503"):
        read(fake.url)
    assert len(fake.asked) == prometheus.TRIES


def test_too_many_samples_are_asked_for_in_parts(fake):
    error = "query processing would load too many samples into memory in query execution"
    much = json.dumps({"status": "error", "errorType": "execution", "error": error})
    fake.says((422, {}, much), (200, {}, ONE))
    assert read(fake.url).samples.num_rows == 3
    widths = [arguments["query"].rsplit("[")[-1] for _, arguments, _ in fake.asked]
    assert widths[:3] == ["3600s]", "1800s]", "1800s]"]


def test_a_server_that_cannot_answer_a_minute_is_told(fake):
    fake.says((422, {}, '{"status":"error","error":"too many samples"}'))
    with pytest.raises(InputError, match="60 s at once"):
        read(fake.url)


def test_warnings_and_a_clock_that_is_off_are_notes(fake):
    ahead = {"Date": formatdate(time.time() + 3 * 3600)}
    fake.says((200, ahead, matrix((gpu(), [(START, "1")]), warnings=["a store is down"])))
    codes = {note.code: note.detail for note in read(fake.url).notes}
    assert codes["clock_skew"] == "the server's clock is 3.0 h ahead of ours"
    assert "a store is down" in codes["gap"]


def test_who_we_are_comes_from_the_environment(fake):
    fake.says((200, {}, ONE))
    known = {prometheus.TOKEN: f"{SECRET}\n", prometheus.TENANT: "team-a"}
    prometheus.read(fake.url, environment=known, **SPAN)
    headers = fake.asked[0][2]
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["X-Scope-OrgID"] == "team-a"
    known = {prometheus.USER: "ana", prometheus.PASSWORD: "b"}
    prometheus.read(fake.url, environment=known, **SPAN)
    assert fake.asked[-1][2]["Authorization"] == "Basic YW5hOmI="


@pytest.mark.parametrize("name", [prometheus.TOKEN, prometheus.TENANT])
def test_a_secret_that_is_no_header_is_not_printed(fake, name):
    with pytest.raises(InputError) as told:
        prometheus.read(fake.url, environment={name: f"a\n{SECRET}"}, **SPAN)
    assert name in str(told.value)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("address", ["http://ana:{}@h:1", "http://h:1/?token={}", "http://h:{}"])
def test_an_address_holds_no_secret(address):
    with pytest.raises(InputError) as told:
        read(address.format(SECRET))
    assert SECRET not in str(told.value)


def test_a_ca_file_that_is_none_is_told():
    with pytest.raises(InputError, match=prometheus.CA_FILE):
        prometheus.read("http://h", environment={prometheus.CA_FILE: "/none.pem"})


def test_a_name_that_is_no_namespace_goes_into_no_query(fake):
    evil = gpu(pod="p", namespace='x"}) or up{a="')
    fake.says((200, {}, matrix((evil, [(START, "1")]))))
    (row,) = read(fake.url).samples.to_pylist()
    assert row["team"] == 'x"}) or up{a="'
    queries = [arguments["query"] for _, arguments, _ in fake.asked]
    assert "kube_pod_labels[3600s]" in queries
    assert not any("up{" in query for query in queries)


def test_a_body_is_not_read_without_end(fake, monkeypatch):
    monkeypatch.setattr(prometheus, "MOST_BYTES", 100)
    fake.says((200, {}, ONE))
    with pytest.raises(InputError, match="at once"):
        read(fake.url)
