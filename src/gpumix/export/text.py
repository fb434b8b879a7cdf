"""Text of a plan in other programs' files: comments of one line, names, YAML.

What people called things is hostile: no name ends a comment, a quoted word or a YAML value.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from gpumix.domain.exported import PlanOrigin

ANNOTATION: Final = "gpumix.io/plan"
_WIDTH = 96
_HUB_NAME: Final = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?", re.ASCII)


def one_line(text: str) -> str:
    r"""A text without anything that ends a line or that a terminal obeys.

    >>> one_line("a\nb\x1b[31m\u2028c")
    'a b [31m c'
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())


def comments(lines: Iterable[str]) -> str:
    r"""Lines as comments of a shell or YAML file, the long ones broken.

    >>> comments(["one\nrm -rf /", ""])
    '# one rm -rf /\n#\n'
    """
    broken = (part for line in lines for part in _broken(one_line(line)))
    return "".join(f"# {part}".rstrip() + "\n" for part in broken)


def _broken(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def origin_lines(origin: PlanOrigin) -> list[str]:
    """Where a file comes from, for its head."""
    return [
        f"Plan: {origin.plan} ({origin.as_of}); plan.json sha256:{origin.sha256}",
        f"Written by gpumix {origin.version} (gpumix export). Export again rather than edit.",
    ]


def origin_labels(origin: PlanOrigin) -> dict[str, str]:
    """Annotations that say where an object comes from."""
    return {
        ANNOTATION: f"sha256:{origin.sha256}",
        "gpumix.io/plan-name": one_line(origin.plan),
        "gpumix.io/plan-date": origin.as_of,
        "gpumix.io/version": origin.version,
    }


def short_name(name: str, longest: int) -> str:
    """A name that begins with a letter, of so many characters at the most; what is cut leaves a
    digest, so that two names stay two.

    >>> short_name("3d-render", 20), short_name("a" * 30, 20)
    ('w-3d-render', 'aaaaaaaaaaa-3a54fc0c')
    """
    whole = name if name[:1].isalpha() else f"w-{name}"
    if len(whole) <= longest:
        return whole
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{whole[: longest - 9].rstrip('-')}-{digest}"


def is_hub_name(model: str) -> bool:
    """Whether a model's name can be one of the Hugging Face hub.

    >>> is_hub_name("Qwen/Qwen2.5-32B-Instruct"), is_hub_name("my model; rm -rf /")
    (True, False)
    >>> is_hub_name("--trust-remote-code")
    False
    """
    return _HUB_NAME.fullmatch(model) is not None


class _Dumper(yaml.SafeDumper):
    """Blocks of text as blocks, lists indented under their key, everything written out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(*documents: Mapping[str, Any]) -> str:
    """Documents as YAML, in the order of their keys."""
    return yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
