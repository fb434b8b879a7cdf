"""Words for what a training job keeps in memory: inventories, points and command lines use them."""

from __future__ import annotations

from typing import Final, Literal, get_args

Optimizer = Literal[
    "adamw", "adamw_bf16", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "adafactor", "lion",
    "lion_8bit", "sgd", "sgd_momentum",
]  # fmt: skip
Offload = Literal["optimizer", "all"]
BasePrecision = Literal["bf16", "int8", "nf4", "nf4_single"]
Loss = Literal["fused", "linear"]
Dispatcher = Literal["alltoall", "deepep", "hybridep"]
Graphs = Literal["none", "partial", "full_iteration"]

OPTIMIZERS: Final[tuple[str, ...]] = ("", *get_args(Optimizer))
"""Optimizers, as data/memory_terms.csv has them; '' is the stack's own, AdamW in 32 bits."""

OFFLOADS: Final[tuple[str, ...]] = ("", *get_args(Offload))
"""What stays in host memory: nothing, the optimizer's states, or these and the weights."""

BASES: Final[tuple[str, ...]] = ("", *get_args(BasePrecision))
"""How a frozen base is stored; '' is the method's own: bf16, NF4 double-quantised for QLoRA."""

LOSSES: Final[tuple[str, ...]] = ("", *get_args(Loss))
"""How logits become a loss: plainly, by a fused kernel, or fused with the head (no logits kept)."""

DISPATCHERS: Final[tuple[str, ...]] = ("", *get_args(Dispatcher))
"""How tokens reach their experts; '' is the stack's own. A plain all-to-all sends every copy of a
token by itself, DeepEP and HybridEP send one to each node that holds experts of it."""

GRAPHS: Final[tuple[str, ...]] = ("", *get_args(Graphs))
"""What runs as a CUDA graph: nothing, attention and routing of each layer, or a whole iteration;
'' is the stack's own."""
