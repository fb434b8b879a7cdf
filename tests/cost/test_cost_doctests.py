"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import gpumix.cost

MODULES = [f"gpumix.cost.{m.name}" for m in pkgutil.iter_modules(gpumix.cost.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
