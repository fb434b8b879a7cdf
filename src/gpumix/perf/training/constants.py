"""Fitted constants as arrays: the tables of the `training` section, a value per job."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.coefficients import Table
from gpumix.domain.training_words import DISPATCHERS, LIBRARIES, OPTIMIZERS
from gpumix.perf.training.job import LINKS, TrainingJob
from gpumix.values import FloatArray

Constants = Mapping[str, Table]
"""Tables by name (architecture, stack, link, kernel), as data/coefficients.json holds them."""

UNKNOWN = "unknown"
ANY = "any"

ALIASES = {
    "pytorch-fsdp": "fsdp",
    "torch-fsdp": "fsdp",
    "fms-fsdp": "fsdp",
    "megatron-lm": "megatron",
    "deepspeed": "hf-deepspeed",
    "peft": "hf-peft",
    "trl": "hf-peft",
    "transformers": "hf-peft",
    "hf-trainer": "hf-peft",
    "llama-factory": "hf-peft",
    "axolotl": "hf-peft",
}
"""What people call stacks -> the one of the tables that it is, or is built on."""


def stack_family(name: str) -> str:
    """The stack that a name means, as the tables call it; the name itself where it is unknown.

    >>> stack_family("Megatron-LM"), stack_family("torchtune")
    ('megatron', 'torchtune')
    """
    stack = name.strip().lower()
    return ALIASES.get(stack.replace("_", "-"), stack)


class Lookup:
    """Constants of the tables as arrays, a value per row."""

    def __init__(self, job: TrainingJob, constants: Constants) -> None:
        self._job, self._tables = job, constants
        self._kernel = constants["kernel"]["all"]
        stacks = constants["stack"]
        self._names = [stack_family(name) for name in job.stacks]
        self._stacks = [stacks.get(name, stacks[UNKNOWN]) for name in self._names]
        parts = constants["architecture"]
        self._parts = [parts.get(name, parts[UNKNOWN]) for name in job.architectures]

    def kernel(self, name: str) -> float:
        """A constant all jobs share."""
        return self._kernel[name]

    def stack(self, name: str) -> FloatArray:
        """A constant of each job's software stack; the typical stack's where it is unknown."""
        return np.array([s[name] for s in self._stacks])[self._job.stack]

    def part(self, name: str) -> FloatArray:
        """A constant of each job's GPU architecture."""
        return np.array([p[name] for p in self._parts])[self._job.parts.architecture]

    def link(self, name: str) -> FloatArray:
        """A constant of each job's link inside a node."""
        table = self._tables["link"]
        return np.array([table[link][name] for link in LINKS])[self._job.link]

    def optimizer(self, name: str) -> FloatArray:
        """A figure of each job's optimizer; 0 where it has none of that name."""
        table = self._tables["optimizer"]
        found = [table[word or "adamw"].get(name, 0.0) for word in OPTIMIZERS]
        return np.array(found)[self._job.optimizer]

    def base(self, name: str) -> FloatArray:
        """A figure of how each job's stack stores a frozen base."""
        memory = self._tables["memory"]
        found = [memory.get(stack, {}).get(name, memory[ANY][name]) for stack in self._names]
        return np.array(found)[self._job.stack]

    def measured(self, name: str) -> FloatArray:
        """A term of memory of each job's stack and release; 0 where it was not measured."""
        memory = self._tables["memory"]
        found = [
            [
                memory.get(f"{stack} {library}", {}).get(name, memory.get(stack, {}).get(name, 0.0))
                for library in LIBRARIES
            ]
            for stack in self._names
        ]
        return np.array(found)[self._job.stack, self._job.library]

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Whether the memory of each job's stack was measured term by term."""
        known = [stack in self._tables["memory"] for stack in self._names]
        return np.array(known)[self._job.stack]

    @property
    def sends_once(self) -> NDArray[np.bool_]:
        """Whether each job's dispatcher sends a token once to a node, not once to an expert."""
        stated = self._job.moe_dispatcher
        once = np.where(
            stated > 0, stated > DISPATCHERS.index("alltoall"), self.stack("sends_once") > 0
        )
        return np.asarray(once)

    @property
    def real_tokens(self) -> FloatArray:
        """Share of seq_len that is computed: encoders drop the padding of their short samples."""
        return np.where(self._job.shapes.encoder > 0, self.kernel("encoder_fill"), 1.0)
