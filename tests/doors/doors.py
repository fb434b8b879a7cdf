"""Every door at which outside data enters, with a sound sample, and ways to spoil a sample.

What must hold of any bytes at any door: an answer, or a GpumixError that names a place, within
seconds, in characters that a terminal prints.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from result_files import aiperf, guidellm, inference_perf, vllm

from gpumix import mix
from gpumix.catalog import MEASUREMENTS, load
from gpumix.errors import GpumixError, InputError, message_of, printable
from gpumix.files import read_columns
from gpumix.inventory.read import read_inventory
from gpumix.inventory.results import Stated, read_results
from gpumix.inventory.trace import read_trace
from gpumix.predict.inference import predict_inference
from gpumix.predict.training import predict_training
from gpumix.reading import read_json
from gpumix.report.export import read_plan
from gpumix.verbs.explain import explain_plan

ROOT = Path(__file__).resolve().parents[2]
SLOWEST_S = 10.0
"""A door that takes longer hangs, on a busy machine too."""

CATALOG = load()
TODAY = date(2026, 11, 24)
STATED = Stated(gpu="h100-sxm-80gb", model="meta-llama/Llama-3.1-8B-Instruct", concurrency=8)

INFERENCE = """id,gpu,n_gpus,tp,pp,dp,ep,model,weight_precision,kv_precision,engine,input_len,\
output_len,load,load_value,metric,dataset,slo,value
a,h100-sxm-80gb,2,2,1,1,1,meta-llama/Llama-3.1-8B-Instruct,bf16,,vllm,1000,200,concurrency,16,\
output_tok_s_total,fixed,,3000
b,l4-24gb,1,,,,,Qwen/Qwen2.5-3B-Instruct,fp8,fp8,sglang,512,64,request_rate,2,ttft_ms_p95,,\
ttft_p99_ms<=2000,90
c,a100-sxm-80gb,4,,,,,mistralai/Mixtral-8x7B-Instruct-v0.1,bf16,,vllm,512,64,max_throughput,,\
requests_s,,,12
"""
TRAINING = """gpu,n_gpus,gpus_per_node,model,task,precision,stack,sharding,activation_ckpt,seq_len,\
global_batch,micro_batch,tp,pp,cp,ep,dp,vp,lora_rank,inter_gbps_per_node,metric,value
h100-sxm-80gb,8,8,meta-llama/Llama-3.1-8B-Instruct,pretrain,bf16,megatron,zero1,selective,4096,\
128,1,2,1,1,1,4,1,,400,tok_s_per_gpu,9000
a100-sxm-80gb,1,8,Qwen/Qwen2.5-3B-Instruct,lora,bf16,torchtune,,full,2048,16,2,,,,,,,16,,\
mem_gib_per_gpu,30
"""
PRICES = """provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,region,as_of,note
lambda,h100-sxm-80gb,8,on_demand,2.99,,2026-10-01,quote
aws,l4-24gb,1,spot,0.30,us-east-1,2026-10-01,
"""
GPUS = """id,vendor,name,architecture,mem_gb,mem_bw_gbs,bf16_tflops,fp8_tflops,tdp_w,\
nvlink_gbs_bidir
my-gpu-96gb,nvidia,My GPU,hopper,96,4000,900,1800,700,900
"""
MODELS = """hf_id,kind,params_total_b,params_active_b,layers,hidden,heads,kv_heads,head_dim,\
ffn_hidden,vocab
me/my-8b,llm-dense,8.03,,32,4096,32,8,128,14336,128256
"""
TRACE = "arrival_s,input_tokens,output_tokens,prefix_id,prefix_tokens\n" + "".join(
    f"{i * 7.5},{100 + i},{20 + i},{i % 3},{i % 50}\n" for i in range(40)
)
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2024-05-10 00:00:{i:02d}.009930,{100 + i},{20 + i}\n" for i in range(40)
)
MOONCAKE = "".join(
    json.dumps(
        {"timestamp": i * 900, "input_length": 900 + i, "output_length": 20, "hash_ids": [1, i]}
    )
    + "\n"
    for i in range(20)
)
AIPERF_CSV = """Metric,avg,min,max,p99,p95,p50
Request Latency (ms),2100,2000,2200,2190,2180,2100
Time to First Token (ms),100,90,120,119,118,100
Inter Token Latency (ms),20,19,21,21,21,20
Input Sequence Length (tokens),1000,1000,1000,1000,1000,1000
Output Sequence Length (tokens),101,101,101,101,101,101

Metric,Value
Request Count,40
Request Throughput (requests/sec),3.80952
Output Token Throughput (tokens/sec),384.762
Benchmark Duration (sec),10.5
"""


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: the file's name, a sound sample (text, or data written as JSON or YAML)."""

    name: str
    file: str
    sample: Any
    read: Callable[[Path], object]

    def text_of(self, data: Any) -> str:
        """Data of the sample's kind as the text of a file."""
        if isinstance(data, str):
            return data
        if self.file.endswith(".yaml"):
            return yaml.safe_dump(data, sort_keys=False)
        return json.dumps(data)


def _solve(path: Path) -> object:
    problem = mix.read_problem(read_json(path), str(path))
    return mix.solve(problem, time_limit_s=2.0)


def _measured(path: Path) -> object:
    catalog = load(measured=path.parent)
    asked = {"gpu": ["h100-sxm-80gb"], "model": [STATED.model]}
    serving = {"input_len": ["1000"], "output_len": ["200"], "load": ["max_throughput"]}
    predict_training(asked | {"metric": ["tok_s_per_gpu"]}, catalog=catalog)
    return predict_inference(asked | serving | {"metric": ["requests_s"]}, catalog=catalog)


def _results(path: Path) -> object:
    return read_results([path], STATED, CATALOG)


def _measured(path: Path) -> object:
    """Points that name their own GPUs and models, which options would contradict."""
    return read_results([path], Stated(), CATALOG)


def _sample(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def _inventory(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


HOSTILE = st.one_of(
    st.sampled_from([
        None, True, False, 0, -1, 1, 0.01, 1e-320, 1e-300, 1e15, 1e30, 1e300, 1e308, -1e308,
        10**18, 2**63, 10**90, int("9" * 99), "", " ", "0", "-1", "1e308", "1e-320", "nan", "inf",
        "-inf", "NaN", "1" + "0" * 4000, "12" + " " * 5000 + "x", "a" * 2000, "\x1b[2J", "\x00",
        "\u202egpj", "\ud83d\ude00", "\u0967\u0968", "1026-11-01", "2099-01-01", "9999-12-31",
        "any", "=1+1", "../x", "a\nb", "0x10", "1_000", "12,", "90M BDT", "22:00-06:00", "%s{0}",
        [], {}, [[]], [None], {"": None}, {"a": {"b": 1}}, [1e308], ["\x1b"], [[[[[[[[1]]]]]]]],
    ]),
    st.integers(), st.floats(), st.text(max_size=12), st.dates().map(str),
)  # fmt: skip


def _paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [path] * bool(path) + [p for key, item in below for p in _paths(item, (*path, key))]


def _spoil(data: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    """The data with the value at a path replaced, removed, renamed, doubled or wrapped."""
    data = copy.deepcopy(data)
    here = data
    for key in path[:-1]:
        here = here[key]
    last = path[-1]
    if how == "remove":
        del here[last]
    elif how == "rename" and isinstance(here, dict):
        here[str(value)] = here.pop(last)
    elif how == "double" and isinstance(here, list):
        here.append(here[last])
    elif how == "wrap":
        here[last] = [here[last]]
    else:
        here[last] = value
    return data


DOORS = (
    Door("inventory", "team.yaml", _inventory("examples/inference-first.yaml"),
         lambda path: read_inventory(path, CATALOG, TODAY)),
    Door("inventory as text", "team.yaml",
         (ROOT / "src/gpumix/data/starter.yaml").read_text(encoding="utf-8"),
         lambda path: read_inventory(path, CATALOG, TODAY)),
    Door("prices", "prices.csv", PRICES, lambda path: load(prices=path).offers),
    Door("gpus", "gpus.csv", GPUS, lambda path: load(gpus=path).gpus),
    Door("models", "models.csv", MODELS, lambda path: load(models=path).models),
    Door("points of inference", "points.csv", INFERENCE,
         lambda path: predict_inference(read_columns(path), catalog=CATALOG)),
    Door("points of training", "points.csv", TRAINING,
         lambda path: predict_training(read_columns(path), catalog=CATALOG)),
    Door("trace", "trace.csv", TRACE, read_trace),
    Door("trace of Azure", "trace.csv", AZURE, read_trace),
    Door("trace of Mooncake", "trace.jsonl", MOONCAKE, read_trace),
    Door("vllm", "result.json", vllm(), _results),
    Door("aiperf", "result.json", aiperf(), _results),
    Door("aiperf CSV", "result.csv", AIPERF_CSV, _results),
    Door("guidellm", "result.json", guidellm(), _results),
    Door("inference-perf", "result.json", inference_perf(), _results),
    Door("measured points", "result.csv", INFERENCE, _measured),
    Door("store", MEASUREMENTS, INFERENCE, _measured),
    Door("mix problem", "problem.json",
         _sample("tests/cases/mix/s02_base_reserved_peak_on_demand.json"), _solve),
    Door("mix problem with N+1, spot, classes", "problem.json",
         _spoil(_sample("tests/cases/doors/rate-1e15.json"), ("configs", 0, "rate"), "", 12.0),
         _solve),
    Door("plan", "plan.json", _sample("tests/golden/plan.json"),
         lambda path: explain_plan(read_plan(path))),
)  # fmt: skip


@st.composite
def spoiled_data(draw: st.DrawFn, sample: Any) -> Any:
    """A sample with one to three values spoiled."""
    data = sample
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(data)
        if not paths:
            break
        how = draw(
            st.sampled_from(["replace", "replace", "replace", "remove", "rename", "double", "wrap"])
        )
        data = _spoil(data, draw(st.sampled_from(paths)), how, draw(HOSTILE))
    return data


@st.composite
def spoiled_text(draw: st.DrawFn, sample: str) -> str:
    """A sample with cells replaced, or pieces cut out, put in or doubled."""
    text = sample
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        put = str(draw(HOSTILE))
        if draw(st.booleans()):  # a whole cell or word
            start = max(text.rfind(c, 0, start) for c in ",\n :") + 1
            ends = [at for c in ",\n :" if (at := text.find(c, start)) >= 0]
            text = text[:start] + put + text[min(ends, default=len(text)) :]
        else:
            end = min(start + draw(st.integers(0, 30)), len(text))
            text = text[:start] + draw(st.sampled_from([put, "", text[start:end] * 2])) + text[end:]
    return text


def files(door: Door) -> st.SearchStrategy[bytes]:
    """Contents of a file for a door: spoiled samples, seldom any bytes."""

    def written(text: str) -> bytes:
        return text.encode("utf-8", "surrogatepass")

    if isinstance(door.sample, str):
        spoiled = spoiled_text(door.sample).map(written)
    else:
        whole = spoiled_data(door.sample).map(lambda data: written(_dumped(door, data)))
        pieces = spoiled_text(door.text_of(door.sample)).map(written)
        spoiled = st.one_of(whole, whole, whole, pieces)
    return st.one_of(spoiled, spoiled, spoiled, spoiled, st.binary(max_size=300))


def _dumped(door: Door, data: Any) -> str:
    try:
        return door.text_of(data)
    except (ValueError, yaml.YAMLError):  # a number that json or yaml themselves cannot write
        return repr(data)


def hold(door: Door, folder: Path, content: bytes) -> None:
    """Put a file before a door. Raises: AssertionError where it does not hold."""
    path = folder / door.file
    path.write_bytes(content)
    started = time.perf_counter()
    try:
        door.read(path)
    except GpumixError as error:
        _check_words(error)
    took_s = time.perf_counter() - started
    assert took_s <= SLOWEST_S, f"{door.name}: {took_s:.1f} s"


def _check_words(error: GpumixError) -> None:
    words = message_of(error)
    assert words.strip()
    assert all(line == printable(line) for line in words.split("\n")), repr(words)
    if isinstance(error, InputError):
        assert all(problem.place for problem in error.problems), words
