"""Pages from templates: the web's own, then those of the report, so that both show one partial."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.filters import do_urlencode

import gpumix.report.pages
from gpumix import __version__, fields
from gpumix.report.tables import Column

HERE = Path(__file__).parent
STATIC = HERE / "static"
REPORT = Path(gpumix.report.pages.__file__).parent / "templates"


@functools.cache
def environment() -> jinja2.Environment:
    """What reads a template: text is escaped, and a name that is not given is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE / "templates", REPORT]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["explained"] = explained
    made.filters["plain"] = plain
    made.globals.update(label=fields.label, field=fields.field, version=__version__)
    return made


def page(template: str, values: Mapping[str, Any]) -> str:
    """A whole HTML document."""
    return environment().get_template(template).render(**values)


def explained(column: Column) -> str:
    """The registered name behind a column, for its page; empty where it is no field."""
    return _by_definition().get((column.name, column.definition), "")


def plain(stated: object) -> str:
    """A stated value as a form's field holds it.

    >>> plain(None), plain(150.0), plain(0.25), plain("h100")
    ('', '150', '0.25', 'h100')
    """
    if isinstance(stated, float) and stated.is_integer():
        return str(int(stated))
    return "" if stated is None else str(stated)


@functools.cache
def _by_definition() -> Mapping[tuple[str, str], str]:
    known = fields.registry().values()
    return {(own.name.rpartition(".")[2], own.definition): own.name for own in known}


def query_string(query: Mapping[str, Any], **other: Any) -> str:
    """A query as the part of an address that starts with `?`; what is None is left out.

    >>> query_string({"gpu": "h100", "sheet": None}, sort="age")
    '?gpu=h100&sort=age'
    """
    kept = {key: value for key, value in {**query, **other}.items() if value not in (None, "")}
    return f"?{do_urlencode(kept)}" if kept else ""
