"""The planner's first steps on a changed inventory: what a way out is proven with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import Problem
from gpumix.options.option import Option
from gpumix.plan.formulate import Formulation
from gpumix.plan.search import Found


class Again(Protocol):
    """The planner's first steps, as `plan.plan` takes them.

    `rough` leaves out simulation, where many GPUs come into question that the inventory does not
    allow; `countries` are those that anything is on offer in.
    """

    countries: Sequence[str]

    def formulation(self, inventory: Inventory, *, rough: bool = False) -> Formulation:
        """The mix problem of an inventory. Raises: InputError."""

    def found(self, inventory: Inventory, *, rough: bool = False) -> Found | None:
        """A mix that keeps every promise and limit of an inventory; None where none is found."""

    def options(self, inventory: Inventory, workload: Workload) -> Sequence[Option]:
        """What could do one of its workloads, the impossible included."""

    def why_hopeless(self, inventory: Inventory, workload: Workload) -> Problem:
        """Why nothing can do one of its workloads, and what would help."""
