"""Nothing that gpumix prints, computes or raises may be undocumented."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gpumix import errors, fields
from gpumix.domain import (
    api_plan,
    comparison,
    confidence,
    evidence,
    job,
    money,
    plan,
    proof,
    room,
    scenarios,
    today_plan,
    training_comparison,
    worth,
)
from gpumix.verbs import explain

ROOT = Path(__file__).resolve().parents[2]
RECORDS = [
    member
    for module in (
        plan,
        scenarios,
        proof,
        job,
        money,
        api_plan,
        today_plan,
        comparison,
        confidence,
        training_comparison,
        evidence,
        worth,
        room,
    )
    for _, member in inspect.getmembers(module, dataclasses.is_dataclass)
    if member.__module__ == module.__name__
]
ERRORS = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, errors.GpumixError)
]
NUMERIC = re.compile(r"^(tuple\[)?(float|int|Values?|Floats?|FloatArray)\b")
NOT_FORMULAS = {  # numbers looked up, or passed on, with nothing computed
    "gpumix.cost.book": "reads a cost parameter's row",
    "gpumix.serving.simulator.replica": "says when something happens next",
    "gpumix.serving.simulator.scaling": "says when something happens next",
    "gpumix.perf.inference.questions": "hands questions to the formulas, picks the answer",
}


def _build_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "tools" / "build_docs.py")
    if spec is None or spec.loader is None:
        pytest.fail("tools/build_docs.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _formulas() -> dict[str, str]:
    """Docstrings of the public functions of the engines that return numbers."""
    return {
        path: inspect.getdoc(function) or ""
        for path, function in explain.public_functions().items()
        if path.rpartition(".")[0] not in NOT_FORMULAS
        and NUMERIC.match(str(inspect.signature(function).return_annotation))
    }


@pytest.mark.parametrize(
    ("record", "name"),
    [(record, f.name) for record in RECORDS for f in dataclasses.fields(record)],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_every_field_of_a_printed_record_is_registered(record: type, name: str) -> None:
    own = fields.field(name, record)
    assert own.definition.endswith(".")
    assert own.label


def test_renderers_use_registered_names_only() -> None:
    used: set[str] = set()
    calls = re.compile(
        r"(?:format_value|format_interval|interval_parts|fields\.field|fields\.label|column|value"
        r"|money|estimate)\(\s*\"([a-z_0-9]+)\"|^\s+\(\s*\"([a-z_0-9]+)\", (?:lambda|_)",
        re.MULTILINE,
    )
    for path in (ROOT / "src/gpumix/report").rglob("*.py"):
        used |= {a or b for a, b in calls.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 50
    plain = {name.rpartition(".")[2] for name in fields.registry()}
    assert used <= plain, f"not in fields.csv: {sorted(used - plain)}"


def test_every_example_prints_as_its_field_says() -> None:
    for own in fields.registry().values():
        shown = fields.format_value(own, float(own.example) if own.is_number else own.example)
        assert shown != fields.ABSENT, own.name
        assert shown != "0", own.name


@pytest.mark.parametrize("name", [n for n, f in fields.registry().items() if f.formula])
def test_every_registered_formula_is_a_function_with_a_source(name: str) -> None:
    formula = explain.formula_at(fields.field(name).formula)
    assert formula.summary
    assert formula.source, f"{formula.path} has no 'Source:'"


def test_every_formula_names_its_source() -> None:
    silent = [path for path, text in _formulas().items() if "Source:" not in text]
    assert not silent, f"no 'Source:' in the docstrings of {silent}"


def test_every_formula_states_units() -> None:
    silent = [path for path, text in _formulas().items() if not re.search(r"\[[^\]]+\]", text)]
    assert not silent, f"no unit in brackets in the docstrings of {silent}"


def test_exemptions_still_exist() -> None:
    modules = {path.rpartition(".")[0] for path in explain.public_functions()}
    assert set(NOT_FORMULAS) <= modules


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e.__name__)
def test_every_error_is_described(error: type[Exception]) -> None:
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{error.__name__}`"))
    assert row.rstrip(" |").endswith(str(error.exit_code))  # type: ignore[attr-defined]


def test_generated_pages_are_fresh() -> None:
    assert _build_docs().stale() == []


def test_check_mode_tells_a_stale_page(tmp_path: Path) -> None:
    builder = _build_docs()
    builder.DOCS = tmp_path
    assert builder.main(["--check"]) == 1
    builder.main([])
    assert builder.main(["--check"]) == 0
    (tmp_path / "fields.md").write_text("old", encoding="utf-8")
    assert builder.main(["--check"]) == 1


def test_every_verb_is_documented() -> None:
    verbs = _build_docs().verbs()
    if not verbs:
        pytest.skip("there is no command line yet")
    page = (ROOT / "docs" / "verbs.md").read_text(encoding="utf-8")
    missing = [verb for verb in verbs if f"## gpumix {verb}" not in page]
    assert not missing


def test_every_endpoint_is_documented() -> None:
    _build_docs()  # its folder on the path
    from manual.rest import endpoints, openapi, properties

    api = openapi()
    if api is None:
        pytest.skip("gpumix[web] is not installed")
    page = (ROOT / "docs" / "rest.md").read_text(encoding="utf-8")
    asked = list(endpoints(api))
    assert len(asked) > 10
    for method, path, operation in asked:
        part = page.partition(f"### {method} {path}\n")[2].partition("\n#")[0]
        assert operation.get("description", operation["summary"]) in part, path
        for parameter in operation.get("parameters", []):
            assert f"- `{parameter['name']}`" in part, (path, parameter["name"])
        for kind in operation.get("requestBody", {}).get("content", {}).values():
            for held in properties(kind["schema"], api["components"]["schemas"]):
                assert f"- `{held['name']}`" in part, (path, held["name"])
                assert held["schema"].get("description"), (path, held["name"])


def test_the_house_is_drawn_whole() -> None:
    from manual.house import floors

    page = (ROOT / "docs" / "house.svg").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "src/gpumix").glob("*/__init__.py")} - {"data"}
    assert rooms <= {room for floor in floors() for room in floor}
    assert all(f">{room}</text>" in page for room in rooms)


def test_build_docs_runs_as_a_script() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "build_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
