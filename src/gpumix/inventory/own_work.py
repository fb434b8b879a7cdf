"""What an inventory may hold of work that a team measured, and of what its GPUs must have."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from gpumix.inventory.quantities import Number, UnitsPerHour, Whole


class NeedsSpec(BaseModel):
    """What each GPU of a workload must have: engines by number, the others or not."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    nvenc: Whole = Field(default=0, ge=0, le=64)
    nvdec: Whole = Field(default=0, ge=0, le=64)
    rt_cores: bool = False
    display: bool = False
    vgpu: bool = False
    ecc: bool = False


class MeasuredRateSpec(BaseModel):
    """What so many GPUs of a kind do together, and how much that varies from run to run."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rate: UnitsPerHour
    gpus: Whole = Field(default=1, ge=1, le=1024)
    cv: Annotated[Number, Field(ge=0.001, le=2)] | None = None


def _rate_form(value: Any) -> str:
    return "terms" if isinstance(value, dict | MeasuredRateSpec) else "rate"


Rate = Annotated[
    Annotated[UnitsPerHour, Tag("rate")] | Annotated[MeasuredRateSpec, Tag("terms")],
    Discriminator(_rate_form),
]
"""`120` units an hour on one GPU, or `{rate: 900, gpus: 8, cv: 0.2}`."""
