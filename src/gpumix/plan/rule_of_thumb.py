"""The rule of thumb that many teams start from, as a restriction: which GPUs for which work.

Source: "GPU Economics 2026: H100 vs A100 vs L40S" (models from 30B are trained and premium chat is
served on H100, models of 7B to 13B are tuned on A100 or L40S, standard chat and media run on L40S).
It says nothing of batch work, embeddings and small models trained anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gpumix.domain.gpu import family_of
from gpumix.domain.llm import Model
from gpumix.domain.workload import Kind, Tier, Workload
from gpumix.options.option import Option
from gpumix.plan.formulate import Choice
from gpumix.plan.restrictions import Restriction, homeless_workloads
from gpumix.supply.supply import Supply

NAME = "rule of thumb"
LARGE_B = 30.0
"""Parameters [billions] from which a model is trained on H100; smaller ones are tuned on A100 or
L40S."""


def families_by_rule(workload: Workload, params_b: float) -> tuple[str, ...]:
    """GPU families on which the rule puts a workload; none where it says nothing."""
    if workload.kind is Kind.CHAT:
        return ("H100",) if workload.tier is Tier.PREMIUM else ("L40S",)
    if workload.kind is Kind.MEDIA:
        return ("L40S",)
    if workload.run is not None and params_b >= LARGE_B:
        return ("H100",)
    return ("A100", "L40S") if workload.kind is Kind.FINETUNE else ()


def rule_of_thumb(
    choice: Choice, offered: Sequence[Supply], models: Mapping[str, Model]
) -> Restriction | None:
    """The rule for all work that can be done by it, what cannot left free and told; None where it
    says nothing of any work."""
    ruled: dict[str, tuple[str, ...]] = {}
    breaks = []
    for workload in choice.inventory.workloads:
        model = models.get(workload.model)
        families = families_by_rule(workload, model.params_total_b if model else 0.0)
        if not families:
            continue
        own = [s for s in offered if family_of(s.gpu) in families]
        if workload.id in homeless_workloads(choice, own):
            breaks.append(f"{workload.id} {_why(families, own)}")
        else:
            ruled[workload.id] = families
    if not ruled:
        return None

    def suits(option: Option) -> bool:
        families = ruled.get(option.workload)
        return families is None or family_of(option.gpu) in families

    return Restriction(NAME, lambda _: True, suits, breaks=tuple(breaks))


def _why(families: Sequence[str], offered: Sequence[Supply]) -> str:
    names = " or ".join(families)
    if not offered:
        return f"runs elsewhere: no {names} is on offer"
    return f"runs elsewhere: no {names} on offer can do it within its promises"
