"""Words for what a training job keeps in memory: inventories, points and command lines use them."""

from __future__ import annotations

import math
import re
from typing import Final, Literal, get_args

Optimizer = Literal[
    "adamw", "adamw_bf16", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "adafactor", "lion",
    "lion_8bit", "sgd", "sgd_momentum",
]  # fmt: skip
Offload = Literal["optimizer", "all"]
BasePrecision = Literal["bf16", "int8", "nf4", "nf4_single"]
Prepared = Literal["kbit"]
Library = Literal["4.46", "4.49"]
Loss = Literal["fused", "linear"]
Dispatcher = Literal["alltoall", "deepep", "hybridep"]
Graphs = Literal["none", "partial", "full_iteration"]

OPTIMIZERS: Final[tuple[str, ...]] = ("", *get_args(Optimizer))
"""Optimizers, as data/memory_terms.csv has them; '' is the stack's own, AdamW in 32 bits."""

GRADIENT_BYTES: Final = {"": math.nan, "bf16": 2.0, "fp16": 2.0, "fp32": 4.0}
"""Width of a gradient by the name of its format [byte]; NaN is the stack's own."""

OFFLOADS: Final[tuple[str, ...]] = ("", *get_args(Offload))
"""What stays in host memory: nothing, the optimizer's states, or these and the weights."""

BASES: Final[tuple[str, ...]] = ("", *get_args(BasePrecision))
"""How a frozen base is stored; '' is the method's own: bf16, NF4 double-quantised for QLoRA."""

PREPARED: Final[tuple[str, ...]] = ("", *get_args(Prepared))
"""How a quantised base is made ready: as it is, or by PEFT's `prepare_model_for_kbit_training`,
which works in 32 bits (kbit)."""

LIBRARIES: Final[tuple[str, ...]] = ("", *get_args(Library))
"""Releases of transformers from which more, or less, is kept of the logits, as
data/memory_terms.csv has them; '' is before 4.46, or not stated."""

LOSSES: Final[tuple[str, ...]] = ("", *get_args(Loss))
"""How logits become a loss: plainly, by a fused kernel, or fused with the head (no logits kept)."""

DISPATCHERS: Final[tuple[str, ...]] = ("", *get_args(Dispatcher))
"""How tokens reach their experts; '' is the stack's own. A plain all-to-all sends every copy of a
token by itself, DeepEP and HybridEP send one to each node that holds experts of it."""

GRAPHS: Final[tuple[str, ...]] = ("", *get_args(Graphs))
"""What runs as a CUDA graph: nothing, attention and routing of each layer, or a whole iteration;
'' is the stack's own."""

_RELEASE = re.compile(r"(\d+)\.(\d+)")


def library_of(version: str) -> str | None:
    """The last of `LIBRARIES` that is not after a version of transformers; None if it is none.

    >>> library_of("4.48.1"), library_of("transformers 5.0"), library_of("4.45.2"), library_of("")
    ('4.46', '4.49', '', '')
    """
    if not version:
        return ""
    found = _RELEASE.search(version)
    if found is None:
        return None
    release = int(found[1]), int(found[2])
    steps = [step for step in LIBRARIES[1:] if tuple(map(int, step.split("."))) <= release]
    return steps[-1] if steps else ""
