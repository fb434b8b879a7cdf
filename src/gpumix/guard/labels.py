"""The label by which nodes belong to a pool of the plan."""

from __future__ import annotations

from typing import Final

from gpumix.guard.holding import Holding
from gpumix.guard.tables import node_classes

POOL_LABEL: Final = "gpumix.io/pool"


def label_nodes(held: Holding) -> list[str]:
    """What to do so that each node carries its pool's label."""
    by_hand = [
        f"{pool.name} ({pool.line.gpu}, {pool.terms}, {pool.line.provider})"
        for pool in held.pools
        if pool.line.provider not in node_classes()
    ]
    if not by_hand:
        return [f"Nodes carry {POOL_LABEL} from Karpenter's NodePools."]
    return [
        f"Nodes must carry the label {POOL_LABEL}=POOL (kubectl label node NODE ...): "
        f"{'; '.join(by_hand)}. Others get it from Karpenter's NodePools."
    ]
