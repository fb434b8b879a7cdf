"""Where one request works: a folder for the files that were sent, one for what the verb writes.

No path of a request is opened: a file is sent as content with a bare name, a folder of this server
is named as `/api/v1` lists it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gpumix.catalog import MEASUREMENTS
from gpumix.domain.plan import PLAN_JSON
from gpumix.errors import InputError, Problem
from gpumix.report import export
from gpumix.web.folders import chosen, fleets, plans
from gpumix.web.problems import without
from gpumix.web.shown import versioned
from gpumix.web.uploads import checked_inventory, refuse_outside

BARE_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.+@ -]{0,199}$"
"""A file's name without a folder."""
SENT: Final = "sent"
"""Folder of the files that were sent, within a job's."""
REQUEST: Final = "request.json"
"""What was asked, within a job's folder."""
SOURCES: Final = "sources"
DECLARED: Final = "declared"
"""Folders of what `observe` was sent."""


def _decoded(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    return text


class Sent(BaseModel):
    """A file: its name, which says by its ending what it is, and its content."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=BARE_NAME, description="Its name, without a folder.")
    text: str | None = Field(None, description="Its content, where that is text.")
    base64: Annotated[str, AfterValidator(_decoded)] | None = Field(
        None, description="Its content in base64, where it is not text (Parquet, gzip)."
    )

    @model_validator(mode="after")
    def _one_content(self) -> Sent:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("needs either text or base64")
        return self

    @property
    def raw(self) -> bytes:
        """Its content."""
        return base64.b64decode(self.base64 or "") if self.text is None else self.text.encode()


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that the server shows, that of one request's files, that of its result."""

    root: Path
    sent: Path
    out: Path

    def put(self, file: Sent, under: str = "") -> Path:
        """Write a file that was sent."""
        folder = self.sent / under
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.raw)
        return folder / file.name

    def put_all(self, files: Iterable[Sent], under: str) -> list[Path]:
        """Write files that were sent. Raises: InputError for two of one name."""
        files = list(files)
        names = [file.name for file in files]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError([Problem(name, "is sent twice", "rename one") for name in twice])
        return [self.put(file, under) for file in files]

    def configs(self, files: Mapping[str, Sent]) -> dict[str, Path]:
        """Write configs of models, by the model's name."""
        return {name: self.put(one, f"config-{i}") for i, (name, one) in enumerate(files.items())}

    def maybe(self, file: Sent | None, under: str) -> Path | None:
        """As `put`, where there is a file."""
        return None if file is None else self.put(file, under)

    def inventory(self, file: Sent, beside: Sequence[Sent] = ()) -> Path:
        """Write an inventory, and the files that it names beside it.

        Raises: InputError where it may not be read here.
        """
        checked_inventory(file.raw, file.name)
        self.put_all((file, *beside), "")
        return self.sent / file.name

    def plan(self, plan: str | Sent, under: str = PLAN_JSON.removesuffix(".json")) -> Path:
        """A plan of this server by its folder's name, or one that was sent.

        Raises: NotHere, InputError where a name in it leads out of its folder.
        """
        if isinstance(plan, str):
            return chosen(plans(self.root), plan, "plan").path
        try:
            data = json.loads(plan.raw)
        except (ValueError, RecursionError):
            raise InputError(Problem(plan.name, "is not JSON", "send the plan.json")) from None
        refuse_outside(data, lambda path: ".".join(map(str, (plan.name, *path))))
        return self.put(Sent(name=PLAN_JSON, text=plan.text, base64=plan.base64), under)

    def fleet(self, fleet: str | Sequence[Sent]) -> Path:
        """A fleet of this server by its folder's name, or the sources of one that were sent.

        What a verb keeps in a fleet's folder it keeps in this copy, which is made of links.

        Raises: NotHere, InputError.
        """
        folder = self.sent / "fleet"
        if not isinstance(fleet, str):
            self.put_all(fleet, folder.name)
            return folder
        here = chosen(fleets(self.root), fleet, "fleet").path
        inside = here.resolve()
        folder.mkdir(parents=True)
        for path in sorted(here.iterdir()):
            if path.resolve().is_relative_to(inside) and not path.name.startswith("."):
                (folder / path.name).symlink_to(path.resolve())
        return folder

    def measured(self, file: Sent | None) -> Path | None:
        """The folder of a team's own measurements that were sent."""
        if file is None:
            return None
        named = Sent(name=MEASUREMENTS, text=file.text, base64=file.base64)
        return self.put(named, "measured").parent

    def told(self, answer: dict[str, Any]) -> str:
        """An answer as one document, in which no folder of this machine is named."""
        text = export.to_json(versioned(answer))
        for folder in (self.out, self.sent, self.root):
            text = without(folder, text)
        return text
