"""What pages and endpoints are answered from: the server's settings and its jobs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from gpumix.catalog import Catalog, load
from gpumix.web.jobs import Jobs
from gpumix.web.settings import Settings


@functools.cache
def catalogue() -> Catalog:
    """The packaged catalogue, each of its tables read once."""
    return load()


@dataclass(frozen=True, slots=True)
class House:
    """One server's settings and jobs."""

    settings: Settings
    jobs: Jobs

    @property
    def folder(self) -> Path:
        """The folder that is shown."""
        return self.settings.folder


class Query(BaseModel):
    """What the part of an address after `?` may hold; a form's empty field states nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, stated: object) -> object:
        if not isinstance(stated, dict):
            return stated
        return {key: value for key, value in stated.items() if value != ""}
