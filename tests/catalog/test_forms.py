"""Names of GPUs: ids, aliases, families, descriptions and sizes."""

from __future__ import annotations

import pytest

from gpumix import catalog
from gpumix.catalog.forms import main_form
from gpumix.domain.offer import Purchase
from gpumix.errors import InputError, UnknownName
from offer_fixture import offer


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


@pytest.mark.parametrize(
    ("name", "forms", "size"),
    [
        ("h100-sxm-80gb", {"h100-sxm-80gb"}, None),
        ("l40s", {"l40s-48gb"}, None),
        ("L40", {"l40-48gb"}, None),
        ("8xL40S", {"l40s-48gb"}, 8),
        ("8 × l40s-48gb", {"l40s-48gb"}, 8),
        ("4X L40S", {"l40s-48gb"}, 4),
        ("Standard_ND96isr_H100_v5", {"h100-sxm-80gb"}, 8),
        ("g5.12xlarge", {"a10g-24gb"}, 4),
        ("A100-80GB", {"a100-sxm-80gb", "a100-pcie-80gb"}, None),
        ("a100 pcie", {"a100-pcie-40gb", "a100-pcie-80gb"}, None),
        ("H100 NVL", {"h100-nvl-94gb"}, None),
        ("RTX PRO 6000", {"rtxpro6000-96gb"}, None),
        ("rtx 4090", {"rtx4090-24gb"}, None),
        ("GB200", {"gb200-186gb"}, None),
        ("2x NVIDIA H20-3e", {"h20-sxm-141gb"}, 2),
    ],
)
def test_what_a_name_means(
    cat: catalog.Catalog, name: str, forms: set[str], size: int | None
) -> None:
    named = cat.named_gpus(name)
    assert (set(named.forms), named.size) == (forms, size)


def test_a_family_has_all_its_forms(cat: catalog.Catalog) -> None:
    forms = cat.named_gpus("h100").forms
    assert {"h100-sxm-80gb", "h100-pcie-80gb", "h100-nvl-94gb"} <= set(forms)
    assert not {form for form in forms if not form.startswith("h100-")}


@pytest.mark.parametrize("name", ["h10", "8xh10", "", "8x", "x8", "-1xh100", "h100-48gb"])
def test_an_unknown_name_is_refused(cat: catalog.Catalog, name: str) -> None:
    with pytest.raises(UnknownName, match="--gpu"):
        cat.named_gpus(name, "--gpu")


def test_the_nearest_family_is_suggested(cat: catalog.Catalog) -> None:
    with pytest.raises(UnknownName, match=r"did you mean.*\bh100\b"):
        cat.named_gpus("h10o")


def test_a_size_of_0_is_refused(cat: catalog.Catalog) -> None:
    with pytest.raises(InputError, match="--gpu: '0xh100' has no GPU"):
        cat.named_gpus("0xh100", "--gpu")


def test_the_main_form_is_that_of_most_providers(cat: catalog.Catalog) -> None:
    forms = ("a100-sxm-40gb", "a100-sxm-80gb")
    small = [offer(1.0, gpu="a100-sxm-40gb", provider=p) for p in ("acme", "zeta")]
    spot = [
        offer(1.0, gpu="a100-sxm-80gb", provider=p, purchase=Purchase.SPOT) for p in ("b", "c", "d")
    ]
    regions = [offer(1.0, gpu="a100-sxm-80gb", region=r) for r in ("north-1", "south-1", "east-1")]
    assert main_form(forms, [*small, *spot, *regions], cat.gpus) == "a100-sxm-40gb"
    assert main_form(forms, regions, cat.gpus) == "a100-sxm-80gb"
    assert main_form(forms, [], cat.gpus) == "a100-sxm-80gb", "of equals the larger memory"
