"""Inventories started from a team's own files: what is read, what is asked, what is refused."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.catalog.importers.names import Names
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.inventory.bill import read_bill
from gpumix.inventory.manifest import read_manifest
from gpumix.verbs.init import inventory_from

CASES = Path(__file__).resolve().parents[1] / "cases"
STARTS = CASES / "starts"
TODAY = date(2026, 11, 30)
BILLS = (STARTS / "aws_cur.csv", CASES / "price_samples" / "focus_1_2_bill.csv")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def started(source: Path, folder: Path, catalog: Catalog) -> tuple[str, Inventory]:
    """The text from a file, and the inventory that it is."""
    text = inventory_from(source, TODAY)
    path = folder / "team.yaml"
    path.write_text(text, encoding="utf-8")
    return text, read_inventory(path, catalog, TODAY)


def test_a_deployment(tmp_path: Path, catalog: Catalog) -> None:
    (one,) = read_manifest(STARTS / "deployment.yaml")
    assert (one.name, one.engine, one.gpus, one.replicas) == ("llama-70b", "vllm", 4, 3)
    assert (one.option("tp"), one.option("context")) == ("4", "32768")
    text, inventory = started(STARTS / "deployment.yaml", tmp_path, catalog)
    (workload,) = inventory.workloads
    assert workload.model == "meta-llama/Llama-3.1-70B-Instruct"
    assert workload.precisions == ("fp8",)
    assert inventory.today is not None
    (rented,) = inventory.today.rented
    assert (rented.provider, rented.gpus_per_instance, rented.count) == ("gcp", 4, 3)
    assert rented.gpu.startswith("h100")
    assert text.count("FILL IN") >= 3


def test_a_sky_task(tmp_path: Path, catalog: Catalog) -> None:
    text, inventory = started(STARTS / "task.sky.yaml", tmp_path, catalog)
    assert inventory.workloads[0].model == "Qwen/Qwen2.5-7B-Instruct"
    assert "sglang" in text
    assert inventory.today is not None
    (rented,) = inventory.today.rented
    assert (rented.provider, rented.gpu, rented.gpus_per_instance) == ("verda", "l40s-48gb", 1)
    assert (rented.count, rented.purchase.value) == (2, "spot")


def test_a_machine_without_a_price_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    text = (STARTS / "task.sky.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("verda", "aws"), encoding="utf-8")
    assert "# FILL IN usd_per_gpu_hour: qwen runs on 2 x 1 x l40s-48gb" in inventory_from(
        path, TODAY
    )


def test_a_dstack_service(tmp_path: Path, catalog: Catalog) -> None:
    text, inventory = started(STARTS / "dstack.yml", tmp_path, catalog)
    assert inventory.workloads[0].model == "meta-llama/Llama-3.1-8B-Instruct"
    assert inventory.today is not None
    assert inventory.today.rented[0].provider == "runpod"
    assert "H100 may be h100-sxm-80gb, h100-pcie-80gb" in text


def test_a_compose_file_with_a_model_nobody_knows() -> None:
    text = inventory_from(STARTS / "docker-compose.yml", TODAY)
    assert "model: my-org/our-model  # FILL IN: not in the catalogue" in text
    assert "# FILL IN gpu, provider: llm runs on 1 x 2 x a GPU that is not named" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no model server"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", "holds no model server"),
        ("kind: [\n", "YAML"),
        ("services: {web: {image: nginx}}\n", "holds no model server"),
        ("a: 1\na: 2\n", "twice"),
        ("run: !!python/object:os.system ls\n", "tag"),
        ("run: vllm serve \x1b[31m\n", "control character"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_manifest(path)


@pytest.mark.parametrize(
    "line",
    [
        "name: \"a: b # c\\nworkloads: {}\"\nresources: {accelerators: 'L40S:many'}\n"
        'run: >-\n  vllm serve "x: {y}" --tensor-parallel-size 99999999999\n',
        "resources: {accelerators: [H100, A100]}\nnum_nodes: -3\nrun: vllm serve\n",
        "resources: 7\nservice: 3\nrun: [vllm serve 'unclosed]\n",
        "apiVersion: v1\nkind: Pod\nmetadata: 3\nspec: {containers: [3, {image: vllm, args: 4}], "
        "nodeSelector: [1]}\n",
    ],
)
def test_odd_values_stay_inside_their_places(tmp_path: Path, line: str, catalog: Catalog) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(line, encoding="utf-8")
    out = tmp_path / "team.yaml"
    out.write_text(inventory_from(path, TODAY), encoding="utf-8")
    problems = []
    try:
        assert len(read_inventory(out, catalog, TODAY).workloads) == 1
    except InputError as error:
        problems = [p for p in error.problems if "unknown model" not in p.message]
    assert problems == []


@pytest.mark.parametrize("source", BILLS)
def test_a_bill_adds_up_to_the_cent(source: Path, tmp_path: Path, catalog: Catalog) -> None:
    with source.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    name = "BilledCost" if "BilledCost" in rows[0] else "lineItem/UnblendedCost"
    invoice = sum(Decimal(row[name]) for row in rows)
    bill = read_bill(source, Names(catalog.gpus))
    parts = sum(g.billed_usd for g in bill.groups) + sum(bill.others.values())
    assert parts == bill.invoice_usd == invoice
    text, inventory = started(source, tmp_path, catalog)
    assert f"{invoice.quantize(Decimal('0.01')):,} USD" in text
    assert inventory.today is not None
    monthly = sum(float(g.cost_usd) for g in bill.groups) / bill.months
    assert inventory.today.monthly_usd == pytest.approx(monthly, abs=0.005)
    assert len(inventory.today.rented) == len(bill.groups)


def test_a_node_whose_size_the_bill_does_not_say_is_asked_for() -> None:
    text = inventory_from(BILLS[1], TODAY)
    (line,) = [row for row in text.split("\n") if "provider: coreweave" in row]
    assert "FILL IN gpus_per_instance" in line
    assert text.count("FILL IN gpus_per_instance") == 1
    assert (
        "gpu: h200-sxm-141gb, gpus_per_instance: 8, region: us-east-1, purchase: reserved_3y"
        in text
    )


def test_a_cur_has_hours_terms_and_own_rates(tmp_path: Path, catalog: Catalog) -> None:
    _, inventory = started(BILLS[0], tmp_path, catalog)
    assert inventory.today is not None
    own = {
        (one.gpu, one.purchase.value): (one.count, one.usd_per_gpu_hour)
        for one in inventory.today.rented
    }
    assert own[("h100-sxm-80gb", "on_demand")] == (1, pytest.approx(40957.2 / 744 / 8, rel=1e-5))
    assert own[("h100-sxm-80gb", "reserved_3y")] == (1, pytest.approx(3.45, rel=1e-5))
    assert own[("l40s-48gb", "spot")] == (2, pytest.approx(0.9, rel=1e-4))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lineItem/UnblendedCost", "cost", "is no bill"),
        ("USD", "EUR", "is in 'EUR'"),
        ("40957.2", "many", "line 2: line_item_unblended_cost is 'many'"),
        ("40957.2", "NaN", "not an amount"),
        ("40957.2", "1e99", "not an amount of money"),
        ("p5.48xlarge", "m7i.large", "line_item|no hours"),
    ],
)
def test_a_spoilt_bill(tmp_path: Path, old: str, new: str, says: str, catalog: Catalog) -> None:
    text = BILLS[0].read_text(encoding="utf-8").replace(old, new).replace("g6e.xlarge", "m7i.large")
    path = tmp_path / "bill.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_bill(path, Names(catalog.gpus))
