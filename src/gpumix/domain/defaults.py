"""What is assumed where a team does not say; a plan lists each that it used."""

from __future__ import annotations

from typing import Final

from gpumix.domain.workload import Kind

PRECISION: Final = "bf16"
ENGINE: Final = "vllm"
"""Of a served workload, a comparison and a measurement."""

INPUT_TOKENS: Final = 1024.0
OUTPUT_TOKENS: Final = 256.0
"""Of a request, where a comparison states none."""
INPUT_TOKENS_OF_VOLUME: Final = {Kind.BATCH: 1024.0, Kind.EMBEDDING: 512.0}
"""Of a request, where only a daily volume is stated."""

THINK_TIME_S: Final = 30.0
"""From an answer to the next question of one user, where an inventory states users alone."""

ADAPTER_RANK: Final = 16
"""Of LoRA adapters whose number alone is stated on a command line."""

SEQ_LEN: Final = {Kind.FINETUNE: 2048, Kind.PRETRAIN: 4096}
"""Tokens of a training sequence."""
STACK: Final = {
    "lora": "torchtune",
    "qlora": "hf-peft",
    "full": "fsdp",
    "dpo": "fsdp",
    "pretrain": "megatron",
}
"""Software of a job that names none, by method."""
PRETRAIN_TOKENS_PER_STEP: Final = 4_194_304
"""Of a pre-training step whose global batch is not stated: 4 Mi tokens, as Llama 2 (arXiv
2307.09288 section 2.2)."""

SPOT_SHARE: Final = 0.3
"""Of served traffic that may run on spot: losing a zone's spot capacity must leave most of it
served."""

GPUS_PER_NODE: Final = 8
"""GPUs of one server that share its fast links, where a part's own links reach no further."""
TENSOR_PARALLEL: Final = (1, 2, 4, 8)
"""Tensor-parallel degrees within a server."""

OWNED_AGE_MONTHS: Final = 36.0
"""Age of an owned server that an inventory does not tell: half of the five to six years for which
hyperscalers keep theirs (row amortisation_years of data/tco_defaults.csv)."""
TAX_RECOVERY_MONTHS: Final = 12
"""Until customs pays an advance back that a registered firm may reclaim: an assumption, with the
next year's return."""
SERVER_LEAD_MONTHS: Final = 3
"""From the order of a GPU server to its delivery, where an inventory does not say: Dell, 8 to 12
weeks for H100 servers (United Daily News of 2024-04, told by The Register on 2024-04-12); Omdia
told of 36 to 52 weeks in the shortage of 2023."""

CHAT_INPUT_CV, CHAT_OUTPUT_CV = 1.2, 1.0
"""Coefficients of variation of lengths in a dataset of chats of which only means are known: those
of the packaged traces of chats are 0.96 to 1.33 and 0.73 to 1.48 (data/profiles.json), and these
their means."""

MONEY_DRAWS: Final = 10_000
MONEY_SEED: Final = 20261130
"""How often all ranges of a plan's money are drawn together, and from which seed."""
BOOK_YEARS: Final = 5.0
"""Over which accounts write servers off, in a straight line (row amortisation_years of
data/tco_defaults.csv: 3, 5 and 6)."""
FIT_GPUS: Final = (
    "h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "h200-sxm-141gb", "b200-sxm-180gb",
    "mi300x-192gb", "a100-sxm-40gb", "rtxpro6000-96gb", "l4-24gb",
)  # fmt: skip
"""GPUs that `gpumix fit` shows where none is named: the three most asked for, then other
data-centre parts on sale."""

IDLE_ENGINE_ACTIVE: Final = 0.05
"""Engine activity (0-1) below which a GPU that somebody holds is quiet [assumed: the house's rule,
after AcmeTrace, where a quarter to a third of samples are at 0]."""
IDLE_POWER_FACTOR: Final = 1.3
"""Times its idle power that a quiet GPU may draw and still be idle [assumed]."""
IDLE_RUN_S: Final = 3600
"""Seconds that a GPU must be quiet on end to be idle [assumed]."""
IDLE_SHARE_OF_TDP: Final = 0.15
"""Idle power of a GPU of which no figure is known, as a share of its TDP [assumed]."""

DISMISSED_GROWS: Final = 0.25
"""Share by which a dismissed finding may grow a month before it comes back, where the page writes
the lines [assumed]; the file's own figure is what counts."""
