"""Limits on what is paid in a stretch of time, such as a year, as rows of a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gpumix.mix.commitments import Commitments
from gpumix.mix.linear import Linear
from gpumix.mix.linear import Term as Entry
from gpumix.mix.problem import Config, Problem, instance_cost


def cash_rows(
    linear: Linear,
    had: Commitments,
    columns: Sequence[int],
    of_block: Sequence[Sequence[Entry]],
    slack_term: Callable[[str, float], list[Entry]] = lambda limit, sign: [],
    holds: Callable[[str], bool] = lambda limit: True,
) -> None:
    """Rows of the cash limits: what commitments take, and what `of_block` costs [USD]; the rest as
    in `limit_rows`."""
    for i, limit in enumerate(had.problem.cash):
        if not holds(f"cash:{limit.id}"):
            continue
        paid = [(columns[k], term.cash[i]) for k, term in enumerate(had.terms) if term.cash]
        for share, costs in zip(limit.of_block, of_block, strict=True):
            paid += [(column, share * usd) for column, usd in costs] if share else []
        scale = max([1.0, abs(limit.most), *(abs(usd) for _, usd in paid)])
        scaled = [(column, usd / scale) for column, usd in paid]
        slack = slack_term(f"cash:{limit.id}", -1.0 / scale)
        linear.row([*scaled, *slack], upper=limit.most / scale)


def costs_by_block(
    problem: Problem,
    instances: Sequence[Sequence[int]],
    replicas: Iterable[tuple[Config, Sequence[int]]],
) -> list[list[Entry]]:
    """Columns of what runs by the hour in each block, with what one costs in cash [USD].

    `instances` are the columns of each resource by block, `replicas` those of configs.
    """
    found: list[list[Entry]] = [[] for _ in problem.blocks]
    for resource, columns in zip(problem.resources, instances, strict=True):
        if not resource.is_committed:
            for p, own in enumerate(found):
                own.append((columns[p], instance_cost(problem, resource, p)))
    for config, columns in replicas:
        for p, own in enumerate(found):
            hours = problem.blocks[p].hours * problem.repeat
            own.append((columns[p], (config.var_cost - config.unpaid) * hours))
    return [[(column, usd) for column, usd in own if usd] for own in found]
