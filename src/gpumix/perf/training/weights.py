"""How a model's weights lie on the GPUs of a job: dense ones and routed experts apart."""

from __future__ import annotations

import numpy as np

from gpumix.perf.training.job import TrainingJob
from gpumix.values import FloatArray


def dense_per_gpu(job: TrainingJob) -> FloatArray:
    """Parameters outside of the routed experts on one GPU, before sharding [count].

    Source: Megatron-LM's parallel layouts.
    """
    return (job.shapes.total_params - job.shapes.expert_params) / (job.tp * job.pp)


def experts_per_gpu(job: TrainingJob) -> FloatArray:
    """Parameters of routed experts on one GPU, before sharding [count].

    Source: Megatron-Core, expert parallelism.
    """
    return job.shapes.expert_params / (np.maximum(job.ep, job.tp) * job.pp)


def expert_replicas(job: TrainingJob) -> FloatArray:
    """GPUs that hold the same experts [count]: dp cp tp / max(ep, tp), at least 1.

    Source: Megatron-Core, expert data parallelism; measured: DeepSeek-V3 PP4 EP64 on 256 GPUs
    holds 12 bytes of 2.5 G weights a GPU.
    """
    return np.maximum(job.dp * job.cp * job.tp / np.maximum(job.ep, job.tp), 1.0)


def weights_per_gpu(job: TrainingJob) -> FloatArray:
    """Parameters a GPU works on before data-parallel sharding [count].

    w = (dense / tp + experts / max(ep, tp)) / pp.

    Source: Megatron-LM's parallel layouts.
    """
    return dense_per_gpu(job) + experts_per_gpu(job)
