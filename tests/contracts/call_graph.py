"""Who uses whom in src/gpumix, read from the source: names followed through imports and modules.

A use is a name or an attribute in code; a dotted path in a string is none. A method counts as used
where its name is taken of any object by code that is used itself, and its class is used too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_CALLED_BY_NAME = {"property", "cached_property", "staticmethod", "classmethod"}


@dataclass(slots=True)
class Definition:
    """A function, class, method, constant or module, and what its code mentions."""

    path: str
    lines: int
    is_code: bool
    """A function, class or method: neither a constant nor a module's own statements."""
    uses: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    methods: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Module:
    path: str
    tree: ast.Module
    names: dict[str, str]
    """Dotted path of every name at its top, imported ones too."""


def call_graph(source: Path = SOURCE, package: str = "gpumix") -> dict[str, Definition]:
    """Every definition of the package by its dotted path."""
    modules = {module.path: module for module in _modules(source, package)}
    found: dict[str, Definition] = {}
    for module in modules.values():
        for one in _definitions(module, modules):
            one.uses = {_home(path, modules) for path in one.uses} | {statements_of(module.path)}
            found.setdefault(one.path, one)
    return found


def statements_of(module: str) -> str:
    """The path under which a module's own statements stand: they run when it is imported."""
    return f"{module}:"


def home(path: str, source: Path = SOURCE, package: str = "gpumix") -> str:
    """Where a name that packages pass on is defined."""
    return _home(path, {module.path: module for module in _modules(source, package)})


def reachable(graph: dict[str, Definition], roots: Iterable[str]) -> set[str]:
    """The paths that the roots' code uses, directly or through others."""
    owners: dict[str, list[str]] = defaultdict(list)
    for one in graph.values():
        for method in one.methods:
            owners[method.rpartition(".")[2]].append(one.path)
    reached: set[str] = set()
    taken: set[str] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path in reached or path not in graph:
            continue
        reached.add(path)
        one = graph[path]
        waiting += one.uses
        for name in one.attributes - taken:
            waiting += [f"{owner}.{name}" for owner in owners[name] if owner in reached]
        taken |= one.attributes
        waiting += [m for m in one.methods if m.rpartition(".")[2] in taken]
    return reached


def _modules(source: Path, package: str) -> Iterator[_Module]:
    for file in sorted((source / package).rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        path = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        own = {name: f"{path}.{name}" for s in tree.body for name in _names_of(s)}
        yield _Module(path, tree, own | _imports(tree))


def _names_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _imports(node: ast.AST) -> dict[str, str]:
    """Names that the imports of a module or a function bind, not those of functions within."""
    found: dict[str, str] = {}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            found |= {a.asname or a.name: f"{child.module}.{a.name}" for a in child.names}
        elif isinstance(child, ast.Import):
            for a in child.names:
                first = a.name.partition(".")[0]
                found[a.asname or first] = a.name if a.asname else first
        elif not isinstance(child, _Function | ast.ClassDef):
            found |= _imports(child)
    return found


def _home(path: str, modules: dict[str, _Module]) -> str:
    """A path as defined: `a.f` where `a` imports `f` from `b` is `b.f`."""
    seen: set[str] = set()
    while path not in seen:
        seen.add(path)
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = modules.get(".".join(parts[:cut]))
            if module is not None:
                known = module.names.get(parts[cut])
                path = ".".join([known, *parts[cut + 1 :]]) if known else path
                break
    return path


def _definitions(module: _Module, modules: dict[str, _Module]) -> Iterator[Definition]:
    whole = Definition(statements_of(module.path), 0, is_code=False)
    for statement in module.tree.body:
        names = _names_of(statement)
        if isinstance(statement, ast.ClassDef):
            yield from _class(statement, module, modules)
        elif names:
            function = isinstance(statement, ast.FunctionDef)
            for name in names:
                one = Definition(f"{module.path}.{name}", _lines(statement), is_code=function)
                _Reader(one, module, modules).visit(statement)
                yield one
        else:
            _Reader(whole, module, modules).visit(statement)
    yield whole


def _class(
    node: ast.ClassDef, module: _Module, modules: dict[str, _Module]
) -> Iterator[Definition]:
    path = f"{module.path}.{node.name}"
    whole = Definition(path, _lines(node), is_code=True)
    reader = _Reader(whole, module, modules)
    for part in [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]:
        reader.visit(part)
    inherits = any(isinstance(b, ast.Attribute) and not reader.path(b) for b in node.bases)
    for statement in node.body:
        method = isinstance(statement, ast.FunctionDef) and _is_called_by_name(statement)
        if method and not inherits:
            method = Definition(f"{path}.{statement.name}", _lines(statement), is_code=True)
            whole.methods.append(method.path)
            _Reader(method, module, modules).visit(statement)
            yield method
        else:
            reader.visit(statement)
    yield whole


def _is_called_by_name(method: ast.FunctionDef) -> bool:
    """Neither called by Python itself (`__init__`) nor by whoever decorates it (a validator)."""
    decorators = [d.func if isinstance(d, ast.Call) else d for d in method.decorator_list]
    names = {ast.unparse(d).rpartition(".")[2] for d in decorators}
    return names <= _CALLED_BY_NAME and not method.name.startswith("__")


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


class _Reader(ast.NodeVisitor):
    """Writes down what a definition mentions; names bound in a function hide the module's."""

    def __init__(self, into: Definition, module: _Module, modules: dict[str, _Module]) -> None:
        self.into, self.modules = into, modules
        self.scopes: list[dict[str, str]] = [module.names]

    def visit_Name(self, node: ast.Name) -> None:
        path = self.path(node)
        if path:
            self.into.uses.add(path)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self.path(node)
        if path:
            self.into.uses.add(path)
        else:
            self.into.attributes.add(node.attr)
        self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
        for part in (*outside, node.returns, *(a.annotation for a in _arguments(node))):
            if part is not None:
                self.visit(part)
        self._within(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._within(node, [node.body])

    def _comprehension(self, node: _Comprehension) -> None:
        self._within(node, list(ast.iter_child_nodes(node)))

    visit_ListComp = _comprehension  # noqa: N815 (the names of ast.NodeVisitor)
    visit_SetComp = _comprehension  # noqa: N815
    visit_DictComp = _comprehension  # noqa: N815
    visit_GeneratorExp = _comprehension  # noqa: N815

    def _within(self, node: ast.AST, body: list[ast.AST]) -> None:
        bound = dict.fromkeys(_bound(node), "")
        self.scopes.append(bound | _imports(node))
        for part in body:
            self.visit(part)
        self.scopes.pop()

    def path(self, node: ast.expr) -> str:
        """The dotted path of a name, or of an attribute of a module or class; else empty."""
        if isinstance(node, ast.Name):
            found = next((s[node.id] for s in reversed(self.scopes) if node.id in s), "")
            return found if found.startswith("gpumix") else ""
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            real = _home(owner, self.modules) if owner else ""
            if real in self.modules or real.rpartition(".")[2][:1].isupper():
                return f"{real}.{node.attr}"
        return ""


def _arguments(node: ast.FunctionDef | ast.Lambda) -> list[ast.arg]:
    known = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return known + [a for a in (node.args.vararg, node.args.kwarg) if a is not None]


def _bound(node: ast.AST) -> set[str]:
    """Names that a function or comprehension binds itself."""
    found: set[str] = set()
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        found |= {a.arg for a in _arguments(node)}
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        child = waiting.pop()
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            found.add(child.name)
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            found.add(child.id)
        if not isinstance(child, _Function | ast.ClassDef | _Comprehension):
            waiting += ast.iter_child_nodes(child)
    return found
