"""Image and video samples per second, from the FLOPs of one denoising pass."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import NoEstimate
from gpumix.perf.inference.kernels import smooth_max
from gpumix.perf.links import link_of
from gpumix.perf.power import IDLE_SHARE, gpu_power_w
from gpumix.perf.precision import WeightFormat, weight_format
from gpumix.units import GIGA, TERA
from gpumix.values import Values

_PIXELS = re.compile(r"(\d{3,5})x(\d{3,5})(?:x(\d+))?")
_STEPS = re.compile(r"steps (\d+)")
_FRAMES = re.compile(r"frames (\d+)")


DEFAULT_PIXELS = 1024.0 * 1024.0
UNET_WIDTH, UNET_LAYERS = 1280.0, 70.0
"""Width and transformer blocks of a convolutional denoiser without a shape in the catalogue.

Source: SDXL, arXiv 2307.01952 table 1.
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is made: pixels per frame, frames (1 = an image), denoising steps; 0 = the default."""

    pixels: float = 0.0
    frames: float = 0.0
    steps: float = 0.0


def parse_picture(dataset: str) -> Picture:
    """Resolution, steps and frames as the `dataset` column of a media row states them.

    >>> parse_picture("480x832, steps 50, frames 81")
    Picture(pixels=399360.0, frames=81.0, steps=50.0)
    """
    size, steps, frames = (p.search(dataset) for p in (_PIXELS, _STEPS, _FRAMES))
    return Picture(
        pixels=float(size[1]) * float(size[2]) if size else 0.0,
        frames=float(frames[1]) if frames else 0.0,
        steps=float(steps[1]) if steps else 0.0,
    )


def _default_picture(model: Model) -> Picture:
    """The resolution `tflop_per_pass` was worked out for, as the model's note says."""
    found = _PIXELS.search(model.note)
    if not found:
        return Picture()
    return Picture(float(found[1]) * float(found[2]), float(found[3] or 1.0))


def tokens_of_pass(flop: float, params: float, hidden: float, layers: float) -> float:
    """Latent tokens of one pass, from its FLOPs: 2 P T + 4 T^2 h L = F solved for T.

    Args:
        flop: of one forward pass [FLOP].
        params: weights of the denoiser [count].
        hidden, layers: its shape; 0 where attention is linear or unknown [count].

    Source: forward FLOPs of a transformer, arXiv 2001.08361 section 2.1.

    >>> round(tokens_of_pass(2 * 1e9 * 1000, 1e9, 0, 0))
    1000
    """
    quadratic = 4.0 * hidden * layers
    if quadratic <= 0.0:
        return flop / (2.0 * params)
    return float((np.sqrt(params * params + quadratic * flop) - params) / quadratic)


@dataclass(frozen=True, slots=True)
class Denoiser:
    """One sample's work: FLOPs and bytes of a pass, passes in all, sizes that drive overheads."""

    flop: float
    tokens: float
    hidden: float
    layers: float
    params: float
    passes: float
    guidance: float
    pixels: float


def denoiser(model: Model, picture: Picture) -> Denoiser:
    """Work of one sample at a resolution; tokens grow with pixels and latent frames.

    Raises:
        NoEstimate: the catalogue lacks the FLOPs of this denoiser.
    """
    if not model.tflop_per_pass:
        raise NoEstimate(f"{model.id}: FLOPs of a pass are not in the catalogue")
    params = model.params_total_b * GIGA
    linear_attention = "linear-attention" in model.attention
    hidden = float(model.hidden or 0)
    layers = float(model.layers or 0)
    flop = model.tflop_per_pass * TERA
    quadratic = 0.0 if linear_attention else hidden
    tokens = tokens_of_pass(flop, params, quadratic, layers)
    usual = _default_picture(model)
    scale = picture.pixels / usual.pixels if picture.pixels and usual.pixels else 1.0
    if picture.frames > 1 and usual.frames > 1:
        scale *= (picture.frames + 3.0) / (usual.frames + 3.0)
    if scale != 1.0:
        tokens *= scale
        flop = 2.0 * params * tokens + 4.0 * tokens * tokens * quadratic * layers
    steps = picture.steps or model.default_steps or 30.0
    guidance = model.passes_per_step or 1.0
    frames = picture.frames or (usual.frames if not picture.pixels else 1.0)
    pixels = (picture.pixels or usual.pixels or DEFAULT_PIXELS) * max(frames, 1.0)
    return Denoiser(
        flop=flop,
        tokens=tokens,
        hidden=hidden or UNET_WIDTH,
        layers=layers or UNET_LAYERS,
        params=params,
        passes=steps * guidance,
        guidance=guidance,
        pixels=pixels,
    )


def samples_per_s(
    work: Denoiser,
    gpu: Gpu,
    model: Model,
    *,
    gpus: Values,
    batch: Values,
    precision: str,
    engine: str,
    coefficients: Coefficients,
    copies: bool,
) -> Values:
    """Samples per second of an instance.

    t = steps smooth_max(smooth_max(F/T (tokens + T0) / (peak mfu), weights / bandwidth)
    + exchange, host) + pixels decoded; samples/s = batch / t. All GPUs share a sample by
    sequence parallelism, or each makes its own (`copies`).

    Args:
        work: one sample.
        gpu, model: catalogue records.
        gpus: GPUs of the instance [count].
        batch: samples made together [count].
        precision: of the weights.
        engine: media engine.
        coefficients: fitted constants.
        copies: one sample a GPU instead of one over all.

    Source: docs/inference.md; sequence parallelism: xDiT, arXiv 2411.01738.
    """
    form = weight_format(precision, gpu, model, engine)
    table = coefficients.media
    part = table["architecture"].get(gpu.architecture) or table["architecture"]["any"]
    common = table["common"]["any"]
    stack = table["engine"].get(engine) or table["engine"]["other"]
    count = np.asarray(gpus, dtype=np.float64)
    share = np.ones_like(count) if copies else count
    wide = work.hidden / (work.hidden + common["half_hidden"])
    ratio = part["low_precision_ratio"] if form.compute_width < 16 else 1.0
    rate = form.flops * np.minimum(part["mfu"] * ratio * wide * stack["compute"], 0.95)
    tokens = batch * work.guidance * work.tokens / share
    compute = work.flop / work.tokens * (tokens + common["half_tokens"]) / rate
    stream = work.params * form.bytes_dense / (gpu.bandwidth_bytes_per_s * 0.8)
    link = link_of(gpu, int(np.max(share)))
    bus = link.bytes_per_s * common["link_share"]
    volume = 8.0 * tokens * work.hidden * work.layers * (share - 1.0) / share / bus
    exchange = np.where(
        share > 1.0, volume + work.layers * common["exchange_s"] * (share - 1.0), 0.0
    )
    host = work.layers * stack["layer_s"] + stack["step_s"]
    steps = work.passes / work.guidance
    decode = batch * work.pixels * common["decode_flop_per_pixel"] / gpu.flops_16bit
    denoise = steps * (smooth_max(smooth_max(compute, stream) + exchange, host))
    return batch * count / share / (denoise + decode + stack["run_s"])


def load_rate(
    work: Denoiser,
    gpu: Gpu,
    model: Model,
    *,
    gpus: int,
    copies: bool,
    load: str,
    load_value: float,
    precision: str,
    engine: str,
    coefficients: Coefficients,
) -> float:
    """Samples per second under a load; unstated batches are the best of 1 to 16 a GPU.

    Args:
        work, gpu, model: as in `samples_per_s`.
        gpus: GPUs of the instance [count].
        copies: each GPU makes its own samples.
        load: kind of load; a request rate reaches a share of the highest throughput.
        load_value: batch of the instance; NaN = not stated.
        precision, engine, coefficients: as in `samples_per_s`.

    Source: docs/inference.md.
    """
    stated = np.isfinite(load_value) and load in ("static_batch", "concurrency", "burst")
    single = load == "single_stream"
    batch = (
        load_value
        if stated
        else np.array([1.0])
        if single
        else np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    )
    if stated and copies:
        batch = max(1.0, load_value / gpus)
    rate = samples_per_s(
        work, gpu, model, gpus=gpus, batch=batch, precision=precision, engine=engine,
        coefficients=coefficients, copies=copies,
    )  # fmt: skip
    best = float(np.max(rate))
    if load != "request_rate":
        return best
    sustained = best * coefficients.media["common"]["any"]["server_share"]
    return min(load_value, sustained) if np.isfinite(load_value) else sustained


def power_w(
    work: Denoiser,
    gpu: Gpu,
    gpus: int,
    samples: float,
    form: WeightFormat,
    coefficients: Coefficients,
) -> float:
    """Watts of all GPUs while they make this many samples per second.

    Args:
        work: one sample.
        gpu: the part.
        gpus: GPUs of the instance [count].
        samples: rate of the instance [1/s].
        form: weight format (its peak).
        coefficients: fitted constants.

    Source: docs/inference.md.
    """
    k = coefficients.power["media"]["any"]
    busy = samples * work.flop * work.passes / (gpus * form.flops)
    idle = gpu.idle_w if gpu.idle_w is not None else IDLE_SHARE * gpu.tdp_w
    return float(gpus * gpu_power_w(gpu.tdp_w, idle, busy, 0.0, k))
