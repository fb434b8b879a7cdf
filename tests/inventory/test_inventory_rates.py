"""Demand as people state it: users, requests in flight, tokens a day; converted in the open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.domain.workload import Inventory

Read = Callable[[str], Inventory]

TEAM = """
name: team
horizon: {start: 2027-01, years: 1}
workloads:
  chat: {kind: KIND, model: MODEL, traffic: {TRAFFIC}, LIMITS}
supply: {cloud: {}}
"""
MODELS = {"chat": "Qwen/Qwen3-8B", "embedding": "BAAI/bge-m3"}
CHAT = "slo: {ttft_p95: 2 s, tpot_p95: 50 ms}"


def team(traffic: str, limits: str = CHAT, kind: str = "chat") -> str:
    """An inventory of one workload with this traffic."""
    text = TEAM.replace("TRAFFIC", traffic).replace("LIMITS", limits)
    return text.replace("KIND", kind).replace("MODEL", MODELS[kind])


@pytest.mark.parametrize(
    ("traffic", "limits", "kind", "per_s", "says"),
    [
        # 300 users, 30 s to think, 2 s + 160 x 50 ms = 10 s to answer
        ("users: 300, input_tokens: 900, output_tokens: 161", CHAT, "chat", 7.5, "30 s + 10 s"),
        ("users: 300, think_time: 90 s, input_tokens: 900, output_tokens: 161", CHAT, "chat",
         3.0, "ttft_p95 2 s + 160 x tpot_p95 50 ms"),
        # Little: 20 in flight over 10 s
        ("concurrency: 20, input_tokens: 900, output_tokens: 161", CHAT, "chat", 2.0, "Little"),
        ("concurrency: 20, input_tokens: 900, output_tokens: 161", "slo: {e2e_p95: 4 s}", "chat",
         5.0, "assumed, the limit of e2e_p95"),
        # chat that promises nothing has the usual limits: 1 s + 180 x 50 ms
        ("concurrency: 20, input_tokens: 900, output_tokens: 181", "tier: standard", "chat", 2.0,
         "ttft_p95 1 s"),
        ("tokens_per_day: {input: 864M, output: 86.4M}, input_tokens: 1000", CHAT, "chat", 10.0,
         "100 tokens an answer"),
        ("tokens_per_day: {input: 864M, output: 86.4M}, output_tokens: 200", CHAT, "chat", 5.0,
         "2,000 tokens a prompt"),
        ("tokens_per_day: 864M, input_tokens: 500", "slo: {e2e_p95: 1 s}", "embedding", 20.0,
         "500 tokens a prompt"),
        ("users: 310, input_tokens: 500", "slo: {e2e_p95: 1 s}", "embedding", 10.0, "30 s + 1 s"),
        ("peak_requests_per_s: 3, input_tokens: 9, output_tokens: 9", CHAT, "chat", 3.0, "mean"),
    ],
)  # fmt: skip
def test_it_becomes_a_rate(
    read: Read, traffic: str, limits: str, kind: str, per_s: float, says: str
) -> None:
    (chat,) = read(team(traffic, limits, kind)).workloads
    assert chat.demand is not None
    origin = chat.demand.demand_from
    assert origin is not None
    assert origin.peak_requests_per_s == pytest.approx(per_s)
    assert max(chat.demand.units_per_hour) == pytest.approx(per_s * 3600.0)
    assert says in origin.formula
    assert traffic.partition(":")[0] in origin.stated


def test_tokens_a_day_keep_the_volume_under_any_shape(read: Read) -> None:
    """Over the week the requests read and write what is stated, whatever the hour of the day."""
    volume = "profile: azure-conv, tokens_per_day: {input: 900M, output: 60M}"
    (chat,) = read(team(volume)).workloads
    assert chat.demand is not None
    requests_per_day = sum(chat.demand.units_per_hour) / 7.0
    assert requests_per_day * chat.demand.input.mean == pytest.approx(900e6)
    assert requests_per_day * chat.demand.output.mean == pytest.approx(60e6)
    origin = chat.demand.demand_from
    assert origin is not None
    assert origin.mean_requests_per_s == pytest.approx(requests_per_day / 86_400.0)
    assert origin.peak_requests_per_s > 1.2 * origin.mean_requests_per_s


def test_longer_answers_mean_fewer_requests_of_the_same_users(read: Read) -> None:
    rates = []
    for tokens in (50, 500):
        traffic = f"users: 1000, input_tokens: 500, output_tokens: {tokens}"
        (chat,) = read(team(traffic)).workloads
        assert chat.demand is not None
        rates.append(max(chat.demand.units_per_hour))
    assert rates[0] > rates[1]


def test_users_of_work_without_a_limit_are_refused(refused: Callable[[str], str]) -> None:
    text = team("users: 300, input_tokens: 500", "tier: standard", "embedding")
    assert "needs a limit that says how long an answer takes" in refused(text)
