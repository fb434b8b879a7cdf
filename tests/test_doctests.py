"""Every example in a docstring gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gpumix

MODULES = [
    module.name
    for module in pkgutil.walk_packages(gpumix.__path__, "gpumix.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = doctest.DocTestFinder(exclude_empty=True)
    held = sum(
        bool(one.examples)
        for name in MODULES
        for one in found.find(importlib.import_module(name))
        if one.name.startswith(name)
    )
    assert held > 80
