"""Mutants of the code: small changes of arithmetic, comparisons, constants and branches.

The changes are cosmic-ray's operators; those that only break types (`*` to `>>`) are not used, nor
are strings, annotations, decorators, `__all__`, `if TYPE_CHECKING` and what texts print touched.
"""

from __future__ import annotations

import ast
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

OPERATORS = (
    *(
        f"ReplaceBinaryOperator_{change}"
        for change in (
            "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
            "BitOr_BitAnd", "BitAnd_BitOr",
        )
    ),
    *(
        f"ReplaceComparisonOperator_{change}"
        for change in (
            "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt",
            "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is",
        )
    ),
    "ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_Invert",
    "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr",
    "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer",
    "ZeroIterationForLoop",
)  # fmt: skip
_ARITHMETIC = {"arith_expr", "term", "power", "expr", "and_expr"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `text` is the whole file after it, `before` and `after` its changed line."""

    path: Path
    line: int
    before: str
    after: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an operator can change a file: its n-th `occurrence` there."""

    path: Path
    line: int
    column: int
    operator: str
    occurrence: int


class _Finder(Visitor):  # type: ignore[misc]
    def __init__(self, names: Sequence[str]) -> None:
        provider = OperatorProvider()
        self.operators = {name: provider[name]() for name in names}
        self.met: Counter[str] = Counter()
        self.found: list[tuple[int, int, str, int]] = []

    def visit(self, node: Any) -> Any:
        for name, operator in self.operators.items():
            for (line, column), _ in operator.mutation_positions(node):
                if "Binary" not in name or node.parent.type in _ARITHMETIC:
                    self.found.append((line, column, name, self.met[name]))
                self.met[name] += 1
        return node


def places(path: Path) -> list[Place]:
    """Every place of a file that a mutant may change, in order."""
    text = path.read_text(encoding="utf-8")
    finder = _Finder(OPERATORS)
    finder.walk(get_ast(text))
    taboo = list(_untouched(ast.parse(text)))
    return sorted(
        Place(path, line, column, operator, occurrence)
        for line, column, operator, occurrence in finder.found
        if not any(begin <= (line, column) < end for begin, end in taboo)
    )


def _untouched(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each part begins and ends that does not compute: annotations, texts, decorators."""
    for node in ast.walk(tree):
        parts: list[Any] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [*node.decorator_list, node.returns]
        elif isinstance(node, ast.ClassDef):
            parts = node.decorator_list
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.JoinedStr) or _computes_nothing(node):
            parts = [node]
        for part in filter(None, parts):
            yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def _computes_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "strict"  # of zip: in code that is right it changes nothing
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def mutant_at(place: Place) -> Mutant | None:
    """The mutant of a place; None where the changed text is no Python."""
    text = place.path.read_text(encoding="utf-8")
    changed = mutate_code(text, OperatorProvider()[place.operator](), place.occurrence)
    try:
        return made(place.path, text, changed)
    except SyntaxError:
        return None


def made(path: Path, text: str, changed: str, name: str = "") -> Mutant:
    """The mutant that turns `text` into `changed`: its line is the first that differs.

    Raises:
        SyntaxError: the changed text is no Python.
    """
    compile(changed, str(path), "exec")
    lines = zip(text.splitlines(), changed.splitlines(), strict=False)
    line, old, new = next((n, a, b) for n, (a, b) in enumerate(lines, start=1) if a != b)
    return Mutant(path, line, old.strip(), new.strip(), changed, name)


def sample(paths: Sequence[Path], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the files, at as many places, drawn by seed; in order of their place.

    Each place draws a lot of its own from the seed, its file and the words of its line; the lowest
    lots are taken. So a change elsewhere in the code leaves the sample as it is but for what it
    touches, and two runs can be compared.
    """
    common = Path(os.path.commonpath(paths)) if len(paths) > 1 else paths[0].parent
    sites = [site for path in paths for site in _sites(path, f"{seed}:{path.relative_to(common)}")]
    drawn: list[Mutant] = []
    for lot, site in sorted(sites):
        mutant = mutant_at(random.Random(lot).choice(site))
        if mutant:
            drawn.append(mutant)
        if len(drawn) == count:
            break
    return sorted(drawn, key=lambda m: (m.path, m.line, m.after))


def _sites(path: Path, name: str) -> Iterator[tuple[float, list[Place]]]:
    """The lot of each place of a file with what may be done there; equal lines are counted."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    met: Counter[str] = Counter()
    by_line = groupby(places(path), lambda p: p.line)
    for number, found in by_line:
        text = lines[number - 1]
        met[text] += 1
        by_column = groupby(found, lambda p: p.column)
        for nth, (_, site) in enumerate(by_column):
            yield random.Random(f"{name}:{met[text]}:{nth}:{text}").random(), list(site)


def by_fragment(paths: Sequence[Path], name: str, old: str, new: str) -> list[Mutant]:
    """A mutant for every place where the source holds `old`.

    Raises:
        ValueError: no file holds it: the code has changed, and so must the fragment.
    """
    found = []
    for path in sorted(paths):
        text = path.read_text(encoding="utf-8")
        at = text.find(old)
        while at >= 0:
            found.append(made(path, text, text[:at] + new + text[at + len(old) :], name))
            at = text.find(old, at + 1)
    if not found:
        raise ValueError(f"{name}: no file holds {old!r}")
    return found


def by_line(root: Path, asked: str) -> Mutant:
    """The mutant of `file.py:LINE:old->new`, the first `old` of the line; the file from `root`.

    Raises:
        ValueError: the words have another form, or the line does not hold `old`.
    """
    try:
        file, number, change = asked.split(":", 2)
        old, new = change.split("->", 1)
        path, line = root / file, int(number)
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        at = lines[line - 1].index(old)
    except (ValueError, IndexError, OSError) as wrong:
        raise ValueError(f"{asked!r} is not file.py:LINE:old->new of the source") from wrong
    lines[line - 1] = lines[line - 1][:at] + new + lines[line - 1][at + len(old) :]
    return made(path, text, "".join(lines), asked)
