"""What a user of the wheel gets: the package whole, its data, its licence."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections import Counter
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import gpumix

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gpumix"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = str(tmp_path_factory.mktemp("wheel"))
    return zipfile.ZipFile(next(WheelBuilder(str(ROOT)).build(directory=folder)))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode("utf-8"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    ours = {
        path.relative_to(ROOT / "src").as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {"gpumix/py.typed", "gpumix/data/prices.csv", "gpumix/data/starter.yaml"} <= held
    assert held == ours


def test_licence_and_notice_travel_with_the_wheel(wheel: zipfile.ZipFile) -> None:
    licences = {
        name.rpartition("/")[2] for name in wheel.namelist() if ".dist-info/licenses/" in name
    }
    assert licences == {"LICENSE", "NOTICE"}


def test_the_metadata_say_what_it_is(metadata: Message) -> None:
    assert metadata["Version"] == gpumix.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_every_run_time_requirement_is_pinned(metadata: Message) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [_normal(line.partition("==")[0]) for line in lines]
    assert [name for name, n in Counter(pinned).items() if n > 1] == []
    needed = {
        _normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        for requirement in metadata.get_all("Requires-Dist", [])
    }
    assert "numpy" in needed
    assert needed <= set(pinned)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_source_archive_can_be_tested(tmp_path: Path) -> None:
    archive = next(SdistBuilder(str(ROOT)).build(directory=str(tmp_path)))
    with tarfile.open(archive) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    needed = {"LICENSE", "NOTICE", "CHANGELOG.md", "Makefile", "constraints.txt", "docs/index.md"}
    assert needed | {"src/gpumix/py.typed", "tests/conftest.py", "tools/build_docs.py"} <= names
    not_for_others = re.compile(r"\.(git|venv|ci|github)(/|$)|gpumix-out|dist/")
    assert [name for name in names if not_for_others.match(name)] == []
