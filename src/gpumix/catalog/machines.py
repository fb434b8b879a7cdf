"""Names of machines: which GPU, memory and count they stand for, however they are spelt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Offer

Sold = tuple[str, int]
"""A GPU and how many of it a machine has."""

USUAL_COUNT: Final = 3
"""GPUs of which the catalogue lists a machine of a count, before that count is usual for any."""
LEAST_NAME: Final = 5
"""Characters of a machine's name that remain without the GPU's, before it may be compared so."""

_MEMORY: Final = r"(?<![0-9.])([0-9]{2,3})[\s_-]*g(?:i?b)?(?![a-wyz0-9])"
_FORM: Final = r"(?:sxm[0-9]?|pcie|nvlink|nvl)"
_NOT_CORES: Final = r"(?![0-9a-z.])(?!\s*(?:v?cpu|core))"
_WORDS: Final = re.compile(r"rtx|pro|ada|ws|[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Names:
    """What names of machines are read with: GPUs by id, a pattern of their families, and the
    memory sizes [GB] that a family is made in."""

    gpus: Mapping[str, Gpu]
    families: re.Pattern[str]
    sizes: Mapping[str, frozenset[float]]

    @classmethod
    def of(cls, gpus: Mapping[str, Gpu]) -> Names:
        """The reader for these GPUs; a family is what an id begins with, as `a100`."""
        sizes: dict[str, set[float]] = {}
        for id, gpu in gpus.items():
            sizes.setdefault(family(id), set()).add(gpu.mem_gib)
        found = sorted(sizes, key=lambda name: (-len(name), name))  # a100 before a10
        spelt = "|".join(r"[\W_]*".join(_WORDS.findall(name)) for name in found)
        pattern = rf"(?:(?<![a-z0-9])|(?<=[0-9]x))({spelt})(?![0-9])"
        return cls(gpus, re.compile(pattern), {name: frozenset(sizes[name]) for name in found})

    def families_in(self, name: str) -> frozenset[str]:
        """The families of GPUs that a name holds."""
        return frozenset(squeezed(found) for found in self.families.findall(name.lower()))

    def without_gpu(self, name: str) -> str:
        """A name less the GPU it holds, squeezed: `ND96asr_A100_v4` and `ND96asr_v4` are one."""
        return squeezed(self.families.sub(" ", _plain(name)))

    def is_machine(self, name: str) -> bool:
        """Whether a name denotes a size, and not only a GPU: `p5.48xlarge`, not `H100 SXM5`."""
        rest = re.sub(rf"{_MEMORY}|{_FORM}", " ", self.families.sub(" ", _plain(name)))
        return bool(re.search(r"[0-9]", rest))

    def other_memory(self, name: str, gpu: str) -> int | None:
        """The memory [GB] of a sister of this GPU that a name states, where it is not the GPU's."""
        own, sisters = self.gpus[gpu].mem_gib, self.sizes[family(gpu)]
        stated = {int(size) for size in re.findall(_MEMORY, name.lower())}
        after = rf"{self.families.pattern}[\s_-]*{_FORM}?[\s_(-]*([0-9]{{2,3}}){_NOT_CORES}"
        stated |= {int(size) for _, size in re.findall(after, name.lower())}
        other = (stated & sisters) - {own}
        return min(other) if other and own not in stated else None

    def is_other_gpu(self, name: str, gpu: str) -> bool:
        """Whether a name holds GPUs, and not this one."""
        named = self.families_in(name)
        return bool(named) and not any(_begins_alike(family(gpu), one) for one in named)


@dataclass(frozen=True, slots=True)
class Machines:
    """Machines that the catalogue knows, and the counts that each GPU is sold in."""

    names: Names
    exact: Mapping[tuple[str, str], frozenset[Sold]]
    without_gpu: Mapping[tuple[str, str], tuple[tuple[frozenset[str], Sold], ...]]
    counts: Mapping[str, frozenset[int]]

    @classmethod
    def of(cls, offers: Iterable[Offer], names: Names) -> Machines:
        """The machines of offers. One name may be several: "12-month reserved"."""
        exact: dict[tuple[str, str], set[Sold]] = {}
        without: dict[tuple[str, str], set[tuple[frozenset[str], Sold]]] = {}
        counts: dict[str, set[int]] = {}
        for offer in offers:
            sold = (offer.gpu, offer.gpus_per_instance)
            counts.setdefault(offer.gpu, set()).add(offer.gpus_per_instance)
            if names.is_machine(offer.instance):
                key = (offer.provider, squeezed(_plain(offer.instance)))
                exact.setdefault(key, set()).add(sold)
                key = (offer.provider, names.without_gpu(offer.instance))
                families = names.families_in(offer.instance)
                without.setdefault(key, set()).add((families, sold))
        return cls(
            names,
            {key: frozenset(sold) for key, sold in exact.items()},
            {key: tuple(found) for key, found in without.items()},
            _with_usual(counts, names.gpus),
        )

    def sold_as(self, provider: str, name: str) -> frozenset[Sold]:
        """GPUs and counts that a provider sells under a name; empty where it is unknown."""
        exact = self.exact.get((provider, squeezed(_plain(name))))
        if exact is not None:
            return exact
        rest = self.names.without_gpu(name)
        if len(rest) < LEAST_NAME or not self.names.is_machine(name):
            return frozenset()
        mine = self.names.families_in(name)
        alike = self.without_gpu.get((provider, rest), ())
        return frozenset(sold for theirs, sold in alike if not (mine and theirs) or mine == theirs)


def family(gpu: str) -> str:
    """What a GPU's id begins with.

    >>> family("a100-sxm-80gb")
    'a100'
    """
    return gpu.partition("-")[0]


def _begins_alike(one: str, other: str) -> bool:
    """Whether two families may be one part: sources write `A10` of an A10G."""
    return one.startswith(other) or other.startswith(one)


def squeezed(name: str) -> str:
    """A name in lower case, less all that is neither letter nor digit.

    >>> squeezed("BM.GPU.H100.8")
    'bmgpuh1008'
    """
    return re.sub(r"[\W_]", "", name.lower())


def _plain(name: str) -> str:
    """Azure names its machines with and without `Standard_`."""
    return re.sub(r"^standard[\W_]+", "", name.strip().lower())


def _with_usual(
    counts: Mapping[str, set[int]], gpus: Mapping[str, Gpu]
) -> dict[str, frozenset[int]]:
    """Each GPU's counts: those listed, the whole of its fast-link group, and the usual ones."""
    listed = Counter(count for found in counts.values() for count in found)
    usual = {count for count, n in listed.items() if n >= USUAL_COUNT}
    return {
        id: frozenset(usual | counts.get(id, set()) | {max(gpu.scale_up_domain, 1)})
        for id, gpu in gpus.items()
    }
