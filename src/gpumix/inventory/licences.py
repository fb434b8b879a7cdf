"""Licences of an inventory: software that is paid for on the GPUs of its own servers."""

from __future__ import annotations

from collections.abc import Mapping

from gpumix.domain.site import AI_ENTERPRISE, Licence
from gpumix.inventory.schema import LicenceSpec
from gpumix.inventory.today import Reading
from gpumix.inventory.yaml import KeyPath

ALL = "all"
"""Stands for the GPUs of every server."""


def licences_of(stated: Mapping[str, LicenceSpec], lent: Reading) -> tuple[Licence, ...]:
    """Every stated licence; what is wrong is noted at its key."""
    found = []
    for name, spec in stated.items():
        path: KeyPath = ("licences", name)
        if spec.usd_per_gpu_year is None and name != AI_ENTERPRISE:
            lent.say(
                path,
                "states no price, and none is known of it",
                f"add usd_per_gpu_year; a price is known of {AI_ENTERPRISE} only",
            )
        gpus = None if spec.on == [ALL] else tuple(lent.gpus((*path, "on"), spec.on))
        found.append(Licence(name, spec.usd_per_gpu_year, gpus))
    return tuple(found)
