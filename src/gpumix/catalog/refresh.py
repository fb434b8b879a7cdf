"""Public price sources that need no key: what each answers today. The one place with a network."""

from __future__ import annotations

import http.client
import importlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from gpumix.catalog.importers import azure_retail, gpuhunt
from gpumix.catalog.importers.cells import Line
from gpumix.catalog.importers.formats import FORMATS, Format
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.reading import Reading, Source, as_mapping, as_text
from gpumix.catalog.tables import Row, read_packaged
from gpumix.errors import InputError
from gpumix.reading import MEBIBYTE, MOST_BYTES, parse_json

TIMEOUT_S: Final = 30.0
MOST_PAGES: Final = 500
"""Pages of one list: Azure answers 1,000 items a page, of some 20,000 GPU meters."""
BACK_DAYS: Final = 7
"""Days to look back for the newest file of a source that writes one a day."""
NOT_FOUND: Final = 404
LIBRARY: Final = "gpuhunt"


@dataclass(frozen=True, slots=True)
class PriceSource:
    """A public source: its format, and its address ({year}, {month}, {date} are filled in)."""

    name: str
    format: str
    url: str


class NoAnswer(Exception):
    """A source that gave no list; the text says why."""


def load_sources(folder: Path | None = None) -> dict[str, PriceSource]:
    """The packaged sources by name, or a folder's `price_sources.csv`. Raises: DataError."""
    return {one.name: one for one in read_packaged("price_sources.csv", _source, folder)}


def _source(row: Row) -> PriceSource:
    kind = row.choice("format", tuple(FORMATS))
    return PriceSource(row.required_text("name"), kind, row.text("url"))


def ask(source: PriceSource, names: Names, today: date) -> tuple[Source, Format, Reading]:
    """What a source answers today. Raises: NoAnswer where it does not, or not in its format."""
    kind = FORMATS[source.format]
    try:
        if source.format == LIBRARY:
            reading = _from_library(source.name, today)
        elif source.format == "azure-retail":
            reading = _from_azure(source, today)
        else:
            text = _newest(source.url, today)
            reading = kind.read(Source(Path(source.name), text, source.name), names, today)
    except InputError as error:
        raise NoAnswer(f"answers in another form: {error.problems[0]}") from None
    return Source(Path(source.name), "", source.name), kind, reading


def _newest(url: str, today: date) -> str:
    """The newest text of a source that writes a file a day or month, or the only one."""
    days = [today - timedelta(days=n) for n in range(BACK_DAYS + 1)]
    urls = dict.fromkeys(
        url.format(year=f"{day:%Y}", month=f"{day:%m}", date=day.isoformat()) for day in days
    )
    for one in urls:
        text = _fetched(one)
        if text is not None:
            return text
    raise NoAnswer(f"has no list of the last {BACK_DAYS} days")


def _from_azure(source: PriceSource, today: date) -> Reading:
    """All pages of the list, each followed on the same host only."""
    reading = Reading()
    url, number = source.url, 0
    for _ in range(MOST_PAGES):
        text = _fetched(url)
        if text is None:
            raise NoAnswer("is not at its address any more")
        page = as_mapping(parse_json(text, source.name))
        items = page.get("Items")
        if not isinstance(items, list):
            raise NoAnswer("answers in another form: no Items")
        for item in items:
            azure_retail.add_item(as_mapping(item), f"{source.name} item {number}", reading, today)
            number += 1
        following = as_text(page.get("NextPageLink"))
        if not following:
            return reading
        if _host(following) != _host(source.url):
            raise NoAnswer(f"sends to another host, {_host(following)}")
        url = following
    raise NoAnswer(f"has more than {MOST_PAGES} pages")


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or ""


def _fetched(url: str) -> str | None:
    """The text at an address; None where nothing is there. Raises: NoAnswer."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise NoAnswer(f"has no web address: {url[:80]!r}")
    request = urllib.request.Request(url, headers={"User-Agent": "gpumix"})  # noqa: S310 (checked above)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            raw = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        if error.code == NOT_FOUND:
            return None
        raise NoAnswer(f"answers with HTTP {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(f"cannot be reached: {reason}") from None
    if len(raw) > MOST_BYTES:
        raise NoAnswer(f"answers with more than {MOST_BYTES // MEBIBYTE} MiB")
    try:
        return str(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NoAnswer("answers with what is not UTF-8 text") from None


def _from_library(name: str, today: date) -> Reading:
    """Offers of the library's catalogue, without the marketplaces that it asks live."""
    try:
        library = importlib.import_module(LIBRARY)
    except ImportError:
        raise NoAnswer("needs the gpuhunt library: pip install 'gpumix[prices]'") from None
    try:
        catalogue = library.Catalog(auto_reload=False)
        catalogue.load()
        items = list(catalogue.query())
    except Exception as error:  # whatever a third-party library raises is that source's failure
        raise NoAnswer(f"cannot be read: {error}") from None
    reading = Reading()
    for number, item in enumerate(items):
        found = asdict(item) if is_dataclass(item) and not isinstance(item, type) else {}
        gpuhunt.add_line(Line(_texts(found), f"{name} item {number}"), reading, as_of=today)
    return reading


def _texts(item: Mapping[str, Any]) -> dict[str, str]:
    """An item's values as the cells of gpuhunt's CSV: lists joined, names of kinds plain."""
    plain = {key: getattr(value, "value", value) for key, value in item.items()}
    return {
        k: " ".join(map(str, v)) if isinstance(v, list) else as_text(v) for k, v in plain.items()
    }
