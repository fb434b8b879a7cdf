"""What people and tools call a GPU: `H100 80GB`, `8xH100`, `NVIDIA A100-SXM4-80GB`,
`p5.48xlarge`. Each means one part; where it leaves several, the one that most providers list."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gpumix.catalog.machines import squeezed
from gpumix.domain.gpu import Gpu, NamedGpu, family_of
from gpumix.errors import UnknownName, shortened

_COUNT: Final = re.compile(
    r"\s*(\d{1,4})\s*[x×*]\s*(?=[a-z])|(?<=[a-z0-9])\s*(?:[x×]\s*|:)(\d{1,2})\s*$"
)
_MEMORY: Final = re.compile(r"(?<![\w.])(\d{2,3})\s*(?:gi?b?)(?![\w])")
_FORM: Final = re.compile(r"(?<![a-z])(sxm|pcie|nvl)\d?(?![a-z0-9])")
_MEM_TYPE: Final = re.compile(r"(?<![a-z0-9])(hbm\d?e?|gddr\d?x?)(?![a-z0-9])")
_SILENT: Final = re.compile(
    r"(?<![a-z0-9])(?:nvidia|amd|intel|tesla|geforce|instinct|habana|quadro|accelerators?|gpus?|"
    r"generation|edition|server|blackwell|tensor|core|hgx|oam|dgx|cards?)(?![a-z0-9])"
)
"""Words in the names of drivers and sellers that tell no part from another."""
_NEAREST: Final = 3
WHERE: Final = "all ids: src/gpumix/data/gpus.csv, or add yours with a GPU sheet"
_HOST_MEMORY_GB: Final = 400
"""A superchip's driver names its processor's memory: `GH200 480GB`."""


@dataclass(frozen=True, slots=True)
class GpuNames:
    """The names that a catalogue knows GPUs by: ids, other spellings, rented machines."""

    gpus: Mapping[str, Gpu]
    exact: Mapping[str, str]
    ambiguous: Mapping[str, str]
    machines: Mapping[str, tuple[str, int]]

    @classmethod
    def of(
        cls,
        gpus: Mapping[str, Gpu],
        aliases: Mapping[str, str],
        ambiguous: Mapping[str, str],
        machines: Mapping[str, tuple[str, int]],
    ) -> GpuNames:
        """The names of GPUs; `ambiguous` says of an alias what it does not state."""
        known = {alias: id for alias, id in aliases.items() if id in gpus}
        exact = {squeezed(alias): id for alias, id in known.items()}
        exact |= {squeezed(id): id for id in gpus}
        sold = {name: one for name, one in machines.items() if one[0] in gpus}
        return cls(gpus, exact, {squeezed(a): note for a, note in ambiguous.items()}, sold)

    def named(self, name: str, place: str, usual: Callable[[Sequence[str]], str]) -> NamedGpu:
        """What a name means; `usual` chooses where it leaves several forms.

        Raises: UnknownName with the nearest three.
        """
        if name in self.gpus:
            return NamedGpu(self.gpus[name])
        known = self.exact.get(squeezed(name))
        if known is not None:
            note = self.ambiguous.get(squeezed(name), "")
            return NamedGpu(self.gpus[known], None, note and f"{name} counts as {known}: {note}")
        machine = self.machines.get(squeezed(name))
        if machine is not None:
            id, size = machine
            return NamedGpu(self.gpus[id], size, f"{name} is {size} x {id}")
        found, count = self._described(name)
        if not found:
            fix = f"did you mean {', '.join(self.nearest(name))}? {WHERE}"
            raise UnknownName(place, "GPU", name, self.gpus, fix)
        id = found[0] if len(found) == 1 else usual(found)
        others = ", ".join(one for one in found if one != id)
        note = f"{shortened(name)} counts as {id}" + (f", not {others}" if others else "")
        return NamedGpu(self.gpus[id], count, note)

    def _described(self, name: str) -> tuple[list[str], int | None]:
        """The GPUs that a description leaves, and a count that it states."""
        text = re.sub(r"[_\-/(),®™]+", " ", name.lower()).strip()
        counted = _COUNT.search(text)
        count = int(counted[1] or counted[2]) if counted else None
        if counted:
            text = text[: counted.start()] + text[counted.end() :]
        memory, form, kind = _MEMORY.search(text), _FORM.search(text), _MEM_TYPE.search(text)
        family = text
        for pattern in (_MEMORY, _FORM, _MEM_TYPE, _SILENT):
            family = pattern.sub(" ", family)
        family = squeezed(family)
        found = [id for id in self.gpus if squeezed(family_of(id)) == family]
        if memory and int(memory[1]) < _HOST_MEMORY_GB:
            found = [id for id in found if f"{memory[1]}gb" in id.split("-")]
        if form:
            found = [id for id in found if form[1] in id.split("-")]
        if kind:
            same = [id for id in found if self.gpus[id].mem_type.lower() == kind[1]]
            found = same or found
        return ([], None) if count == 0 else (found, count)

    def nearest(self, name: str) -> list[str]:
        """The three ids that are most like a name."""
        low = name.lower()[:80]

        def likeness(id: str) -> float:
            whole = difflib.SequenceMatcher(None, low, id).ratio()
            return max(whole, difflib.SequenceMatcher(None, low, family_of(id).lower()).ratio())

        return sorted(self.gpus, key=likeness, reverse=True)[:_NEAREST]
