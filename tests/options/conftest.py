"""Fixtures of a served team, shared by the rooms that plan it."""

from __future__ import annotations

from served import catalog, inventory, tried

__all__ = ["catalog", "inventory", "tried"]
