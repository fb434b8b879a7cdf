"""`gpumix guard`: a set of files that names its plan, the same for the same plan."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

import guard_fixture as made
import pytest
import schemas
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.errors import InputError
from gpumix.plan.effort import WORK
from gpumix.report.export import plan_to_dict, to_json
from gpumix.verbs import guard as verb
from gpumix.verbs.guard import INDEX, TARGETS, GuardOptions, guard_plan, held_of
from gpumix.verbs.launches import ReadPlan, read_launches
from gpumix.verbs.plan import plan_into

ALL = ",".join(TARGETS)
EXAMPLES = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan.json of the plan made by hand, read with its own launches."""
    path = tmp_path / "plan.json"
    path.write_text(to_json(plan_to_dict(made.made_plan())), encoding="utf-8")
    read = ReadPlan(path, made.made_plan(), load(), made.LAUNCHES)
    monkeypatch.setattr(verb, "read_launches", lambda _: read)
    return path


def test_every_file_names_the_plan_by_its_bytes(plan_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = guard_plan(plan_file, ALL, out)
    digest = hashlib.sha256(plan_file.read_bytes()).hexdigest()
    assert answer.plan_sha256 == digest
    files = {path.name: path for path in out.iterdir()}
    assert set(files) == {INDEX, *(one.name for one in answer.files)}
    assert len(files) == 11
    for path in files.values():
        assert digest in path.read_text(encoding="utf-8"), path.name
    for one in answer.files:
        assert hashlib.sha256(files[one.name].read_bytes()).hexdigest() == one.sha256
        assert one.objects > 0


def test_the_same_plan_gives_the_same_bytes(plan_file: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        guard_plan(plan_file, ALL, folder)
    one, two = ({path.name: path.read_bytes() for path in f.iterdir()} for f in folders)
    assert one == two


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(
    plan_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = GuardOptions("v1", prometheus="prometheus:9090")
    with pytest.raises(InputError) as error:
        guard_plan(plan_file, "kueu,quota,terraform", out, options)
    places = [problem.place for problem in error.value.problems]
    assert places == ["--for", "--for", "--kueue-version", "--prometheus"]
    assert "did you mean kueue" in str(error.value)
    assert not out.exists()


def test_files_of_an_earlier_guard_are_not_left_beside_new_ones(
    plan_file: Path, tmp_path: Path
) -> None:
    """Two plans in one folder would be applied together."""
    out = tmp_path / "out"
    guard_plan(plan_file, "quota,kueue", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(InputError, match=r"an earlier guard: kueue\.yaml"):
        guard_plan(plan_file, "quota", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    guard_plan(plan_file, "quota,kueue", out)


def test_the_index_says_what_was_left_out(plan_file: Path, tmp_path: Path) -> None:
    guard_plan(plan_file, "karpenter,quota", tmp_path / "out")
    index = json.loads((tmp_path / "out" / INDEX).read_text(encoding="utf-8"))
    assert index["schema_version"] == 1
    assert {one["target"] for one in index["left_out"]} == {"karpenter"}
    assert all(one["why"] for one in index["left_out"])


def test_options_reach_their_targets(plan_file: Path, tmp_path: Path) -> None:
    options = GuardOptions("v1beta1", True, "https://thanos.example:9090")
    guard_plan(plan_file, "kueue,keda", tmp_path, options)
    text = (tmp_path / "kueue.yaml").read_text(encoding="utf-8")
    assert "kueue.x-k8s.io/v1beta1" in text
    assert "fairSharing:" in text
    assert "https://thanos.example:9090" in (tmp_path / "keda.yaml").read_text(encoding="utf-8")


def test_the_command_line_prints_one_document(plan_file: Path, tmp_path: Path) -> None:
    words = ["guard", str(plan_file), "--for", "quota,hpa", "--out", str(tmp_path / "out")]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [one["name"] for one in told["files"]] == ["quota.yaml", "hpa.yaml"]
    shown = CliRunner().invoke(app, words).stdout
    assert "quota.yaml" in shown
    assert "Not written:" in shown


def test_a_plan_of_an_api_alone_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="starts nothing"):
        held_of(ReadPlan(path, made.made_plan(), load(), ()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inference-first", "dhaka-bank", "frontier", "enterprise"])
def test_quotas_of_every_example_add_up_to_its_plan(name: str, tmp_path: Path) -> None:
    source = EXAMPLES / "examples" / f"{name}.yaml"
    if not source.exists():
        source = EXAMPLES / "src" / "gpumix" / "data" / "examples" / f"{name}.yaml"
    plan_into(tmp_path, source, work=WORK["quick"])
    check_sums(tmp_path, tmp_path / "out")


def check_sums(plan: Path, out: Path) -> None:
    """Kueue's quotas by GPU and purchase are the mix's, and every object is valid."""
    guard_plan(plan, ALL, out)
    read = read_launches(plan)
    pools = {pool.name: pool for pool in held_of(read).pools}
    total: dict[tuple[str, str], int] = defaultdict(int)
    for one in schemas.documents((out / "kueue.yaml").read_text(encoding="utf-8")):
        if one["kind"] == "ClusterQueue":
            for group in one["spec"]["resourceGroups"]:
                for flavor in group["flavors"]:
                    pool = pools[re.split(r"\.", flavor["name"])[0]]
                    key = pool.line.gpu, pool.line.purchase
                    total[key] += sum(part["nominalQuota"] for part in flavor["resources"])
    planned: dict[tuple[str, str], int] = defaultdict(int)
    for line in read.plan.mix:
        if line.count:
            planned[(line.gpu, line.purchase)] += line.count * line.gpus_per_instance
    assert not read.plan.cuts
    assert total == planned
    if schemas.SCHEMAS.is_dir():
        for path in out.glob("*.yaml"):
            for one in schemas.documents(path.read_text(encoding="utf-8")):
                if "apiVersion" in one:
                    assert schemas.problems(one) == [], path.name
