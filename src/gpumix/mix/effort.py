"""How much work a search may do: nodes, rounds, counts; never seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The ends of a search, so that it finds the same plan on any machine.

    `exact`: whole numbers up to which branch and bound tries to prove the whole problem, within
    `exact_counts` (whole numbers looked at, all nodes of the tree together). Beyond: the problem
    is taken apart. `whole` columns up to which the fractional problem is solved at once; a larger
    one through `clusters` blocks of like demand and `rounds` of Benders cuts. `commit_nodes` for
    the commitments in whole numbers, `block_nodes` for each block among the best `block_ways` of
    every workload, `moves` of the local search in a block of many replicas, `dives` through it
    where that finds nothing, `window_nodes` for batch work, `polish_counts` for the search around
    the plan.
    """

    exact: int
    exact_counts: int
    whole: int
    clusters: int
    rounds: int
    commit_nodes: int
    block_nodes: int
    block_ways: int
    moves: int
    dives: int
    window_nodes: int
    polish_counts: int


QUICK = Effort(
    exact=300,
    exact_counts=2_000,
    whole=20_000,
    clusters=24,
    rounds=3,
    commit_nodes=20,
    block_nodes=1,
    block_ways=12,
    moves=200_000,
    dives=1,
    window_nodes=10,
    polish_counts=0,
)
NORMAL = Effort(
    exact=6_000,
    exact_counts=60_000,
    whole=20_000,
    clusters=36,
    rounds=5,
    commit_nodes=100,
    block_nodes=5,
    block_ways=20,
    moves=2_000_000,
    dives=1,
    window_nodes=50,
    polish_counts=5_000,
)
THOROUGH = Effort(
    exact=20_000,
    exact_counts=10_000_000,
    whole=40_000,
    clusters=36,
    rounds=8,
    commit_nodes=1_000,
    block_nodes=100,
    block_ways=1_000,
    moves=5_000_000,
    dives=4,
    window_nodes=1_000,
    polish_counts=150_000,
)
EFFORTS = {"quick": QUICK, "normal": NORMAL, "thorough": THOROUGH}
"""By the names a user gives."""
