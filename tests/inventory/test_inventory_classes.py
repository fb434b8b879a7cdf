"""Classes of requests in an inventory: what they take from the workload, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.domain.workload import Inventory, Kind, Slo, Tier
from gpumix.errors import InputError

Read = Callable[[str], Inventory]

HEAD = """
horizon: {start: 2027-01, years: 1}
supply: {cloud: {}}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
"""
STATED = (
    HEAD
    + """
    traffic: {profile: azure-conv, peak_requests_per_s: 3}
    slo: {ttft_p95: 4 s}
    classes:
      - {name: vip, share: 20 %, tier: premium, slo: {ttft_p95: 800 ms, tpot_p95: 40 ms}}
      - {share: 0.3, input_tokens: 12000}
      - {name: rest, share: 0.5}
"""
)


def test_what_a_class_does_not_state_is_as_in_the_workload(read: Read) -> None:
    (chat,) = read(STATED).workloads
    assert chat.slos == (
        Slo("ttft", 0.95, 0.8, "vip"),
        Slo("tpot", 0.95, 0.04, "vip"),
        Slo("ttft", 0.95, 4.0, "class 2"),
        Slo("ttft", 0.95, 4.0, "rest"),
    )
    assert [s.name for s in chat.slos][:2] == ["vip ttft_p95", "vip tpot_p95"]
    assert (chat.tier, chat.confidence) == (Tier.PREMIUM, 0.95)
    assert chat.demand is not None
    vip, heavy, rest = chat.demand.classes
    assert [one.share for one in chat.demand.classes] == pytest.approx([0.2, 0.3, 0.5])
    assert [one.tier for one in chat.demand.classes] == ["premium", "standard", "standard"]
    assert vip.input == rest.input
    assert heavy.input.mean == 12_000.0
    assert heavy.input.cv == rest.input.cv
    assert heavy.output == rest.output
    mean = 0.3 * 12_000.0 + 0.7 * rest.input.mean
    assert chat.demand.input.mean == pytest.approx(mean)
    square = 0.3 * 12_000.0**2 + 0.7 * rest.input.mean**2
    spread = square * (1.0 + rest.input.cv**2) / mean**2 - 1.0
    assert chat.demand.input.cv**2 == pytest.approx(spread)


def test_classes_with_lengths_need_no_profile_and_make_the_mean(read: Read) -> None:
    text = (
        HEAD
        + """
    traffic: {tokens_per_day: {input: 100M, output: 10M}}
    classes:
      - {share: 0.75, input_tokens: 1000, output_tokens: 100}
      - {share: 0.25, input_tokens: 9000, output_tokens: 900}
"""
    )
    (chat,) = read(text).workloads
    assert chat.demand is not None
    assert chat.demand.input.mean == pytest.approx(3000.0)
    assert sum(chat.demand.units_per_hour) / 7.0 == pytest.approx(100e6 / 3000.0)
    assert {slo.of_class for slo in chat.slos} == {"class 1", "class 2"}
    assert chat.tier is Tier.STANDARD


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("share: 0.5", "share: 0.4", "workloads.chat.classes (line 11): shares add up to 0.9"),
        ("name: rest", "name: vip", "names 'vip' 2 times"),
        ("share: 0.5", "share: 0.001", "classes.2.share"),
        ("ttft_p95: 800 ms", "ttft_p96: 800 ms", "unknown promise 'ttft_p96'"),
        ("ttft_p95: 800 ms", "ttft_p95: 80 %", "expected a duration with its unit"),
        ("ttft_p95: 800 ms", "availability: 99 %", "unknown promise 'availability'"),
        ("input_tokens: 12000", "input_tokens: 900000", "workloads.chat.classes.1"),
        ("peak_requests_per_s: 3", "tokens_per_day: 9M", "input_tokens of some classes"),
        ("tier: premium", "tier: gold", "classes.0.tier"),
        ("kind: chat", "kind: batch", "workloads.chat.classes (line 11): does not go with"),
    ],
)
def test_what_is_wrong_is_said(read: Read, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(STATED.replace(old, new))
    assert message in str(caught.value)


def test_all_is_said_at_once(read: Read) -> None:
    text = STATED.replace("share: 0.5", "share: 0.4").replace("name: rest", "name: vip")
    text = text.replace("ttft_p95: 4 s", "ttft_p94: 4 s")
    with pytest.raises(InputError) as caught:
        read(text)
    assert len(caught.value.problems) == 3


def test_lengths_of_traffic_that_the_classes_contradict_are_refused(read: Read) -> None:
    text = STATED.replace("peak_requests_per_s: 3", "peak_requests_per_s: 3, output_tokens: 50")
    ones = text.replace("share: 20 %", "share: 20 %, output_tokens: 100")
    ones = ones.replace("share: 0.3", "share: 0.3, output_tokens: 100")
    with pytest.raises(InputError, match="contradicts the classes, which have 100"):
        read(ones.replace("share: 0.5", "share: 0.5, output_tokens: 100"))
    (chat,) = read(ones).workloads
    assert chat.kind is Kind.CHAT
    assert chat.demand is not None
    assert chat.demand.output.mean == pytest.approx(75.0)
