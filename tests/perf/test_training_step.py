"""Step time of whole jobs: measured steps, properties, calibration."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.errors import InputError
from gpumix.perf.training.job import training_jobs
from gpumix.perf.training.step import micro_batches, peaks, step
from gpumix.perf.training.weights import expert_replicas, experts_per_gpu

CATALOG = load()
CONSTANTS = CATALOG.coefficients.training
LLAMA_70B, LLAMA_8B = (CATALOG.model(f"meta-llama/Meta-Llama-3-{size}") for size in ("70B", "8B"))
MIXTRAL = CATALOG.model("mistralai/Mixtral-8x7B-v0.1")
H100, A100, L40S, V100 = (
    CATALOG.gpu(g) for g in ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "v100-sxm-32gb")
)
PLAN = {"n_gpus": 64, "tp": 4, "pp": 4, "global_batch": 128, "stack": "nemo", "seq_len": 8192}


def rate(gpu=H100, model=LLAMA_70B, **changed):
    return step(training_jobs([model], [gpu], **(PLAN | changed)), CONSTANTS).tokens_per_s_per_gpu[
        0
    ]


@pytest.mark.parametrize(
    ("measured", "question"),
    [
        # NeMo performance pages and dgxc-benchmarking, H100 SXM, tokens/s per GPU
        (1113.0, {"cp": 2, "vp": 5, "precision": "bf16"}),
        (1488.1, {"cp": 2, "vp": 5, "precision": "fp8"}),
        (1219.0, {"n_gpus": 32, "global_batch": 32, "seq_len": 4096, "vp": 5, "task": "sft"}),
        (1796.9, {"n_gpus": 8, "tp": 2, "global_batch": 32, "seq_len": 4096, "vp": 20,
                  "task": "lora", "sharding": "none"}),
    ],
)  # fmt: skip
def test_published_rates(measured, question):
    assert rate(**question) == pytest.approx(measured, rel=0.2)


def test_components_sum_to_the_step():
    result = step(training_jobs([LLAMA_70B], [H100, A100], gpu=[0, 1], **PLAN), CONSTANTS)
    assert np.sum(list(result.components.values()), axis=0) == pytest.approx(result.step_s)
    assert set(result.limit) <= {"compute", "bandwidth", "interconnect", "pipeline", "host"}


def test_rows_do_not_influence_each_other():
    both = step(training_jobs([LLAMA_70B, LLAMA_8B], [H100], model=[0, 1], **PLAN), CONSTANTS)
    assert both.tokens_per_s_per_gpu[0] == pytest.approx(rate())
    assert both.tokens_per_s_per_gpu[1] == pytest.approx(rate(model=LLAMA_8B))


def test_pcie_makes_tensor_parallelism_dear():
    """L40S trains a 70B LoRA five to eight times slower than H100: two thirds is all-reduce."""
    question = {"tp": 4, "pp": 1, "cp": 2, "n_gpus": 64, "global_batch": 8, "task": "lora",
                "precision": "fp8", "gpus_per_node": 4, "stack": "mlperf"}  # fmt: skip
    assert rate(gpu=L40S, **question) == pytest.approx(348.0, rel=0.25)
    jobs = training_jobs([LLAMA_70B], [L40S], **(PLAN | question))
    assert step(jobs, CONSTANTS).limit[0] == "interconnect"


def test_a_format_the_gpu_lacks_runs_at_16_bits():
    assert rate(gpu=A100, precision="fp8") == pytest.approx(rate(gpu=A100, precision="bf16"))
    assert rate(gpu=V100, precision="bf16") > 0


@settings(deadline=None, max_examples=25)
@given(st.floats(1.05, 4.0), st.sampled_from(["bandwidth_gb_per_s", "nvlink_gb_per_s"]))
def test_a_better_card_is_never_slower(factor, field):
    better = dataclasses.replace(H100, **{field: getattr(H100, field) * factor})
    assert rate(gpu=better) >= rate() * (1 - 1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6))
def test_larger_global_batch_never_lowers_the_rate(doublings):
    batches = 8.0 * 2.0 ** np.arange(doublings)
    jobs = training_jobs([LLAMA_70B], [H100], **(PLAN | {"global_batch": batches}))
    rates = step(jobs, CONSTANTS).tokens_per_s_per_gpu
    assert (np.diff(rates) >= -1e-9).all()


def test_full_checkpointing_costs_time_and_dpo_costs_a_reference_pass():
    assert rate(activation_ckpt="full") < rate(activation_ckpt="selective") < rate()
    assert 1.2 < rate() / rate(task="dpo") < 1.4


def test_pipeline_splits_a_batch_too_small_for_it():
    jobs = training_jobs(
        [LLAMA_70B], [H100], n_gpus=512, tp=8, pp=8, micro_batch=32, global_batch=256
    )
    size, number = micro_batches(jobs)
    assert (size[0], number[0]) == (1.0, 32.0)


def test_transfer_between_stages_costs_on_a_slow_network_unless_interleaved():
    def pipeline(vp, gbps):
        jobs = training_jobs([LLAMA_70B], [H100], **(PLAN | {"vp": vp}), inter_gbps_per_node=gbps)
        found = step(jobs, CONSTANTS).components
        return (found["pipeline"] / (found["matmul"] + found["tp"]))[0]

    assert pipeline(1, 400.0) > 1.02 * pipeline(1, 3200.0)
    assert pipeline(2, 400.0) == pytest.approx(pipeline(2, 3200.0), rel=1e-6)


def test_a_bridge_serves_its_pair_and_no_wider_ring():
    def exchange(n_gpus, link, gpu="h100-nvl-94gb"):
        jobs = training_jobs(
            [LLAMA_8B], [CATALOG.gpu(gpu)], n_gpus=n_gpus, link=link, sharding="ddp"
        )
        return step(jobs, CONSTANTS).components["dp"][0]

    assert exchange(2, "nvlink-bridge") < exchange(2, "pcie") / 3
    assert exchange(4, "nvlink-bridge") > exchange(4, "pcie") / 3
    card = "a100-pcie-80gb"  # no speed is stated of its bridge, an accessory: the slot's
    assert 0.0 < exchange(2, "nvlink-bridge", card) <= exchange(2, "pcie", card)


def test_copies_sent_to_experts_widen_a_mixtures_activations():
    shapes = training_jobs([MIXTRAL], [H100]).shapes
    twice = training_jobs([dataclasses.replace(MIXTRAL, top_k=3)], [H100]).shapes
    wider = twice.activation_width - shapes.activation_width
    one_expert = MIXTRAL.layers * (4.0 * MIXTRAL.moe_ffn_hidden + 2.0 * MIXTRAL.hidden)
    assert wider[0] == pytest.approx(one_expert)


NANO, SUPER, ULTRA, DEEPSEEK = (
    CATALOG.model(name)
    for name in (
        "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B",
        "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B", "deepseek-ai/DeepSeek-V3",
    )
)  # fmt: skip


def test_hybrids_have_experts_in_some_layers_and_exchange_at_their_latent_width():
    """Source: NVIDIA's configurations: 23, 40 and 48 MoE layers, widths 2,688, 1,024, 2,048."""
    shapes = training_jobs([NANO, SUPER, ULTRA], [H100], model=[0, 1, 2]).shapes
    assert shapes.moe_layers.tolist() == [23.0, 40.0, 48.0]
    assert shapes.expert_hidden == pytest.approx([2688.0, 1024.0, 2048.0], rel=0.01)
    assert shapes.state_layers.tolist() == [23.0, 40.0, 48.0]


def test_expert_weights_have_replicas_of_their_own():
    """DeepSeek-V3 PP4 EP64 on 256 GPUs: one replica of the 2.5 G expert weights of a GPU."""
    plan = {"n_gpus": 256, "pp": 4, "ep": 64, "stack": "megatron"}
    job = training_jobs([DEEPSEEK], [H100], **plan)
    assert expert_replicas(job)[0] == 1.0
    assert experts_per_gpu(job)[0] == pytest.approx(2.55e9, rel=0.02)
    whole = step(training_jobs([DEEPSEEK], [H100], **(plan | {"ep": 8})), CONSTANTS).components
    assert step(job, CONSTANTS).components["dp"][0] < whole["dp"][0]


def test_a_dispatcher_that_sends_once_a_node_is_faster_over_a_network():
    def seconds(**changed):
        plan = {"n_gpus": 256, "pp": 4, "ep": 64, "stack": "megatron", "sharding": "zero1"}
        job = training_jobs([DEEPSEEK], [H100], **(plan | changed))
        return step(job, CONSTANTS)

    plain, once = (seconds(moe_dispatcher=word) for word in ("alltoall", "hybridep"))
    assert once.components["ep"][0] < 0.7 * plain.components["ep"][0]
    assert once.step_s[0] < plain.step_s[0]
    assert seconds().step_s[0] == plain.step_s[0]
    assert seconds(cuda_graph="full_iteration").step_s[0] < plain.step_s[0]
    assert seconds(cuda_graph="partial").step_s[0] == plain.step_s[0]


def test_four_bits_of_a_hybrid_run_at_eight():
    b200 = CATALOG.gpu("b200-sxm-180gb")
    jobs = training_jobs([NANO, LLAMA_8B], [b200], model=[0, 1], precision="fp4")
    assert peaks(jobs)[1].tolist() == [1.0, 0.5]


def test_fused_kernels_are_faster():
    plan = {"gpu": A100, "model": LLAMA_8B, "n_gpus": 1, "tp": 1, "pp": 1, "stack": "hf-peft",
            "global_batch": 4, "micro_batch": 4, "seq_len": 4096, "task": "lora"}  # fmt: skip
    assert 1.02 < rate(**plan, loss="fused") / rate(**plan) < 1.3


def test_unknown_word_is_an_input_error():
    with pytest.raises(InputError, match="zero3_fsdp"):
        training_jobs([LLAMA_70B], [H100], sharding="zero3_fsd")


def test_a_format_the_gpu_lacks_runs_at_the_next_wider_one():
    """B200 has FP4, H100 FP8 at the least, A100 16 bits only."""
    gpus = [CATALOG.gpu("b200-sxm-180gb"), H100, A100]
    jobs = training_jobs([LLAMA_8B], gpus, gpu=[0, 1, 2], precision="fp4")
    peak, element_bytes, _ = peaks(jobs)
    assert element_bytes.tolist() == [0.5, 1.0, 2.0]
    assert peak == pytest.approx(
        [gpus[0].fp4_tflops * 1e12, H100.fp8_tflops * 1e12, A100.flops_16bit]
    )


def test_a_model_without_a_shape_is_one_layer_and_still_takes_its_flops():
    """Only its parameters are known: products are counted by them, not by layers."""
    plan = {"n_gpus": 8, "global_batch": 64, "seq_len": 2048, "stack": "nemo"}
    bare = dataclasses.replace(LLAMA_8B, layers=None)
    job = training_jobs([bare], [H100], **plan)
    assert job.shapes.layers[0] == 1.0
    assert rate(model=bare, **plan, tp=1, pp=1) == pytest.approx(
        rate(model=LLAMA_8B, **plan, tp=1, pp=1), rel=0.3
    )


def test_an_adapters_weights_are_too_few_to_take_optimizer_time():
    full, adapter = (
        step(training_jobs([LLAMA_8B], [H100], task=task), CONSTANTS).components["optimizer"][0]
        for task in ("sft", "lora")
    )
    assert full > 0.0
    assert adapter == 0.0
