"""The templates of pages, and how they are read."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

CHART_PX = 900
"""Width of a chart that fills a page."""


@functools.cache
def environment() -> jinja2.Environment:
    """What reads a template: text is escaped, and a name that is not given is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
