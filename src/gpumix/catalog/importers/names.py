"""Names in foreign price files -> providers, machines, GPUs and regions of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from gpumix.catalog.offers import load_regions
from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.gpu import Gpu

MEMORY_WITHIN: Final = 0.09
"""A memory names a card within this share: 192 GB on the box of 180, 45,776 MiB free of 48 GiB."""
MIXED_FORMS: Final = ("a100", "v100")
"""GPUs that marketplaces rent as PCIe and as SXM under one name."""

_MACHINE_SHAPES: Final = (
    (r"standard_n[cdv]\d+\w*", "azure"),
    (r"(?:[gp]\d\w*(?:-\w+)?|gr6)\.(?:\d*xlarge|metal)", "aws"),
    (r"(?:a[234]x?|g[24])-(?:high|mega|ultra|edge|standard).*", "gcp"),
    (r"(?:bm|vm)\.gpu.*", "oci"),
    (r"gpu_\d+x_\w+", "lambda"),
    (r"\d+x_.*_(?:secure|community)", "runpod"),
    (r"[a-z0-9-]+-\d+gb(?:-\w+)*\.\d+x", "crusoe"),
    (r"gpu-\w+-\w+_\d+gpu.*", "nebius"),
    (r"\d[a-z0-9]+(?:\.\d+s)?\.\d+v", "verda"),
)
"""Shapes of machine names that only one provider uses."""
_FAMILIES: Final = (
    (r"rtx[\s_-]*pro[\s_-]*6000[\s_a-z]*(?:ws|workstation|max-?q)", "rtxpro6000ws"),
    (r"rtx[\s_-]*pro[\s_-]*6000\w*", "rtxpro6000"),
    (r"rtx[\s_-]*6000[\s_-]*pro", "rtxpro6000"),
    (r"(?:rtx[\s_-]*)?6000[\s_-]*ada\w*", "rtx6000ada"),
    (r"(?:rtx[\s_-]*)?4000[\s_-]*ada\w*", "rtx4000ada"),
    (r"(?:rtx[\s_-]*)?a6000", "rtxa6000"),
    (r"(?:rtx[\s_-]*)?4090[\s_-]*d\b", "rtx4090d"),
    (r"(?:rtx[\s_-]*)?5090", "rtx5090"),
    (r"(?:rtx[\s_-]*)?4090", "rtx4090"),
    (r"(?:rtx[\s_-]*)?3090", "rtx3090"),
    (r"gaudi[\s_-]*2", "gaudi2"),
    (r"gaudi[\s_-]*3", "gaudi3"),
    *((rf"mi[\s_-]?{n}x?", f"mi{n}x") for n in (355, 350, 325, 300)),
    *((rf"{name}", name) for name in (
        "gb300", "gb200", "gh200", "h800", "h200", "h100", "h20", "b300", "b200", "b100", "a800",
        "a100", "a40", "a30", "a10g", "a10", "l40s", "l40", "l4", "v100s", "v100",
    )),
    (r"t4(?!g)", "t4"),
)  # fmt: skip
"""Spelling of a GPU's name -> how ids of the catalogue begin; the longer before the shorter."""
_COUNT_BEFORE = re.compile(r"(?<![a-z0-9])\d+x?(?=[a-z]+\d)")
_FORMS: Final = (
    ("sxm", re.compile(r"sxm|hgx|dgx|hbm3")),
    ("nvl", re.compile(r"(?<![a-z])nvl(?![a-z0-9])")),
    ("pcie", re.compile(r"pci-?e")),
)
_MEMORY = re.compile(r"(?<![\d.])(\d{2,3})\s?-?gi?b?(?![a-z0-9])", re.I)
_SLICE = re.compile(r"\bmig\b|\d+g\.\d+gb|\bv?gpu-?slice", re.I)
_UNSTATED = re.compile(r"form (?:factor )?(?:unstated|unknown|mixed)", re.I)
_ZONED: Final = {
    "aws": re.compile(r"^([a-z]{2}(?:-[a-z]+)+-\d)[a-z]$"),
    "gcp": re.compile(r"^([a-z]+-[a-z]+\d+)-[a-z]$"),
    "crusoe": re.compile(r"^([a-z]+-[a-z]+\d+)-[a-z]$"),
}
"""Where a provider's zone name is its region's and a letter."""
ANY_REGION: Final = "unspecified"
"""The catalogue's region of a provider's list for all of its regions."""
_NO_REGION: Final = frozenset({ANY_REGION, "global-list", "global", "any", "n/a", "na", "-"})


class Unmapped(ValueError):
    """A name that is no GPU of the catalogue; `reason` is one of a few, the text says which."""

    def __init__(self, reason: str, what: str) -> None:
        self.reason = reason
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine type: its GPU, how many, and the one way it is sold where there is only one."""

    gpu: str
    gpus: int
    sold_as: str


class Names:
    """The packaged tables of names, read once; `folder` holds tables in place of them."""

    def __init__(self, gpus: Mapping[str, Gpu], folder: Path | None = None) -> None:
        self._gpus = gpus
        self._folder = folder

    @cached_property
    def machines(self) -> dict[tuple[str, str], Machine]:
        """(provider, machine name in one spelling) -> machine."""
        return dict(read_packaged("machines.csv", _machine_record, self._folder))

    @cached_property
    def regions(self) -> dict[tuple[str, str], str | None]:
        """(provider, region) -> country, None where it is not one."""
        return load_regions(self._folder)

    @cached_property
    def _providers(self) -> dict[str, str]:
        return dict(
            read_packaged(
                "provider_names.csv", lambda r: (r.text("name"), r.text("provider")), self._folder
            )
        )

    @cached_property
    def _own_gpu_names(self) -> dict[tuple[str, str], str]:
        rows = read_packaged(
            "gpu_names.csv",
            lambda r: (r.text("provider"), _squeezed(r.text("name")), r.text("gpu")),
            self._folder,
        )
        return {(provider, name): gpu for provider, name, gpu in rows}

    def provider(self, name: str) -> str:
        """The catalogue's name of a provider; the name itself in lower case where it has none."""
        wanted = " ".join(name.lower().split())
        return self._providers.get(wanted, wanted)

    def provider_of_machine(self, instance: str) -> str:
        """The one provider whose machine it is, by the table or by the shape of its name; or ''."""
        wanted = machine_key(instance)
        owners = {provider for provider, name in self.machines if name == wanted}
        if len(owners) == 1:
            return owners.pop()
        for shape, provider in _MACHINE_SHAPES:
            if re.fullmatch(shape, instance.strip().lower()):
                return provider
        return ""

    def provider_in_path(self, path: Path) -> str:
        """The provider in a file's name or its folder's: `aws_vms.csv`, `lambda/vms.csv`; or ''."""
        known = {provider for provider, _ in self.machines} | {p for p, _ in self.regions}
        known |= set(self._providers)
        for part in (path.stem, path.resolve().parent.name):
            words = re.split(r"[^a-z0-9]+", part.lower())
            for word in words:
                if word in known:
                    return self.provider(word)
        return ""

    def machine(self, provider: str, instance: str) -> Machine | None:
        """The machine of this name, in any spelling; None where the table has none."""
        return self.machines.get((provider, machine_key(instance)))

    def region(self, provider: str, name: str) -> str:
        """A region as the catalogue writes it, less the zone's letter; '' where none is named."""
        text = name.strip()
        if text.lower() in _NO_REGION:
            return ANY_REGION
        zone = _ZONED.get(provider)
        found = zone.match(text) if zone else None
        return found[1] if found else text

    def country(self, provider: str, region: str) -> str | None:
        """ISO code of a region's country; None where it is unknown or several."""
        return self.regions.get((provider, region))

    def gpu(
        self, provider: str, name: str, instance: str, memory_gib: float | None
    ) -> tuple[str, bool]:
        """The id of a GPU, and whether its form factor had to be assumed.

        Form and memory may stand in the name, the form in the machine's name too.

        Raises: Unmapped where it is no GPU known, a slice of one, or of a form that is left open.
        """
        both = f"{name} {instance}"
        if _SLICE.search(both):
            raise Unmapped("MIG slice: a part of a GPU", name or instance)
        if _UNSTATED.search(both):
            raise Unmapped("form factor unstated", name)
        memory = memory_gib or _memory_in(name)
        family = family_of(name) or family_of(instance)
        form = _form_in(name) or _form_in(instance)
        own = self._own_gpu_names.get((provider, _squeezed(name)))
        if own is None and not form:
            own = self._own_gpu_names.get((provider, family))
        if own is not None and (memory is None or _is_near(self._gpus[own].mem_gib, memory)):
            return own, False
        ids = [id for id in self._gpus if id.partition("-")[0] == family]
        if not ids:
            raise Unmapped("GPU not in the catalogue", name or instance)
        fits = self._fitting(ids, form, memory)
        if not fits:
            size = f" with {memory:g} GB" if memory else ""
            raise Unmapped("GPU not in the catalogue", f"{name or instance}{size}")
        assumed = len(fits) > 1
        return min(fits, key=lambda id: "-sxm-" not in id), assumed

    def _fitting(self, ids: list[str], form: str, memory: float | None) -> list[str]:
        fits = [id for id in ids if not form or f"-{form}-" in id] or [
            id for id in ids if not re.search(r"-(?:sxm|pcie|nvl)-", id)
        ]
        if memory is None:
            usual = [id for id in fits if "hbm2e-500w" not in id]
            sizes = {self._gpus[id].mem_gib for id in usual}
            return usual if len(sizes) == 1 or form else [i for i in usual if "-sxm-" in i] or usual
        near = [id for id in fits if _is_near(self._gpus[id].mem_gib, memory)]
        if not near:
            return []
        best = min(abs(self._gpus[id].mem_gib - memory) for id in near)
        return [id for id in near if abs(self._gpus[id].mem_gib - memory) == best]


def machine_key(instance: str) -> str:
    """A machine's name in one spelling: Azure's come with and without prefix and underlines.

    >>> machine_key("Standard_ND96isr_H100_v5") == machine_key("ND96isr H100 v5")
    True
    """
    return re.sub(r"[\s_]+", "_", instance.strip().lower()).removeprefix("standard_")


def family_of(name: str) -> str:
    """How the ids of a GPU begin, or '' where a text names none of the catalogue.

    >>> family_of("NVIDIA HGX H100"), family_of("gd-8xh100ib-i128"), family_of("T4g")
    ('h100', 'h100', '')
    """
    text = _COUNT_BEFORE.sub("", name.lower())
    for spelling, family in _FAMILIES:
        if re.search(rf"(?<![a-z0-9])(?:{spelling})(?!\d)", text):
            return family
    return ""


def _machine_record(row: Row) -> tuple[tuple[str, str], Machine]:
    return (row.required_text("provider"), machine_key(row.required_text("instance"))), Machine(
        row.required_text("gpu"), int(row.positive("gpus_per_instance")), row.text("sold_as")
    )


def _form_in(text: str) -> str:
    return next((form for form, spelling in _FORMS if spelling.search(text.lower())), "")


def _memory_in(text: str) -> float | None:
    found = _MEMORY.search(text)
    return float(found[1]) if found else None


def _is_near(nominal: float, stated: float) -> bool:
    return abs(nominal / stated - 1.0) <= MEMORY_WITHIN


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("nvidia"))
