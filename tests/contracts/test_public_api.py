"""The names that other people may rely on."""

from __future__ import annotations

import importlib.metadata
import inspect
import pkgutil
import subprocess
import sys

import gpumix


def test_every_public_name_exists() -> None:
    for name in gpumix.__all__:
        assert getattr(gpumix, name) is not None
    assert len(gpumix.__all__) <= 16


def test_dir_shows_the_public_names_alone() -> None:
    assert dir(gpumix) == sorted([*gpumix.__all__, "__version__"])


def test_every_name_has_a_home_and_no_other_is_answered() -> None:
    assert set(gpumix._HOMES) == set(gpumix.__all__)
    assert not hasattr(gpumix, "no_such_name")


def test_no_room_hides_a_public_name() -> None:
    """Importing `gpumix.x` binds the module over a public function of that name."""
    rooms = {module.name for module in pkgutil.iter_modules(gpumix.__path__)}
    assert not rooms & set(gpumix.__all__)


def test_public_names_are_documented_and_come_from_gpumix() -> None:
    for name in gpumix.__all__:
        public = getattr(gpumix, name)
        assert inspect.getdoc(public), name
        assert public.__module__.startswith("gpumix."), name


def test_the_version_is_that_of_the_distribution() -> None:
    assert gpumix.__version__ == importlib.metadata.version("gpumix")


def test_importing_gpumix_loads_no_heavy_library() -> None:
    code = "import sys, gpumix.cli; print(*(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "highspy", "pydantic", "yaml", "numba", "jinja2", "vl_convert", "pyarrow"}
    assert not heavy & set(loaded)
