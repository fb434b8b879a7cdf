"""Names that a shell completes: read from the packaged tables, never from a network."""

from __future__ import annotations

from collections.abc import Iterable


def gpus(begun: str) -> list[str]:
    """GPU ids; of a comma-separated list the last one is completed."""
    from gpumix.catalog import load

    before, comma, last = begun.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(last, load().gpus)]


def models(begun: str) -> list[str]:
    """Model ids."""
    from gpumix.catalog import load

    return _beginning(begun, load().models)


def providers(begun: str) -> list[str]:
    """Providers that the catalogue has prices of."""
    from gpumix.catalog import load

    return _beginning(begun, sorted({offer.provider for offer in load().listed}))


def quantities(begun: str) -> list[str]:
    """Printed quantities."""
    from gpumix import fields

    return _beginning(begun, fields.registry())


def _beginning(begun: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.lower().startswith(begun.lower())]
