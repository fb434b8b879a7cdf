"""Which machines a provider joins by a network fast enough for a gang of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.offer import Offer


@dataclass(frozen=True, slots=True)
class Fabrics:
    """Provider -> patterns of machine names, in lower case, that have a fabric."""

    machines: Mapping[str, Sequence[str]]

    def joins(self, offer: Offer) -> bool:
        """Whether several of these machines form a gang: the offer's own word, else the table's.

        A provider that states no fabric has none.
        """
        if offer.has_fabric is not None:
            return offer.has_fabric
        name = offer.instance.lower()
        return any(fnmatchcase(name, own) for own in self.machines.get(offer.provider, ()))


def load_fabrics(folder: Path | None = None) -> Fabrics:
    """The packaged table, or a folder's. Raises: DataError naming every bad row."""
    machines: dict[str, list[str]] = {}
    for provider, pattern in read_packaged("fabrics.csv", _fabric, folder):
        machines.setdefault(provider, []).append(pattern)
    return Fabrics(machines)


def _fabric(row: Row) -> tuple[str, str]:
    return row.required_text("provider"), row.required_text("instances").lower()
