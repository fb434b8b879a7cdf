"""Pages and answers of servers become samples with their owners."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gpumix.errors import InputError
from gpumix.telemetry.sources import promjson, promtext
from gpumix.telemetry.sources.assemble import observed
from gpumix.telemetry.sources.owners import Pod
from gpumix.telemetry.sources.series import Series

SAMPLES = Path(__file__).parent / "samples"
ENGINE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
POWER = "DCGM_FI_DEV_POWER_USAGE"
GPU = {"gpu": "0", "UUID": "GPU-1", "modelName": "NVIDIA L40S", "Hostname": "n1"}


def series(name: str, labels: dict[str, str], times: list[int], values: list[float]) -> Series:
    return Series(name, labels, np.array(times, np.int64), np.array(values, np.float64))


def rows(*given: Series, pods: tuple[Pod, ...] = ()) -> list[dict]:
    found = observed(given, "test", pods).samples
    return [] if found is None else sorted(found.to_pylist(), key=lambda row: row["t"])


def test_a_page_has_every_device_once_with_its_owner():
    found = observed(promtext.read_series(SAMPLES / "page.prom"), "page.prom")
    page = found.samples.to_pylist()
    assert len(page) == 11
    assert len({row["gpu"] for row in page}) == 9
    nobody = {
        (row["node"], row["index"], row["mig_id"])
        for row in page
        if row["team"] is None and row["job_id"] is None
    }
    assert nobody == {("gpu-a", 3, None), ("gpu-m", 0, "5")}
    teams = sorted((row["team"] or "", row["mig"] or "") for row in page)
    assert teams.count(("support", "")) == 2
    assert teams.count(("docs", "")) == 3
    assert ('lab "R&D"', "3g.40gb") in teams
    assert ("=HYPERLINK(1)", "2g.20gb") in teams
    assert [row["index"] for row in page if row["job_id"] == "4711"] == [3]
    assert sum(row["util"] is not None for row in page) == 8
    assert sum(row["engine_active"] is not None for row in page) == 11
    power = {row["gpu"]: row["power_w"] for row in page}
    assert sum(power.values()) == pytest.approx(2850.3)


def test_a_page_tells_tokens_once_and_the_model_on_every_gpu_of_the_server():
    page = observed(promtext.read_series(SAMPLES / "page.prom"), "page.prom").samples.to_pylist()
    assert sum(row["tokens_in_total"] or 0 for row in page) == 87_153_592
    assert sum(row["tokens_out_total"] or 0 for row in page) == 27_023_706
    chat = [row for row in page if row["workload"] == "chat-32b"]
    assert [row["model"] for row in chat] == ["Qwen/Qwen3-32B"] * 2
    assert [row["requests_running"] for row in chat] == [57, None]


def test_two_pages_of_a_query_are_one_series_with_a_hole():
    pages = [promjson.read_series(SAMPLES / f"range_{n}.json") for n in (1, 2)]
    table = observed([*pages[0], *pages[1]], "pages").samples
    t = table["t"].to_numpy()
    assert len(t) == 240
    assert np.diff(t).max() == 7260
    energy = table["energy_mj_total"].to_numpy()
    steps = np.diff(energy)
    assert np.where(steps >= 0, steps, energy[1:]).sum() == 10_741_000_000
    assert table["engine_active"].to_numpy().mean() == pytest.approx(0.92)


def test_the_exporters_own_pod_owns_nothing():
    exporter = GPU | {"namespace": "monitoring", "pod": "dcgm-exporter-x1"}
    owned = exporter | {"exported_namespace": "chat", "exported_pod": "chat-0"}
    found = rows(series(ENGINE, owned, [0, 60], [0.9, 0.9]), series(ENGINE, exporter, [120], [0.0]))
    assert [row["team"] for row in found] == ["chat", "chat", None]


def test_the_exporters_pod_is_known_by_its_neighbour_whatever_its_name():
    exporter = GPU | {"namespace": "m", "pod": "metrics-1"}
    owned = exporter | {"exported_namespace": "chat", "exported_pod": "chat-0", "gpu": "1"}
    found = rows(series(ENGINE, owned, [0], [0.9]), series(ENGINE, exporter, [0], [0.0]))
    assert {row["index"]: row["team"] for row in found} == {0: None, 1: "chat"}


def test_an_ended_series_is_not_told_beside_the_next():
    old = series(
        ENGINE, GPU | {"pod": "a-0", "namespace": "a"}, list(range(0, 901, 60)), [0.9] * 16
    )
    new = series(
        ENGINE, GPU | {"pod": "b-0", "namespace": "b"}, list(range(660, 1801, 60)), [0.5] * 20
    )
    found = rows(old, new)
    assert len(found) == len({row["t"] for row in found}) == 31
    assert [row["team"] for row in found] == ["a"] * 11 + ["b"] * 20


def test_a_gpu_that_two_pods_share_is_told_for_both():
    both = [
        series(
            ENGINE, GPU | {"pod": f"{n}-0", "namespace": n}, list(range(0, 7200, 60)), [0.5] * 120
        )
        for n in "ab"
    ]
    assert len(rows(*both)) == 240


def test_values_without_the_owners_name_join_those_with_it():
    found = rows(
        series(ENGINE, GPU | {"pod": "a-0", "namespace": "a"}, [0, 60], [0.9, 0.8]),
        series(POWER, GPU, [0, 60], [300, 310]),
    )
    assert [(row["team"], row["power_w"]) for row in found] == [("a", 300), ("a", 310)]


def test_a_swapped_gpu_keeps_its_slot_and_gets_a_new_uuid():
    found = rows(
        series(ENGINE, GPU, [0, 60], [0, 0]),
        series(ENGINE, GPU | {"UUID": "GPU-2"}, [120], [0]),
    )
    assert [(row["gpu"], row["index"]) for row in found] == [
        ("GPU-1", 0), ("GPU-1", 0), ("GPU-2", 0)
    ]  # fmt: skip


def test_a_mig_parent_is_no_device_and_gives_its_power_to_its_instances():
    parts = [
        series(ENGINE, GPU | {"GPU_I_PROFILE": "3g.40gb", "GPU_I_ID": n}, [0], [0.5]) for n in "12"
    ]
    found = rows(*parts, series(POWER, GPU, [0, 600], [330, 340]))
    assert [(row["t"], row["mig_id"], row["power_w"]) for row in found] == [
        (0, "1", 330), (0, "2", 330), (600, None, 340)
    ]  # fmt: skip


def test_two_scrapers_are_told_apart():
    found = rows(*(series(ENGINE, GPU | {"prometheus_replica": n}, [0], [0.5]) for n in "ba"))
    assert sorted(row["scraper"] for row in found) == ["a", "b"]
    assert len({row["gpu"] for row in found}) == 1


@pytest.mark.parametrize("blank", [float("nan"), float("inf"), -1.0, 9.223372036854776e18])
def test_what_is_no_value_is_absent(blank):
    (row,) = rows(series(ENGINE, GPU, [0], [0.5]), series(POWER, GPU, [0], [blank]))
    assert row["power_w"] is None
    assert row["engine_active"] == 0.5


def test_labels_of_a_pod_count_from_when_they_were_told():
    told = {"pod": "a-0", "namespace": "a"}
    found = rows(
        series(ENGINE, GPU | told, [0, 60, 120], [0.5] * 3),
        series("kube_pod_labels", told | {"label_team": "old"}, [0, 30], [1, 1]),
        series("kube_pod_labels", told | {"label_team": "new"}, [90], [1]),
    )
    assert [row["team"] for row in found] == ["old", "old", "new"]


def test_a_snapshot_names_a_pod_that_no_series_names():
    pod = Pod(("a", "a-0"), "risk", "scores", "m/8b")
    (row,) = rows(series(ENGINE, GPU | {"pod": "a-0", "namespace": "a"}, [0], [0.5]), pods=(pod,))
    assert (row["team"], row["workload"], row["model"]) == ("risk", "scores", "m/8b")


def test_a_reset_of_one_of_two_engines_does_not_lower_the_sum():
    pod = {"pod": "a-0", "namespace": "a"}
    tokens = "vllm:prompt_tokens_total"
    found = rows(
        series(ENGINE, GPU | pod, [0, 60, 120], [0.5] * 3),
        series(tokens, pod | {"engine": "0", "model_name": "m"}, [0, 60, 120], [100, 200, 300]),
        series(tokens, pod | {"engine": "1", "model_name": "m"}, [0, 60, 120], [100, 0, 50]),
    )
    assert [row["tokens_in_total"] for row in found] == [200, 300, 450]


def test_of_two_names_for_cached_tokens_the_first_of_the_table_counts():
    pod = {"pod": "a-0", "namespace": "a"}
    model = pod | {"model_name": "m"}
    found = rows(
        series(ENGINE, GPU | pod, [0, 60], [0.5] * 2),
        series("vllm:prefix_cache_hits_total", model, [0, 60], [7, 9]),
        series("vllm:prompt_tokens_cached_total", model, [0, 60], [5, 6]),
    )
    assert [row["tokens_cached_total"] for row in found] == [5, 6]


def test_two_scrapers_of_one_engine_count_its_tokens_once():
    pod = {"pod": "a-0", "namespace": "a"}
    tokens = "vllm:prompt_tokens_total"
    found = rows(
        series(ENGINE, GPU | pod, [10, 70, 130], [0.5] * 3),
        series(tokens, pod | {"prometheus_replica": "a"}, [0, 60], [100, 200]),
        series(tokens, pod | {"prometheus_replica": "b"}, [5, 65, 125], [110, 190, 300]),
    )
    assert [row["tokens_in_total"] for row in found] == [100, 200, 300]


def test_an_answer_without_gpus_is_refused():
    with pytest.raises(InputError, match="tells of no GPU"):
        observed([], "http://x")
