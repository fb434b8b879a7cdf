"""How files are written: the plan that they come from first, remarks as comments, the same bytes
for the same plan.

What people wrote (names of plans and workloads) stands only where a reader of the format takes it
for text: escaped in comments, quoted by the YAML or JSON writer, never in a query.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gpumix.errors import printable
from gpumix.guard.holding import Stamp

Body = Mapping[str, Any]
_WIDTH = 98


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a YAML file and the remarks before it."""

    body: Body
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A file of one target: its name, its text, and how many objects it holds."""

    name: str
    text: str
    objects: int


def comment(text: str) -> str:
    """A remark as lines of comment that end nothing and start nothing.

    >>> comment("two" + chr(10) + "lines")
    '# two\\\\nlines'
    """
    return textwrap.fill(
        printable(text),
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def head(stamp: Stamp, about: str, remarks: Iterable[str] = ()) -> str:
    """The first lines of a file with comments: what it is, its plan, what to know."""
    of_plan = (
        f"Plan {stamp.name!r} as of {stamp.as_of}, sha256 {stamp.sha256}; written by gpumix "
        f"{stamp.version}. Do not edit: write it again from the next plan."
    )
    return "\n".join(comment(line) for line in (about, of_plan, *remarks)) + "\n"


def origin(stamp: Stamp) -> dict[str, str]:
    """What every object of Kubernetes says of its plan."""
    return {
        "gpumix.io/plan": f"sha256:{stamp.sha256}",
        "gpumix.io/plan-name": stamp.name,
        "gpumix.io/plan-date": stamp.as_of.isoformat(),
        "gpumix.io/version": stamp.version,
    }


def metadata(stamp: Stamp, name: str, namespace: str = "") -> dict[str, Any]:
    """`metadata` of an object of Kubernetes."""
    place = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **place,
        "labels": {"app.kubernetes.io/managed-by": "gpumix"},
        "annotations": origin(stamp),
    }


def yaml_file(name: str, first: str, documents: Sequence[Document]) -> Written:
    """A file of YAML documents after its head."""
    parts = [
        "".join(f"{comment(remark)}\n" for remark in one.remarks) + dump(one.body)
        for one in documents
    ]
    return Written(name, first + "---\n" + "---\n".join(parts), len(documents))


def dump(body: object) -> str:
    """YAML of plain values, keys in their order; lists are indented."""
    return yaml.dump(
        body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000,
        default_flow_style=False,
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Lists two spaces in, nothing by reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without indent."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Always: each value is written out."""
        return True
