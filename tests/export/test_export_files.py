"""What every file of an export keeps: the plan's replicas, settings and origin; no injection."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from launch_fixture import (
    ALL,
    BATCH,
    CHAT,
    EMBEDDING,
    HOSTILE,
    INT4,
    JOB,
    LATER,
    ORIGIN,
    SGLANG,
    SHARED,
    SPOT,
    STRANGE,
    TRTLLM,
    hours,
)

from gpumix.domain.engine_words import SERVE
from gpumix.domain.launch import Launch
from gpumix.domain.workload import Tier
from gpumix.export.bundle import TARGETS, bundle
from gpumix.export.counts import gpu_share, started
from gpumix.export.text import comments, short_name, to_yaml


def texts(*launches: Launch, targets: tuple[str, ...] = tuple(TARGETS)) -> dict[str, str]:
    return bundle(launches, ORIGIN, targets)[1]


def one(launch: Launch, target: str) -> dict[str, object]:
    """The last YAML document of a launch's file of a target."""
    found, written = bundle([launch], ORIGIN, [target])
    (file,) = found.files
    return list(yaml.safe_load_all(written[file.path]))[-1]  # type: ignore[no-any-return]


def arguments(script: str, folder: Path, **environment: str) -> list[str]:
    """What a script calls its engine with, found by running it with stand-ins."""
    for name in ("vllm", "python", "trtllm-serve"):
        stand_in = folder / name
        stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', encoding="utf-8")
        stand_in.chmod(0o755)
    run = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": f"{folder}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


def test_promised_replicas_fit_their_line_and_are_the_plans() -> None:
    alone = started([CHAT])
    assert alone["chat-l40s-48gb"] == 5
    small = replace(CHAT, line_gpus=10)
    by_night = replace(small, name="night", by_hour=hours(3, 0))
    both = started([small, by_night])
    assert both == {"chat-l40s-48gb": 5, "night": 0}  # 10 of 10 GPUs by day, 10 by night: the days
    assert started([replace(small, line_gpus=16), replace(by_night, line_gpus=16)]) == {
        "chat-l40s-48gb": 5,
        "night": 3,
    }


@pytest.mark.parametrize("room", [4, 10, 12, 40])
def test_no_line_is_asked_for_more_than_it_holds(room: int) -> None:
    promised = [
        replace(CHAT, line_gpus=room, by_hour=tuple(min(n, room // 4) for n in hours(1, 5))),
        replace(
            CHAT,
            name="other",
            line_gpus=room,
            by_hour=tuple(min(n, room // 4) for n in hours(5, 1)),
        ),
        replace(BATCH, line_gpus=room),
    ]
    counts = started(promised)
    assert sum(counts[p.name] * p.gpus for p in promised if not p.waits) <= room
    assert counts["batch-l40s-48gb"] * BATCH.gpus <= room


def test_hours_that_a_line_cannot_hold_do_not_count() -> None:
    """An hour has the most of any part of the year: two parts of it need not fit together."""
    before = replace(CHAT, name="before", line_gpus=10, by_hour=(5,) + (4,) * 167)
    after = replace(CHAT, name="after", line_gpus=10, by_hour=(3,) + (1,) * 167)
    assert started([before, after]) == {"before": 4, "after": 1}


def test_equally_full_hours_count_by_how_many_there_are() -> None:
    rare = replace(CHAT, name="rare", line_gpus=10, by_hour=(5,) + (0,) * 167)
    usual = replace(CHAT, line_gpus=10, by_hour=(0,) + (5,) * 167)
    assert started([rare, usual]) == {"rare": 0, "chat-l40s-48gb": 5}


@pytest.mark.parametrize("target", TARGETS)
def test_files_start_what_the_index_says(target: str) -> None:
    """Replicas by target, read from the files themselves, against the counts of the plan."""
    found, written = bundle(ALL, ORIGIN, [target])
    counts, launches = started(ALL), {launch.name: launch for launch in ALL}
    assert found.files
    assert {f.launch for f in found.files} | {n.launch for n in found.not_written} == set(launches)
    for file in found.files:
        launch = launches[file.launch]
        assert file.replicas == (1 if launch.is_job else counts[launch.name])
        if target in ("kserve", "dynamo"):
            document = list(yaml.safe_load_all(written[file.path]))[-1]
            assert _replicas(document) == counts[launch.name]
            assert _gpus(document) == (1 if launch.slice else launch.gpus)
        elif target in ("sky", "dstack") and not launch.is_job:
            document = yaml.safe_load(written[file.path])
            held = 1 if target == "dstack" else _copies(document)
            most = _most(document) * held
            wanted = counts[launch.name] if launch.waits else launch.first_year_replicas
            assert wanted <= most < wanted + held, file.path


def _most(document: dict[str, object]) -> int:
    """The most replicas of a SkyPilot or dstack service."""
    if "service" in document:
        policy = document["service"]["replica_policy"]  # type: ignore[index]
        return int(policy.get("max_replicas", policy["min_replicas"]))
    return int(str(document["replicas"]).rpartition("..")[2])


def _copies(document: dict[str, object]) -> int:
    """Replicas that an instance of a SkyPilot service holds."""
    words = str(document["run"]).split()
    options = [word for word in ("--data-parallel-size", "--dp") if word in words]
    return int(words[words.index(options[0]) + 1]) if options else 1


def _replicas(document: dict[str, object]) -> object:
    spec = document["spec"]
    return spec.get("replicas", spec.get("components", [{}])[-1].get("replicas"))  # type: ignore[attr-defined]


def _gpus(document: dict[str, object]) -> int:
    spec = document["spec"]
    pod = spec.get("template") or spec["components"][-1]["podTemplate"]["spec"]  # type: ignore[attr-defined, index]
    (count,) = pod["containers"][0]["resources"]["limits"].values()
    return int(count)


def test_the_schedule_has_every_hour() -> None:
    rows = list(csv.DictReader(io.StringIO(texts(CHAT, BATCH, JOB)["schedule.csv"])))
    assert len(rows) == 168
    assert [int(row["chat-l40s-48gb"]) for row in rows] == list(CHAT.by_hour)
    assert [int(row["batch-l40s-48gb"]) for row in rows] == list(BATCH.by_hour)
    assert "tune-mi300x-192gb" not in rows[0]


def test_every_file_names_its_plan() -> None:
    for path, text in texts(*ALL).items():
        assert path == "schedule.csv" or ORIGIN.sha256 in text, path
        assert path == "schedule.csv" or ORIGIN.version in text, path
    for target in ("kserve", "dynamo"):
        about = one(CHAT, target)["metadata"]
        assert about["annotations"]["gpumix.io/plan"] == f"sha256:{ORIGIN.sha256}"  # type: ignore[index]


def test_the_same_launches_give_the_same_bytes() -> None:
    assert texts(*ALL) == texts(*ALL)


def test_vllm_gets_the_settings_of_the_plan(tmp_path: Path) -> None:
    called = arguments(texts(CHAT)["vllm/chat-l40s-48gb.sh"], tmp_path, PORT="8007")
    assert called[1:] == shlex.split(
        "serve Qwen/Qwen2.5-32B-Instruct --served-model-name Qwen/Qwen2.5-32B-Instruct"
        " --tensor-parallel-size 2 --max-num-seqs 256 --max-model-len 8192 --quantization fp8"
        " --kv-cache-dtype fp8 --max-num-batched-tokens 2048 --gpu-memory-utilization 0.92"
        " --enable-prefix-caching --host 0.0.0.0 --port 8007"
    )


def test_sglang_and_tensorrt_llm_get_the_settings_of_the_plan(tmp_path: Path) -> None:
    called = arguments(texts(SGLANG)["sglang/chat-sglang.sh"], tmp_path)
    assert called[1:] == shlex.split(
        "-m sglang.launch_server --model-path Qwen/Qwen2.5-32B-Instruct"
        " --served-model-name Qwen/Qwen2.5-32B-Instruct --tp 2 --max-running-requests 256"
        " --context-length 8192 --quantization fp8 --kv-cache-dtype fp8_e4m3"
        " --chunked-prefill-size 2048 --mem-fraction-static 0.92"
        " --enable-lora --max-loras-per-batch 20 --max-lora-rank 12 --host 0.0.0.0 --port 30000"
    )
    script = texts(TRTLLM)["trtllm/chat-trt.sh"]
    called = arguments(script, tmp_path, CHECKPOINT="/models/fp8")
    asked = called[: called.index("--extra_llm_api_options")]
    assert asked[1:] == shlex.split(
        "/models/fp8 --tp_size 2 --max_batch_size 256 --max_seq_len 8192 --max_num_tokens 2048"
        " --kv_cache_free_gpu_memory_fraction 0.92"
    )
    engine_file = called[called.index("--extra_llm_api_options") + 1]
    assert yaml.safe_load(Path(engine_file).read_text(encoding="utf-8")) == {
        "kv_cache_config": {"dtype": "fp8", "enable_block_reuse": True},
        "lora_config": {"max_lora_rank": 16, "max_loras": 20},
    }
    Path(engine_file).unlink()


def test_vllm_gets_a_rank_of_adapters_that_it_has(tmp_path: Path) -> None:
    launch = replace(SGLANG, engine="vllm")
    called = arguments(texts(launch)["vllm/chat-sglang.sh"], tmp_path)
    assert called[called.index("--max-lora-rank") + 1] == "16"


def test_a_precision_that_no_engine_makes_asks_for_a_checkpoint(tmp_path: Path) -> None:
    script = texts(INT4)["vllm/chat-int4.sh"]
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        arguments(script, tmp_path)
    assert "name the weights" in stopped.value.stderr
    assert "# Fill in CHECKPOINT: a checkpoint of Qwen/Qwen2.5-32B-Instruct in int4." in script
    called = arguments(script, tmp_path, CHECKPOINT="org/int4")
    assert called[2] == "org/int4"
    assert "--quantization" not in called
    published = replace(INT4, as_published=True)
    assert arguments(texts(published)["vllm/chat-int4.sh"], tmp_path)[2] == published.model


def test_an_embedding_model_pools_and_takes_its_part_of_a_gpu(tmp_path: Path) -> None:
    called = arguments(texts(EMBEDDING)["vllm/embed-a100-sxm-80gb.sh"], tmp_path)
    assert called[called.index("--runner") + 1] == "pooling"
    assert "--gpu-memory-utilization" not in called  # a MIG slice is a GPU of its own
    called = arguments(texts(SHARED)["vllm/embed-turns.sh"], tmp_path)
    assert called[called.index("--gpu-memory-utilization") + 1] == "0.225"


def test_parts_of_gpus_are_asked_of_the_device_plugin_by_their_names() -> None:
    assert gpu_share("1g.10gb") == pytest.approx(1 / 7)
    for launch, resource in (
        (EMBEDDING, "nvidia.com/mig-1g.10gb"),
        (SHARED, "nvidia.com/gpu.shared"),
        (SPOT, "amd.com/gpu"),
        (CHAT, "nvidia.com/gpu"),
    ):
        container = one(launch, "kserve")["spec"]["template"]["containers"][0]  # type: ignore[index]
        assert list(container["resources"]["limits"]) == [resource]


def test_replicas_that_serve_several_workloads_start_once() -> None:
    found, written = bundle([EMBEDDING], ORIGIN, ["kserve"])
    (file,) = found.files
    assert file.workloads == ("embed", "embed-too")
    assert "These replicas serve 2 workloads: start them once." in written[file.path]


def test_what_is_planned_beyond_one_number_is_said_in_the_file() -> None:
    for path, text in texts(CHAT, SPOT).items():
        if path.startswith("kserve/"):
            assert "a number of replicas for every hour" in " ".join(text.split("\n# "))
    assert "N+1" in texts(CHAT)["kserve/chat-l40s-48gb.yaml"]
    assert "# Not said here: spot:" in texts(SPOT)["sky/chat-mi300x-192gb.yaml"]
    assert "topologySpreadConstraints" in texts(CHAT)["dynamo/chat-l40s-48gb.yaml"]
    assert "topologySpreadConstraints" not in texts(SPOT)["kserve/chat-mi300x-192gb.yaml"]


def test_a_launch_without_a_file_has_a_reason() -> None:
    found, _ = bundle(ALL, ORIGIN, tuple(TARGETS))
    reasons = {(gap.target, gap.launch): gap.reason for gap in found.not_written}
    assert reasons["vllm", "later"] == "does not run in the first year of the plan"
    assert "trains" in reasons["kserve", "tune-mi300x-192gb"]
    assert "makes pictures" in reasons["compose", "shots"]
    assert reasons["vllm", "chat-sglang"] == "planned on sglang"
    assert "machines of the team's own" in reasons["sky", "embed-a100-sxm-80gb"]
    assert "Dynamo has no image of vllm for mi300x" in reasons["dynamo", "chat-mi300x-192gb"]
    assert all(gap.reason for gap in found.not_written)
    assert LATER.name not in {file.launch for file in found.files}


def test_sky_rents_instances_and_scales_between_the_hours_of_the_plan() -> None:
    service = one(SPOT, "sky")
    assert service["resources"] == {
        "infra": "azure/eastus2",
        "accelerators": "MI300X:8",
        "instance_type": "Standard_ND96isr_MI300X_v5",
        "use_spot": True,
        "image_id": "docker:vllm/vllm-openai-rocm:v0.33.0",
        "ports": 8000,
    }
    policy = service["service"]["replica_policy"]  # type: ignore[index]
    assert policy == {"min_replicas": 1, "max_replicas": 2, "target_qps_per_replica": 16.0}
    assert "--data-parallel-size 8" in service["run"]  # type: ignore[operator]


def test_premium_replicas_are_on_two_instances_of_sky() -> None:
    def least(launch: Launch) -> int:
        policy = one(launch, "sky")["service"]["replica_policy"]  # type: ignore[index]
        return int(policy["min_replicas"])

    assert least(CHAT) == 2  # two replicas fit on one instance of four GPUs
    assert least(replace(CHAT, tier=Tier.STANDARD)) == 1
    assert least(replace(CHAT, least_replicas=0, by_hour=hours(0, 5))) == 0


def test_a_job_whose_line_is_had_later_has_no_file() -> None:
    found, _ = bundle([replace(JOB, line_gpus=0)], ORIGIN, ("sky", "dstack"))
    assert [gap.reason for gap in found.not_written] == [
        "does not run in the first year of the plan"
    ] * 2


def test_a_training_job_has_its_machines_and_a_place_for_its_command(tmp_path: Path) -> None:
    task = one(JOB, "sky")
    assert task["num_nodes"] == 2
    assert task["resources"]["accelerators"] == "MI300X:8"  # type: ignore[index]
    script = str(task["run"])
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "the training command is missing" in run.stderr
    dstack = yaml.safe_load(texts(JOB)["dstack/tune-mi300x-192gb.dstack.yml"])
    assert (dstack["nodes"], dstack["resources"]["gpu"]["count"]) == (2, 8)


def test_dstack_has_the_fleet_of_every_line_that_it_uses() -> None:
    written = texts(*ALL, targets=("dstack",))
    named = {
        name: yaml.safe_load(text) for name, text in written.items() if name.endswith(".dstack.yml")
    }
    fleets = {d["name"]: d for d in named.values() if d["type"] == "fleet"}
    used = {name for d in named.values() if d["type"] != "fleet" for name in d["fleets"]}
    assert used == set(fleets)
    azure = fleets["spot-azure-8xmi300x-192gb-eastus2"]
    assert (azure["nodes"], azure["blocks"], azure["spot_policy"]) == ("0..2", "auto", "spot")
    (whole,) = (fleet for fleet in fleets.values() if "placement" in fleet)
    assert "blocks" not in whole  # a run of several machines takes them whole
    assert named["dstack/tune-mi300x-192gb.dstack.yml"]["fleets"] == [whole["name"]]
    assert named["dstack/chat-mi300x-192gb.dstack.yml"]["fleets"] == [azure["name"]]


def test_compose_starts_each_replica_on_its_own_gpus(tmp_path: Path) -> None:
    written = texts(CHAT, SHARED, targets=("compose",))
    project = yaml.safe_load(written["compose/compose.yaml"])
    devices = project["services"]["chat-l40s-48gb"]["deploy"]["resources"]["reservations"][
        "devices"
    ]
    assert devices[0]["device_ids"] == ["${GPU_0:-0}", "${GPU_1:-1}"]
    (tmp_path / "start.sh").write_text(written["compose/start.sh"], encoding="utf-8")
    log = tmp_path / "log"
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\necho "$GPU_0 ${{GPU_1:-}} $PORT $*" >> {log}\n', encoding="utf-8"
    )
    docker.chmod(0o755)
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = str(tmp_path / "start.sh")
    subprocess.run(["sh", script, "chat-l40s-48gb"], env=paths, check=True)
    subprocess.run(["sh", script, "embed-turns", "5", "6"], env=paths, check=True)
    lines = [line.split(" compose")[0].split() for line in log.read_text().splitlines()]
    assert lines[:2] == [["0", "1", "8000"], ["2", "3", "8016"]]  # a machine of 4 GPUs holds two
    assert [line[:2] for line in lines[2:]] == [
        ["6", "8048"], ["6", "8049"], ["6", "8050"], ["6", "8051"], ["7", "8056"]
    ]  # fmt: skip
    assert subprocess.run(["sh", script, "x"], env=paths, capture_output=True).returncode == 2


@pytest.mark.parametrize("target", ["vllm", "compose", "kserve", "dynamo", "sky", "dstack"])
def test_hostile_names_stay_names(target: str) -> None:
    found, written = bundle([STRANGE], ORIGIN, [target])
    tame = replace(STRANGE, model="team/model", workloads=("plain",))
    (plain,) = bundle([tame], ORIGIN, [target])[0].files
    usual = bundle([tame], ORIGIN, [target])[1][plain.path]
    (file,) = found.files
    text = written[file.path]
    for line in text.splitlines():
        assert line.startswith("#") or "rm -rf" not in line, line
    if target != "vllm":
        pairs = zip(yaml.safe_load_all(text), yaml.safe_load_all(usual), strict=True)
        for document, expected in pairs:
            assert set(document) == set(expected)
    assert all(edit.startswith("CHECKPOINT") for edit in file.edit)


def test_a_hostile_script_runs_only_its_engine(tmp_path: Path) -> None:
    script, weights = texts(STRANGE)["vllm/3d-strange.sh"], "models; exit 3"
    called = arguments(script, tmp_path, CHECKPOINT=weights)
    assert called[1:5] == [
        "serve",
        weights,
        "--served-model-name",
        "3d-strange",
    ]


def test_text_that_ends_lines_stays_a_comment() -> None:
    assert all(line.startswith("#") for line in comments([HOSTILE, "a\rb\x85c d"]).splitlines())
    assert yaml.safe_load(to_yaml({"a": HOSTILE})) == {"a": HOSTILE}


def test_names_are_short_and_stay_apart() -> None:
    names = {short_name("a" * 60 + tail, 40) for tail in ("", "b", "c")}
    assert len(names) == 3
    assert all(len(name) <= 40 for name in names)


def test_index_and_readme_hold_every_launch() -> None:
    found, written = bundle(ALL, ORIGIN, tuple(TARGETS))
    index = json.loads(written["index.json"])
    assert index["schema_version"] == found.schema_version
    assert {f["path"] for f in index["files"]} | set(index["others"]) == {*written} - {"index.json"}
    for launch in ALL:
        assert launch.name in written["README.txt"]


def test_every_engine_with_words_has_a_target() -> None:
    from gpumix.export.engine import TARGETS as OF_ENGINE

    assert set(OF_ENGINE) == set(SERVE)
    assert set(OF_ENGINE.values()) <= set(TARGETS)
