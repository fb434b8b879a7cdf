"""House rules that no linter knows: file sizes, documented and typed public functions, names.

Run by `make lint`; prints every breach with its place and exits 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "gpumix"
MAX_LINES = 500
MEDIAN_LINES = 200
LARGEST_ROOM = 0.15
"""Lines of a file, of the middle one of all files, and share of the source that a room may hold."""
FORMULA_ROOMS = ("perf", "serving", "cost", "mix")
FORBIDDEN = {
    "an absolute path of a machine": re.compile(
        r"(?<![\w.-])/(?:wor[k]|hom[e]|roo[t]|far[m])/[A-Za-z]"
    ),
    "a package registry's host": re.compile(r"(?:pypi|pythonhosted|npmjs)\.(?:org|com)", re.I),
}


def _text_files() -> list[Path]:
    kept = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".csv", ".json", ".j2", ".css", ""}
    skipped = {".git", ".venv", "build", "dist", "gpumix-out", "__pycache__", ".mypy_cache"}

    def hidden(part: str) -> bool:
        return part.startswith(".") and part not in {".ci", ".github", ".gitattributes"}

    return [
        p
        for p in ROOT.rglob("*")
        if p.is_file()
        and p.suffix in kept
        and not skipped & set(p.relative_to(ROOT).parts)
        and not any(hidden(part) for part in p.relative_to(ROOT).parts)
    ]


def _breaches_of_text() -> list[str]:
    found = []
    for path in _text_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: holds {what}: {match.group()!r}")
    return found


def _public_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    nodes: list[ast.FunctionDef] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            nodes.append(node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            nodes += [n for n in node.body if isinstance(n, ast.FunctionDef)]
    return [n for n in nodes if not n.name.startswith("_")]


def _breaches_of_code() -> list[str]:
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        place = path.relative_to(ROOT)
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MAX_LINES:
            found.append(f"{place}: {lines} lines (at most {MAX_LINES}; is there a second idea?)")
        tree = ast.parse(text)
        if tree.body and not ast.get_docstring(tree):
            found.append(f"{place}:1: the module says nothing about itself")
        for node in _public_functions(tree):
            if not ast.get_docstring(node):
                found.append(f"{place}:{node.lineno}: public {node.name} has no docstring")
        for stray in ast.walk(tree):
            if isinstance(stray, ast.Assert):
                found.append(f"{place}:{stray.lineno}: assert is not an error message")
    return found


def _breaches_of_sizes() -> list[str]:
    """Whether files are short on the whole, and no room is the house."""
    lines: dict[Path, int] = {
        path.relative_to(SOURCE): path.read_text(encoding="utf-8").count("\n")
        for pattern in ("*.py", "*.j2", "*.css")
        for path in SOURCE.rglob(pattern)
    }
    rooms: Counter[str] = Counter()
    for path, count in lines.items():
        rooms[path.parts[0]] += count
    found = []
    if (middle := median(lines.values())) > MEDIAN_LINES:
        found.append(f"src: the middle file has {middle:.0f} lines (at most {MEDIAN_LINES})")
    room, count = rooms.most_common(1)[0]
    if (share := count / rooms.total()) > LARGEST_ROOM:
        found.append(f"src: {share:.1%} of the source is {room} (at most {LARGEST_ROOM:.0%})")
    return found


def _annotations(node: ast.FunctionDef) -> list[ast.expr]:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    every += [a for a in (node.args.vararg, node.args.kwarg) if a is not None]
    return [a for a in (*(arg.annotation for arg in every), node.returns) if a is not None]


def _breaches_of_types() -> list[str]:
    """Signatures of the rooms of formulas that take or give anything at all."""
    found = []
    for path in sorted(
        p for room in FORMULA_ROOMS for p in (ROOT / "src/gpumix" / room).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            words = {ast.unparse(n) for a in _annotations(node) for n in ast.walk(a)}
            if words & {"Any", "typing.Any"}:
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append(f"{place}: {node.name} takes or gives Any: say which type")
    return found


def main() -> int:
    """Print every breach; 1 if there is any."""
    found = [
        *_breaches_of_text(), *_breaches_of_code(), *_breaches_of_sizes(), *_breaches_of_types()
    ]  # fmt: skip
    print("\n".join(found) if found else "style: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
