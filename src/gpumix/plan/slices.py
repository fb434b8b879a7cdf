"""How a plan's GPUs are cut into slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gpumix import mix
from gpumix.domain.plan import GpuCut
from gpumix.plan.interpret import Answer


def cuts(answer: Answer) -> tuple[GpuCut, ...]:
    """The cut GPUs of every line: such cuts as serve every hour, where no more GPUs need be cut at
    once for that, else the most of each cut in any hour."""
    formulation, blocks = answer.formulation, answer.found.solution.blocks
    problem, found = formulation.problem, Counter[tuple[str, tuple[tuple[str, int], ...]]]()
    sliced = dict.fromkeys(config.resource for config in problem.configs if config.cut)
    for resource in sliced:
        counts = [
            Counter(
                {
                    _pattern(config): n
                    for config, n in zip(problem.configs, block.replicas, strict=True)
                    if config.resource == resource and config.cut and n
                }
            )
            for block in blocks
        ]
        at_once = max(count.total() for count in counts)
        ways = [config for config in problem.configs if config.resource == resource and config.cut]
        steady = Counter(
            _pattern(way) for way in _covering(_peaks(problem, blocks, resource), ways)
        )
        most: Counter[tuple[tuple[str, int], ...]] = Counter()
        for count in counts:
            most |= count
        supply = formulation.supply[resource].id
        for pattern, n in (steady if steady.total() <= at_once else most).items():
            found[supply, pattern] += n
    gpus = {supply.id: supply.gpu for supply in formulation.supply.values()}
    return tuple(
        GpuCut(supply, gpus[supply], dict(pattern), n)
        for (supply, pattern), n in sorted(found.items())
    )


def _pattern(config: mix.Config) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(config.cut.items()))


def _peaks(problem: mix.Problem, blocks: Sequence[mix.BlockPlan], resource: str) -> Counter[str]:
    """The most replicas on each slice of a resource in any block."""
    peaks: Counter[str] = Counter()
    for block in blocks:
        taken: Counter[str] = Counter()
        for config, n in zip(problem.configs, block.replicas, strict=True):
            if config.resource == resource and config.slice:
                taken[config.slice] += n
        peaks |= taken
    return peaks


def _covering(wanted: Counter[str], ways: Sequence[mix.Config]) -> Iterator[mix.Config]:
    """Cuts, GPU after GPU, each the one that gives most of what is still wanted (by its own
    slices' shares of a GPU), until all is there."""
    left = +wanted
    most = {name: max(way.cut.get(name, 0) for way in ways) for name in left}

    def given(way: mix.Config) -> tuple[float, int]:
        parts = [(name, min(left[name], n)) for name, n in way.cut.items() if left[name] > 0]
        return sum(n / most[name] for name, n in parts), -len(way.cut)

    while left:
        way = max(ways, key=given)
        yield way
        left = left - Counter(way.cut)
