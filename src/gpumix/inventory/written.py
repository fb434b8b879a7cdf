"""An error about an inventory's keys, with their values as the file has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpumix.catalog import Catalog
from gpumix.domain.quantities import number
from gpumix.errors import Change, Infeasible, Stated
from gpumix.inventory.places import quota_of
from gpumix.inventory.yaml import MOST_BYTES, parse
from gpumix.reading import read_text

OTHER_KEYS = {
    "peak_requests_per_s": ("requests_per_s", "trace"),
    "images_per_day": ("videos_per_day",),
    "capex": ("capex_usd",),
}
"""Keys that say the same as another, where a file has them instead."""


def as_written(error: Infeasible, path: Path, catalog: Catalog) -> Infeasible:
    """The same error in the words of the file that the inventory was read from."""
    text = read_text(path, "name the inventory file", most_bytes=MOST_BYTES)
    data = parse(text, path.name).data
    names = dict(_own_names(data, catalog))

    def of(stated: Stated) -> Stated:
        path = tuple(names.get(part, part) for part in stated.path)
        others = [(*path[:-1], key) for key in OTHER_KEYS.get(path[-1], ())]
        for one in (path, *others):
            value = _at(data, one)
            if value is not None:
                return Stated(one, _flow(value))
        return Stated(path, f"{stated.value} (not stated, assumed)" if stated.value else "")

    return Infeasible(
        error.message,
        [of(stated) for stated in error.conflict],
        [
            replace(
                way, changes=tuple(_changed(change, of(change.stated)) for change in way.changes)
            )
            for way in error.ways_out
        ],
    )


def _own_names(data: Any, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """What gpumix calls places and GPUs, and the keys the file has for them."""
    places = _at(data, ("supply", "cloud", "max_instances"))
    for name in places if isinstance(places, dict) else ():
        yield quota_of(name, 0, catalog.offers, catalog).place, name
    for gpus in (_at(data, ("supply", "owned")) or {}).values():
        for name in gpus:
            yield catalog.gpu(name).id, name


def _changed(change: Change, stated: Stated) -> Change:
    key, own = stated.path[-1], change.stated.path[-1]
    if key == own or key not in OTHER_KEYS.get(own, ()):
        return replace(change, stated=stated)
    if key == "trace":  # its own rate gives way to one that is stated
        return replace(change, stated=Stated((*stated.path[:-1], own)))
    value = change.value.removesuffix(" USD")
    if change.share is not None:
        value = f"{number(stated.value) * change.share:.6g}"
    return replace(change, stated=stated, value=value)


def _at(data: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of keys, of lists by `name`; None where there is none."""
    for key in path:
        if isinstance(data, list):
            data = {one.get("name"): one for one in data if isinstance(one, dict)}
        named = {str(k): v for k, v in data.items()} if isinstance(data, dict) else {}
        data = named.get(key)
    return data


def _flow(value: Any) -> str:
    """A value as YAML writes it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value)
