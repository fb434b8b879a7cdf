"""What each verb is asked over REST: the options of its command line, files as content."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gpumix.domain.bounds import RUN_REQUESTS
from gpumix.web.rest.place import Sent

_MOST_FILES = 200
Word = Annotated[str, Field(max_length=500)]
Files = Annotated[list[Sent], Field(max_length=_MOST_FILES)]
Effort = Literal["quick", "normal", "thorough"]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
PLAN = "A plan: the name of its folder here, or its plan.json."
FLEET = "A fleet: the name of its folder here, or the files of its sources."
BILLS = "FOCUS bills."
BESIDE = "Files that the inventory names: price sheets, traces, configs."
MEASURED = "Your own measurements: the measurements.csv of calibrate."
EFFORT = "How much work the searches may do."
BOOK = "Price book: CSV of gpu, purchase, usd_per_gpu_hour."
CONFIGS = "Model name -> its Hugging Face config.json."
RULES = "CSV of thresholds that differ."


class Asked(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, stated: object) -> object:
        try:
            json.dumps(stated, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("holds characters that are no text (lone surrogates)") from None
        return stated


class AskedInit(Asked):
    """`gpumix init`."""

    source: Sent | None = Field(None, description="A manifest or a bill to start from.")
    template: Word | None = Field(None, description="A kind of team, such as rag, or a tco case.")


class AskedStart(Asked):
    """`gpumix start`: the five answers; what is left out is a default, and said to be."""

    work: Word = Field("", description="What the work is.", examples=["chat"])
    model: Word = Field("", description="Model by its Hugging Face id.")
    load: Word = Field("", description="Users at once, or an amount a day.", examples=["50 users"])
    country: Word = Field("", description="Country that the data must stay in.")
    monthly_bill: Word = Field("", description="Today's bill for GPUs a month [USD].")


class AskedDemo(Asked):
    """`gpumix demo`."""


class AskedSweep(Asked):
    """`gpumix plan` of several inventories, or of the scenarios of one."""

    inventories: Files = Field(min_length=1, description="Inventories, YAML.")
    beside: Files = Field([], description=BESIDE)
    scenarios: bool = Field(False, description="Also plan each scenario of the one inventory.")
    effort: Effort = Field("quick", description=EFFORT)
    measured: Sent | None = Field(None, description=MEASURED)
    estimated_terms: bool | None = Field(None, description="Also commitments that nobody lists.")
    tiers: Word | None = Field(None, description="Providers to rent from, or any.")


class AskedSimulate(Asked):
    """`gpumix simulate`: a deployment under traffic; or with `plan` what a plan runs."""

    model: Word | None = Field(None, description="Model id.")
    gpu: Word | None = Field(None, description="GPU id.")
    tp: int | None = Field(None, ge=1, le=1024, description="Tensor-parallel degree.")
    precision: Word = Field("", description="Weight precision.")
    kv_precision: Word = Field("", description="KV-cache precision.")
    engine: Word = Field("vllm", description="Serving engine.")
    replicas: int = Field(1, ge=1, le=100_000, description="Replicas behind one router.")
    trace: Sent | None = Field(None, description="Requests as CSV, JSONL or Parquet.")
    trace_unit: Word = Field("", description="Unit of the trace's times, s or ms.")
    map: dict[Word, Word] = Field({}, description="Name -> column of the trace.")
    profile: Word | None = Field(None, description="Traffic instead of a trace: azure-conv, ...")
    rate: float | None = Field(None, description="Mean requests/s.")
    requests: int | None = Field(None, ge=1, le=10**9, description="Number of requests.")
    slo: Word | None = Field(None, description="Latency limits: ttft_p95=800ms,tpot_p95=50ms.")
    timeout_s: float | None = Field(None, description="Drop a request without a token then [s].")
    batching: Word = Field("continuous", description="continuous or static.")
    max_replicas: int | None = Field(None, ge=1, le=100_000, description="Autoscale up to these.")
    scale_target: float | None = Field(None, description="Requests in flight per replica.")
    cold_start_s: float | None = Field(None, description="Seconds to start a replica.")
    prefill_replicas: int = Field(0, ge=0, le=100_000, description="Replicas that only prefill.")
    kv_link_gb_per_s: float | None = Field(None, description="Prefill to decode link [GB/s].")
    adapters: int | None = Field(None, ge=0, le=10**6, description="LoRA adapters served.")
    adapter_rank: int | None = Field(None, ge=0, le=10**6, description="Rank of the adapters.")
    configs: dict[Word, Sent] = Field({}, description=CONFIGS)
    context: int | None = Field(None, ge=1, le=10**8, description="Longest request [tokens].")
    seed: Seed | None = Field(None, description="Random seed; default 0, or the plan's own.")
    plan: Word | Sent | None = Field(None, description=PLAN)
    workload: Word | None = Field(None, description="With plan: the workload.")
    hour: int | None = Field(None, ge=0, le=167, description="With plan: hour of the week.")
    year: int | None = Field(None, ge=1, le=100, description="With plan: year of the horizon.")
    confidence: float | None = Field(None, description="With plan: probability, 0.5 to 0.99.")


class AskedRun(Asked):
    """Of a training run that is compared; what is left out is a default, and said to be."""

    method: Word = Field("pretrain", description="pretrain, full, dpo, lora or qlora.")
    tokens: Word | None = Field(None, description="Tokens, such as 500M.")
    seq_len: int | None = Field(None, description="Tokens per sequence.")
    global_batch: int | None = Field(None, description="Sequences per step.")
    stack: Word | None = Field(None, description="Software stack, such as megatron.")
    finish_within: Word | None = Field(None, description="Deadline of the P90 finish: 30d.")
    calendar_usd_per_day: float = Field(0.0, description="Cost of a day of waiting [USD].")
    counts: Word | None = Field(None, description="GPU counts: 8,16,64.")
    optimizer: Word = Field("", description="adamw, adamw_8bit, ...; default the stack's own.")
    offload: Word = Field("", description="Kept in host memory: optimizer or all.")
    base_precision: Word = Field("", description="Frozen base: bf16, int8, nf4, nf4_single.")


class AskedCompare(Asked):
    """`gpumix compare`: a model, or a workload of an inventory; with `train` a training run."""

    model: Word | None = Field(None, description="Model id; or else an inventory.")
    inventory: Sent | None = Field(None, description="An inventory, YAML.")
    beside: Files = Field([], description=BESIDE)
    workload: Word | None = Field(None, description="Workload of the inventory.")
    gpus: Word | None = Field(None, description="GPU ids, comma-separated.")
    input: float | None = Field(None, description="Input tokens per request.")
    output: float | None = Field(None, description="Output tokens per request.")
    slo: Word | None = Field(None, description="Latency limits: ttft_p95=800ms,tpot_p95=50ms.")
    precision: Word | None = Field(None, description="Weight precisions, comma-separated.")
    engine: Word = Field("vllm", description="Serving engine.")
    adapters: int | None = Field(None, description="LoRA adapters served.")
    adapter_rank: int | None = Field(None, description="Rank of the adapters.")
    train: AskedRun | None = Field(None, description="Compare for training, not serving.")
    resolution: Word | None = Field(None, description="Of an image or video: 1024x1024.")
    steps: int | None = Field(None, ge=1, le=1000, description="Denoising steps of a sample.")
    frames: int | None = Field(None, ge=1, le=10_000, description="Frames of a video.")
    providers: Word | None = Field(None, description="Only prices of these, comma-separated.")
    purchase: Word | None = Field(None, description="on_demand, spot, reserved.")
    users: float | None = Field(None, description="People at work at once.")
    concurrency: float | None = Field(None, description="Requests in flight at once.")
    context: float | None = Field(None, description="Tokens of the longest request.")
    sweep: Literal["batch"] | None = Field(None, description="Speed at several batches.")
    everything: bool = Field(False, description="Consumer and legacy GPUs too.")
    measured: Sent | None = Field(None, description=MEASURED)
    configs: dict[Word, Sent] = Field({}, description=CONFIGS)


class AskedFitRun(Asked):
    """Of a training job whose memory is asked for."""

    method: Word = Field("full", description="pretrain, full, dpo, lora or qlora.")
    seq_len: int | None = Field(None, description="Tokens per sequence.")
    micro_batch: int = Field(1, description="Sequences per GPU and step.")
    n_gpus: int | None = Field(None, description="GPUs; default the fewest that hold it.")
    stack: Word | None = Field(None, description="Software stack; default hf-peft.")
    optimizer: Word = Field("", description="adamw, adamw_8bit, ...; default the stack's own.")
    offload: Word = Field("", description="Kept in host memory: optimizer or all.")
    base_precision: Word = Field("", description="Frozen base: bf16, int8, nf4, nf4_single.")
    loss: Word = Field("", description="fused or linear cross-entropy; default plain.")
    activation_ckpt: Word = Field("full", description="Checkpointing none, selective or full.")
    lora_rank: int = Field(16, description="Rank of the adapter.")


class AskedFit(Asked):
    """`gpumix fit`; with `train` a training job."""

    model: Word = Field(description="Model id.")
    gpus: Word | None = Field(None, description="GPU ids, comma-separated.")
    context: int | None = Field(None, description="Tokens of a request in all.")
    users: int = Field(1, description="Requests of that size at once.")
    tp: int | None = Field(None, description="GPUs of a replica.")
    precision: Word | None = Field(None, description="Weight precision.")
    kv_precision: Word = Field("", description="KV-cache precision.")
    engine: Word = Field("vllm", description="Serving engine.")
    engine_version: Word = Field("", description="Its version; default the newest.")
    gpu_memory_utilization: float | None = Field(None, description="Share the engine may fill.")
    max_num_seqs: int | None = Field(None, description="Most sequences at once.")
    max_num_batched_tokens: int | None = Field(None, description="Most tokens of one step.")
    graphs: bool = Field(True, description="With CUDA graphs.")
    adapters: int | None = Field(None, description="LoRA adapters served.")
    adapter_rank: int | None = Field(None, description="Rank of the adapters.")
    train: AskedFitRun | None = Field(None, description="Fit a training job instead.")
    measured: Sent | None = Field(None, description=MEASURED)
    configs: dict[Word, Sent] = Field({}, description=CONFIGS)


class AskedSolve(Asked):
    """`gpumix solve`."""

    problem: Sent = Field(description="A mix problem, JSON, as a plan's problem.json is.")
    gap: float = Field(1e-7, description="Stop when the gap to the optimum is at most this.")
    effort: Effort = Field("normal", description=EFFORT)


class AskedTco(Asked):
    """`gpumix tco`."""

    case: Sent = Field(description="A case, YAML (docs/tco-case.md).")
    costs: Literal["full", "marginal"] | None = Field(None, description="Instead of the case's.")


class AskedSite(Asked):
    """`gpumix site`."""

    inventory: Sent = Field(description="An inventory, YAML, with a site.")
    beside: Files = Field([], description=BESIDE)
    gpus: Word | None = Field(None, description="GPU ids, comma-separated.")
    measured: Sent | None = Field(None, description=MEASURED)


class AskedPredict(Asked):
    """`gpumix predict training`: a table of questions."""

    points: Sent = Field(description="CSV or CSV.gz, a row a question.")
    gpus: Sent | None = Field(None, description="CSV that adds or replaces GPUs.")
    models: Sent | None = Field(None, description="CSV that adds or replaces models.")
    configs: dict[Word, Sent] = Field({}, description=CONFIGS)
    measured: Sent | None = Field(None, description=MEASURED)
    nearest: bool = Field(False, description="Also the nearest measurement and its error.")


class AskedPredictServing(AskedPredict):
    """`gpumix predict inference`: a table of questions."""

    requests: int = Field(
        1_000, ge=int(RUN_REQUESTS[0]), le=int(RUN_REQUESTS[1]),
        description="Requests of a simulated run; 0: closed form.",
    )  # fmt: skip
    seed: Seed = Field(0, description="Of simulated runs.")


class AskedBacktest(Asked):
    """`gpumix backtest`: predictions against measured rows, the packaged ones by default."""

    points: Sent | None = Field(None, description="CSV of measured rows.")
    results: Sent | None = Field(None, description="Results of a benchmark tool.")
    gpu: Word = Field("", description="GPU of the results.")
    model: Word = Field("", description="Model of the results.")
    tp: Word = Field("", description="Tensor-parallel degree of the results.")
    precision: Word = Field("", description="Weight precision of the results.")


class AskedCalibrate(Asked):
    """`gpumix calibrate`: on result files, or on what a fleet's replicas served."""

    results: Files = Field([], description="Results of a benchmark tool, or a CSV of points.")
    fleet: Word | Files | None = Field(None, description=FLEET)
    plan: Word | Sent | None = Field(None, description=f"With a fleet. {PLAN}")
    gpu: Word = Field("", description="GPU of the run, if the file lacks it.")
    model: Word = Field("", description="Model, if the file lacks it.")
    n_gpus: Word = Field("", description="Number of GPUs.")
    tp: Word = Field("", description="Tensor-parallel degree.")
    pp: Word = Field("", description="Pipeline-parallel degree.")
    dp: Word = Field("", description="Data-parallel degree.")
    ep: Word = Field("", description="Expert-parallel degree.")
    precision: Word = Field("", description="Weight precision.")
    kv_precision: Word = Field("", description="KV-cache precision.")
    engine: Word = Field("", description="Serving engine.")
    engine_version: Word = Field("", description="Engine version.")
    concurrency: float | None = Field(None, description="Requests in flight.")
    rate: float | None = Field(None, description="Requests/s offered.")
    input_len: float | None = Field(None, description="Mean tokens of a prompt.")
    output_len: float | None = Field(None, description="Mean tokens of an answer.")
    metric: Word = Field("", description="What a CSV's values are.")
    map: dict[Word, Word] = Field({}, description="Name -> column of a CSV.")
    confirm: bool = Field(False, description="Store files in doubt too.")
    configs: dict[Word, Sent] = Field({}, description=CONFIGS)
    store: Sent | None = Field(None, description="Measurements of before, which are added to.")


class AskedMeasure(Asked):
    """`gpumix measure`: what measuring is worth, and the script; no command is run here."""

    plan: Word | Sent = Field(description=f"{PLAN} Or an inventory, YAML, which is planned first.")
    beside: Files = Field([], description=BESIDE)
    measured: Sent | None = Field(None, description=MEASURED)


class AskedAttribute(Asked):
    """`gpumix attribute`."""

    fleet: Word | Files = Field(description=FLEET)
    bills: Files = Field([], description=BILLS)
    prices: Sent | None = Field(None, description=BOOK)
    by: list[Word] = Field([], max_length=10, description="Fold by: team, workload, model, ...")
    basis: Literal["allocation", "usage"] = Field("allocation", description="What is paid for.")


class AskedAudit(Asked):
    """`gpumix audit`."""

    fleet: Word | Files = Field(description=FLEET)
    bills: Files = Field([], description=BILLS)
    prices: Sent | None = Field(None, description=BOOK)
    plan: Word | Sent | None = Field(None, description=PLAN)
    off: Word | None = Field(None, description="Classes not to look for, comma-separated.")
    rules: Sent | None = Field(None, description=RULES)


class AskedDrift(Asked):
    """`gpumix drift`."""

    fleet: Word | Files = Field(description=FLEET)
    plan: Word | Sent = Field(description=PLAN)
    bills: Files = Field([], description=BILLS)
    prices: Sent | None = Field(None, description=BOOK)
    measured: Sent | None = Field(None, description=MEASURED)
    rules: Sent | None = Field(None, description=RULES)
    solve: bool = Field(True, description="Plan again with what drifted, to tell its cost.")


class AskedReplan(Asked):
    """`gpumix replan`."""

    plan: Word | Sent = Field(description=PLAN)
    fleet: Word | Files | None = Field(None, description=FLEET)
    prices: Sent | None = Field(None, description="Price sheet that goes before the plan's.")
    as_of: date | None = Field(None, description="The day from which to plan; default today.")
    drifted: bool = Field(False, description="Plan with what has drifted in the fleet.")
    bills: Files = Field([], description=f"{BILLS} drifted takes prices from them.")
    effort: Effort = Field("normal", description=EFFORT)
    measured: Sent | None = Field(None, description=MEASURED)


class AskedDiff(Asked):
    """`gpumix diff`: plans, or inventories that are planned first."""

    before: Word | Sent = Field(description=f"{PLAN} Or an inventory, YAML.")
    after: Word | Sent = Field(description="The same, to compare with it.")
    fail_if: list[Word] = Field([], max_length=20, description="Conditions: monthly_usd>+10%.")
    effort: Effort = Field("normal", description=EFFORT)
    measured: Sent | None = Field(None, description=MEASURED)


class AskedGuard(Asked):
    """`gpumix guard`."""

    plan: Word | Sent = Field(description=PLAN)
    targets: Word = Field(description="Targets, comma-separated: quota, kueue, ...")
    kueue_version: Word | None = Field(None, description="Version of Kueue's API.")
    fair_sharing: bool = Field(False, description="Weights of Kueue's fair sharing.")
    prometheus: Word | None = Field(None, description="Written into the files; not asked.")


class AskedExport(Asked):
    """`gpumix export`."""

    plan: Word | Sent = Field(description=PLAN)
    targets: Word | None = Field(None, description="Targets, comma-separated; default all.")


class AskedPrices(Asked):
    """`gpumix prices check` of a sheet."""

    sheet: Sent = Field(description="A price sheet, CSV.")


class AskedImport(Asked):
    """`gpumix prices import`."""

    files: Files = Field(min_length=1, description="Price files of other tools, or bills.")
    format: Word = Field("auto", description="What they are; default as they look.")
    provider: Word = Field("", description="Provider, if the file does not name it.")
    as_of: Word = Field("", description="Day of the prices, if the file does not say.")
    out: Sent | None = Field(None, description="The sheet of before: its newer rows stay.")


class AskedImportApi(Asked):
    """`gpumix prices import-api`."""

    file: Sent = Field(description="Price map of hosted models, JSON.")
    as_of: Word = Field(description="Day the prices were true.")
