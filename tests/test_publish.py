"""What is written appears whole or not at all, and what killed runs leave is cleared away."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpumix import publish
from gpumix.errors import InputError
from gpumix.publish import atomic, check_file, check_folder, write_set

posix = pytest.mark.skipif(os.name != "posix", reason="a process cannot be asked for elsewhere")
OLD = {"a.txt": "old a", "b.txt": "old b", "c.txt": "old c"}
NEW = {"a.txt": "new a", "b.txt": "new b", "c.txt": "new c"}

DIES = """
import os, signal, sys
from pathlib import Path
from gpumix.publish import write_set
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "ctypes.dlsym", "open"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
write_set(Path(sys.argv[1]), {name: "new " + name[0] for name in ("a.txt", "b.txt", "c.txt")})
"""
"""Publishes a new set and dies at the n-th step that touches a disk."""


def held(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir() if p.is_file()}


def deaths(out: Path) -> Iterator[Path]:
    """The folder after a death at each step in turn, until a run lives to its end."""
    for step in range(200):
        arguments = [sys.executable, "-c", DIES, str(out), str(step)]
        if subprocess.run(arguments, check=False).returncode == 0:
            assert step > 5
            return
        yield out
    pytest.fail("no run lived")


def litter(*folders: Path) -> list[str]:
    return [p.name for f in folders for p in f.iterdir() if p.name.startswith(".gpumix-")]


@posix
def test_whoever_is_killed_leaves_the_old_set_or_the_new_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen = []
    write_set(out, OLD)
    for folder in deaths(out):
        assert held(folder) in (OLD, NEW)
        seen.append(held(folder))
        write_set(out, OLD)
        assert litter(out, tmp_path) == []
    assert seen[0] == OLD
    assert seen[-1] == NEW
    assert held(out) == NEW
    assert litter(out, tmp_path) == []


@posix
def test_among_files_of_others_each_file_is_whole_and_the_next_run_finishes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    write_set(out, OLD)
    for folder in deaths(out):
        files = held(folder)
        assert files.pop("notes.txt") == "mine"
        assert all(text in (OLD[name], NEW[name]) for name, text in files.items())
        mixed = files not in (OLD, NEW)
        publish._settle(out, out)
        files = held(folder)
        assert files in ({**OLD, "notes.txt": "mine"}, {**NEW, "notes.txt": "mine"})
        assert not mixed or files["a.txt"] == "new a"
        assert litter(out, tmp_path) == []
        write_set(out, OLD)
    assert held(out) == {**NEW, "notes.txt": "mine"}


def test_what_others_write_or_still_write_is_not_touched(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_set(out, OLD)
    prefix = publish._prefix(out)
    names = [".gpumix-notes", f"{prefix}mine", f"{prefix}{os.getppid()}-abc", f".{out.name}.tmp"]
    for name in names:
        (tmp_path / name).write_text("kept", encoding="utf-8")
    write_set(out, NEW)
    kept = {p.name for p in tmp_path.iterdir()}
    assert kept >= set(names)
    hours_ago = os.stat(tmp_path).st_mtime - 7200
    os.utime(tmp_path / names[2], (hours_ago, hours_ago))
    write_set(out, OLD)
    assert {p.name for p in tmp_path.iterdir()} == kept - {names[2]}


def test_a_set_where_the_working_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is swapped away would leave the shell that stands in it nowhere."""
    monkeypatch.chdir(tmp_path)
    for texts in (OLD, NEW):
        write_set(Path("."), texts)
        assert held(Path(".")) == texts
    assert litter(tmp_path, tmp_path.parent) == []


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    try:
        link.symlink_to(tmp_path / "real")
    except OSError:
        pytest.skip("no links here")
    for texts in (OLD, NEW):
        write_set(link, texts)
        assert link.is_symlink()
        assert held(tmp_path / "real") == texts


@pytest.mark.parametrize("exchanged", [True, False])
def test_with_and_without_an_exchange_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanged: bool
) -> None:
    if not exchanged:
        monkeypatch.setattr(publish, "_exchange", lambda *_: False)
    for texts in (OLD, NEW):
        write_set(tmp_path / "deep" / "out", texts)
        assert held(tmp_path / "deep" / "out") == texts
    assert litter(tmp_path / "deep", tmp_path / "deep" / "out") == []


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")

    def fail() -> None:
        with atomic(path) as beside:
            beside.write_text("half", encoding="utf-8")
            raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


@posix
def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    with atomic(path) as beside:
        beside.write_text("new", encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for path, says in [
        (tmp_path, "is a directory"),
        (tmp_path / "file" / "below", "cannot be written"),
        (tmp_path / "missing" / ("x" * 400), "too long"),
        (tmp_path / ("x" * 400) / "y", "too long"),
        (tmp_path / "a\0b", "cannot be written"),
        (Path(os.devnull), "is no regular file"),
    ]:
        with pytest.raises(InputError, match=says):
            check_file(path)
        with pytest.raises(InputError, match=says), atomic(path):
            pytest.fail("the body must not run")
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / "file", NEW)
    with pytest.raises(InputError, match="too long"):
        check_folder(tmp_path / "x" / ("x" * 300), NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("reason", ["No space left on device", "Read-only file system"])
def test_a_full_or_read_only_disk_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(28, reason)

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for check in (lambda: check_file(tmp_path / "a"), lambda: check_folder(tmp_path / "b", NEW)):
        with pytest.raises(InputError, match=reason):
            check()


def test_a_disk_that_fills_up_in_writing_keeps_the_old_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path / "out", OLD)
    written: list[str] = []

    def full(path: Path, text: str, **_: object) -> None:
        written.append(text)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(InputError, match="No space left"):
            write_set(tmp_path / "out", NEW)
    assert held(tmp_path / "out") == OLD
    assert litter(tmp_path, tmp_path / "out") == []


def test_several_files_all_or_none(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_set(out, OLD)
    (out / "d.txt").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        write_set(out, {"a.txt": "changed", "d.txt": "three"})
    assert held(out) == OLD
    assert sorted(p.name for p in out.iterdir()) == ["a.txt", "b.txt", "c.txt", "d.txt"]


@pytest.mark.parametrize("foreign", [False, True])
def test_a_set_may_hold_copies_in_folders(tmp_path: Path, foreign: bool) -> None:
    source = tmp_path / "trace.csv"
    source.write_text("rows", encoding="utf-8")
    out = tmp_path / "out"
    write_set(out, {"a.txt": "old", "traces/1.csv": source})
    if foreign:
        (out / "mine.txt").write_text("mine", encoding="utf-8")
    write_set(out, {"a.txt": "new", "traces/1.csv": out / "traces" / "1.csv"})
    assert (out / "a.txt").read_text(encoding="utf-8") == "new"
    assert (out / "traces" / "1.csv").read_text(encoding="utf-8") == "rows"
    assert (out / "mine.txt").exists() is foreign
    assert not [p for p in (*tmp_path.iterdir(), *out.iterdir()) if p.name.startswith(".gpumix")]
