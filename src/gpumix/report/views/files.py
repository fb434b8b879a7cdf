"""Files that hold a fleet to a plan or start it: what each says, and what has none."""

from __future__ import annotations

from collections.abc import Mapping

from gpumix.domain.exported import Exported, LaunchFile, NotWritten
from gpumix.domain.guard import GuardAnswer, GuardFile, LeftOut
from gpumix.report.tables import Table, remark, table, text, value


def guard_headline(found: GuardAnswer) -> str:
    """How many files hold how many objects."""
    objects = sum(one.objects for one in found.files)
    return f"{len(found.files)} files hold a fleet to {found.plan}: {objects:,} objects."


def guard_table(found: GuardAnswer, holds: Mapping[str, str]) -> Table:
    """A file a row: what it holds the fleet to, by its target."""
    return table(
        "Files",
        GuardFile,
        found.files,
        ("name", lambda f: text(f.name)),
        ("target", lambda f: text(f.target)),
        ("holds", lambda f: text(holds.get(f.target, ""))),
        ("objects", lambda f: value("objects", f.objects, record=GuardFile)),
        ("sha256", lambda f: text(f.sha256[:12])),
    )


def left_out_table(found: GuardAnswer) -> Table:
    """What a target has no file or object for, and why."""
    return table(
        "Not written",
        LeftOut,
        found.left_out,
        ("target", lambda one: text(one.target)),
        ("what", lambda one: text(one.what)),
        ("why", lambda one: text(one.why)),
    )


def export_headline(found: Exported) -> str:
    """How many files start how many launches."""
    launches = len({one.launch for one in found.files})
    return f"{len(found.files)} files start {launches} launches of {found.origin.plan}."


def export_table(found: Exported, holds: Mapping[str, str]) -> Table:
    """A file a row: what it starts, what must be filled in, what it cannot say."""
    return table(
        "Files",
        LaunchFile,
        found.files,
        ("path", lambda f: text(f.path)),
        ("holds", lambda f: text(holds.get(f.target, ""))),
        ("starts", lambda f: text(f.starts)),
        ("replicas", lambda f: value("replicas", f.replicas)),
        ("gpus", lambda f: value("gpus", f.gpus, record=LaunchFile)),
        ("edit", lambda f: remark("; ".join(f.edit))),
        ("cannot", lambda f: remark("; ".join(f.cannot))),
    ).without_absent()


def not_written_table(found: Exported) -> Table:
    """Launches that have no file of a target, and why."""
    return table(
        "Not written",
        NotWritten,
        found.not_written,
        ("target", lambda one: text(one.target)),
        ("launch", lambda one: text(one.launch)),
        ("reason", lambda one: text(one.reason)),
    )
