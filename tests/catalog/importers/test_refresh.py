"""Refreshing from public sources, with their answers served on localhost."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.errors import InputError
from gpumix.verbs.refresh_prices import refresh_prices

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "price_samples"
TODAY = date(2026, 11, 29)


@dataclass
class Web:
    """A server on localhost: path -> status and text."""

    address: str = ""
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def sources(self, folder: Path, **urls: str) -> Path:
        lines = ["name,format,url,source,as_of"]
        formats = {"azure": "azure-retail"}
        lines += [f"{n},{formats.get(n, n)},{u},test,2026-11-29" for n, u in urls.items()]
        (folder / "price_sources.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = found.answers.get(self.path, (404, "not here"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def page(items: list[int], following: str | None) -> str:
    sample = json.loads((SAMPLES / "azure_retail_page.json").read_text(encoding="utf-8"))
    kept = [sample["Items"][n] for n in items]
    return json.dumps({"Items": kept, "NextPageLink": following})


def test_all_pages_are_read_and_dated_today(web: Web, tmp_path: Path) -> None:
    web.answers["/one"] = (200, page([0], f"{web.address}/two?skip=1000"))
    web.answers["/two?skip=1000"] = (200, page([8], None))
    folder = web.sources(tmp_path, azure=f"{web.address}/one")
    done = refresh_prices(tmp_path / "sheet.csv", folder=folder, today=TODAY)
    assert {o.instance for o in done.found.offers} == {
        "Standard_ND96isr_H100_v5",
        "Standard_NC40ads_H100_v5",
    }
    assert {o.as_of for o in done.found.offers} == {TODAY}
    assert load(prices=tmp_path / "sheet.csv").rates
    assert [(s.name, s.offers, s.last_good, s.failure) for s in done.sources] == [
        ("azure", 4, TODAY, "")
    ]


def test_a_page_is_followed_on_its_own_host_only(web: Web, tmp_path: Path) -> None:
    web.answers["/one"] = (200, page([0], "http://elsewhere.invalid/two"))
    folder = web.sources(tmp_path, azure=f"{web.address}/one")
    done = refresh_prices(tmp_path / "sheet.csv", folder=folder, today=TODAY)
    assert "another host" in done.sources[0].failure
    assert not (tmp_path / "sheet.csv").exists()


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [
        (503, "", "HTTP 503"),
        (200, "<html>maintenance</html>", "another form"),
        (200, '{"Items": 5}', "no Items"),
        (404, "", "not at its address"),
    ],
)
def test_one_source_failing_leaves_the_others(
    web: Web, tmp_path: Path, status: int, text: str, says: str
) -> None:
    web.answers["/azure"] = (status, text)
    web.answers["/gcp"] = (200, (SAMPLES / "cyclenerd_pricing.yml").read_text(encoding="utf-8"))
    folder = web.sources(tmp_path, azure=f"{web.address}/azure", cyclenerd=f"{web.address}/gcp")
    done = refresh_prices(tmp_path / "sheet.csv", folder=folder, today=TODAY)
    by_name = {s.name: s for s in done.sources}
    assert says in by_name["azure"].failure
    assert by_name["cyclenerd"].offers == 4


def test_the_last_good_prices_of_a_source_stay_with_their_date(web: Web, tmp_path: Path) -> None:
    web.answers["/azure"] = (200, page([0], None))
    folder, sheet = web.sources(tmp_path, azure=f"{web.address}/azure"), tmp_path / "sheet.csv"
    refresh_prices(sheet, folder=folder, today=date(2026, 11, 1))
    before = sheet.read_text(encoding="utf-8")
    web.answers["/azure"] = (500, "")
    done = refresh_prices(sheet, folder=folder, today=TODAY)
    assert sheet.read_text(encoding="utf-8") == before
    assert done.sources[0].last_good == date(2026, 11, 1)
    assert "HTTP 500" in done.sources[0].failure


def test_the_newest_daily_file_is_looked_for(web: Web, tmp_path: Path) -> None:
    text = (SAMPLES / "ewyluda_observations.csv").read_text(encoding="utf-8")
    web.answers["/2026/2026-11-26.csv"] = (200, text)
    folder = web.sources(tmp_path, ewyluda=f"{web.address}/{{year}}/{{date}}.csv")
    done = refresh_prices(tmp_path / "sheet.csv", folder=folder, today=TODAY)
    assert done.sources[0].last_good == date(2026, 10, 10)


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    folder = Web().sources(tmp_path, azure="http://127.0.0.1:9/none")
    done = CliRunner().invoke(
        app, ["prices", "refresh", "--sources", str(folder), "--out", str(tmp_path / "s.csv")]
    )
    assert isinstance(done.exception, InputError)
    assert "no price source answered" in str(done.exception)
    assert "cannot be reached" in done.output
    assert not (tmp_path / "s.csv").exists()


def test_only_web_addresses_are_asked(tmp_path: Path) -> None:
    folder = Web().sources(tmp_path, azure="file:///etc/hostname")
    done = refresh_prices(tmp_path / "sheet.csv", folder=folder, today=TODAY)
    assert "no web address" in done.sources[0].failure


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown source 'azur'"):
        refresh_prices(tmp_path / "sheet.csv", ["azur"])


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gpuhunt", None)
    done = refresh_prices(tmp_path / "sheet.csv", ["gpuhunt"], today=TODAY)
    assert "gpumix[prices]" in done.sources[0].failure


@dataclass
class Item:
    """An item as gpuhunt's library gives it."""

    provider: str
    instance_name: str
    location: str
    price: float
    gpu_count: int
    gpu_name: str
    gpu_memory: float
    spot: bool
    flags: list[str]


class Catalogue:
    """gpuhunt's catalogue with two offers."""

    def __init__(self, auto_reload: bool) -> None:
        self.items: list[Item] = []

    def load(self) -> None:
        args = ("us-central1-a", 90.9, 8, "H100", 80.0)
        self.items = [
            Item("gcp", "a3-highgpu-8g", *args, False, []),
            Item("lambdalabs", "gpu_1x_a10", "us-east-1", 0.9, 1, "A10", 24.0, False, []),
        ]

    def query(self) -> list[Item]:
        return self.items


def test_items_of_the_library_become_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ModuleType("gpuhunt")
    library.Catalog = Catalogue  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gpuhunt", library)
    done = refresh_prices(tmp_path / "sheet.csv", ["gpuhunt"], today=TODAY)
    assert {(o.provider, o.region) for o in done.found.offers} == {
        ("gcp", "us-central1"),
        ("lambda", "us-east-1"),
    }
