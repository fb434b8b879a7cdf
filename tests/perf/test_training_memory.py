"""Memory of a training job: the ZeRO paper's figure, measured peaks, properties."""

import copy
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.perf.training.job import training_jobs
from gpumix.perf.training.memory import adapter_params, memory
from gpumix.units import GIB, GIGA

CATALOG = load()
CONSTANTS = CATALOG.coefficients.training
H100, A100 = CATALOG.gpu("h100-sxm-80gb"), CATALOG.gpu("a100-sxm-80gb")
LLAMA_8B = CATALOG.model("meta-llama/Llama-3.1-8B-Instruct")
QWEN_7B = CATALOG.model("Qwen/Qwen-7B")


@pytest.mark.parametrize(
    ("sharding", "gigabytes"), [("ddp", 120.0), ("zero1", 31.4), ("zero2", 16.6)]
)
def test_figure_1_of_the_zero_paper(sharding, gigabytes):
    """7.5B parameters, 64 replicas, 2 + 2 + 12 bytes: 120, 31.4 and 16.6 GB of model states."""
    constants = copy.deepcopy(dict(CONSTANTS))
    constants["stack"]["fsdp"] |= {"weight_bytes": 2, "gradient_bytes": 2, "optimizer_bytes": 12}
    model = dataclasses.replace(LLAMA_8B, params_total_b=7.5, computed_total_b=7.5)
    jobs = training_jobs([model], [H100], n_gpus=64, stack="fsdp", sharding=sharding)
    need = memory(jobs, constants)
    states = need.weights[0] + need.gradients[0] + need.optimizer[0]
    assert states / GIGA == pytest.approx(gigabytes, rel=0.01)


@pytest.mark.parametrize(
    ("seq_len", "task", "gib"),
    [(256, "lora", 20.1), (8192, "lora", 36.6), (256, "qlora", 11.5), (8192, "qlora", 23.5)],
)
def test_measured_peaks_of_the_qwen_page(seq_len, task, gib):
    """The page's scripts train adapters of rank 64 on every linear layer."""
    jobs = training_jobs(
        [QWEN_7B], [A100], stack="hf-peft", task=task, seq_len=seq_len, sharding="none",
        activation_ckpt="full", lora_rank=64,
    )  # fmt: skip
    assert memory(jobs, CONSTANTS).total_bytes[0] / GIB == pytest.approx(gib, rel=0.25)


def test_parts_sum_to_the_total_and_decide_the_fit():
    jobs = training_jobs([LLAMA_8B], [H100], micro_batch=[1, 64], stack="nemo", n_gpus=8)
    need = memory(jobs, CONSTANTS)
    parts = (need.weights, need.gradients, need.optimizer, need.activations, need.logits)
    assert need.total_bytes == pytest.approx(sum(parts) + need.overhead)
    assert need.fits.tolist() == (need.total_bytes <= need.usable_bytes).tolist()
    assert not need.fits[1]


def test_rank_16_on_all_linear_layers_of_llama_8b():
    """PEFT prints 41,943,040 trainable parameters for rank 16 on every linear layer."""
    jobs = training_jobs([LLAMA_8B], [H100], task="lora", lora_rank=16)
    assert adapter_params(jobs)[0] == pytest.approx(41.94e6, rel=0.02)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from(["zero1", "zero2", "zero3_fsdp"]),
    st.sampled_from([1024, 4096, 16384]),
)
def test_more_replicas_longer_sequences_less_checkpointing(dp, sharding, seq_len):
    def need(**changed):
        columns = {"n_gpus": dp, "seq_len": seq_len, "sharding": sharding, "stack": "fsdp"}
        return memory(training_jobs([LLAMA_8B], [H100], **(columns | changed)), CONSTANTS)

    base = need().total_bytes[0]
    assert need(n_gpus=dp * 2).total_bytes[0] <= base
    assert need(seq_len=seq_len * 2).total_bytes[0] >= base
    kept = [need(activation_ckpt=c).total_bytes[0] for c in ("none", "selective", "full")]
    assert kept == sorted(kept, reverse=True)


def test_trained_embeddings_cost_twelve_bytes_each():
    """The Qwen README's LoRA of the base model, embeddings and head trained: 33.7 GiB, not 20.1."""
    question = {"stack": "hf-peft", "task": "lora", "seq_len": 256, "sharding": "none",
                "activation_ckpt": "full", "lora_rank": 64}  # fmt: skip
    plain, tables = (
        memory(training_jobs([QWEN_7B], [A100], lora_embeddings=e, **question), CONSTANTS)
        for e in (False, True)
    )
    more = (tables.optimizer - plain.optimizer)[0]
    assert more == pytest.approx(12 * 2 * QWEN_7B.vocab * QWEN_7B.hidden)
    assert tables.total_bytes[0] / GIB == pytest.approx(33.7, rel=0.1)


def test_unfused_attention_keeps_its_scores():
    """Korthikanti et al. eq. 1: 5 bytes x heads x length for every token of a layer."""
    constants = copy.deepcopy(dict(CONSTANTS))
    constants["stack"]["nemo"] |= {"activation_scale": 1.0, "fused_attention": 0.0}
    constants["kernel"]["all"] |= {"working_layers": 1.0}
    jobs = training_jobs([LLAMA_8B], [H100], seq_len=[2048, 4096], stack="nemo")
    fused = dict(constants, stack=copy.deepcopy(constants["stack"]))
    fused["stack"]["nemo"]["fused_attention"] = 1.0
    more = memory(jobs, constants).activations - memory(jobs, fused).activations
    layers, heads = LLAMA_8B.layers, LLAMA_8B.heads
    assert more == pytest.approx(5.0 * heads * jobs.seq_len**2 * (layers + 1))
