"""What is written appears whole or not at all: a file, or a set of files in one folder.

Why so, and what happens where a folder holds other files: docs/decisions/0013.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gpumix.errors import InputError, Problem

_ABANDONED_S = 3600.0
"""What another process has not published after so long it never will."""
_READY = "-ready"
"""Ends the name of a whole set that is being moved into its folder file by file."""
_PROBE = bytes(4096)
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_HERE = -100  # AT_FDCWD of Linux: paths are as the process sees them

_unpublished: set[str] = set()
"""Names of this process's own files and folders that are not published yet."""


def check_file(path: Path) -> Path:
    """Where a file would be written, links followed; nothing is left behind.

    Raises: InputError where it could not: a directory, a device, a folder that cannot be written,
    a full disk, a name too long.
    """
    with _as_input_error(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise InputError(Problem(str(path), "is a directory", "name a file"))
        if target.exists() and not target.is_file():
            raise InputError(Problem(str(path), "is no regular file", "name another"))
        _refuse_unwritable(path, target, target.parent)
    return target


def check_folder(folder: Path, names: Collection[str]) -> Path:
    """Where a folder with files of these names would be written, links followed.

    Raises: InputError where it could not, as `check_file`.
    """
    with _as_input_error(folder):
        target = Path(os.path.realpath(folder))
        if target.exists() and not target.is_dir():
            raise InputError(Problem(str(folder), "is a file", "name a folder"))
        for name in names:
            if (target / name).is_dir():
                raise InputError(Problem(str(folder / name), "is a directory", "move it away"))
            _refuse_unwritable(folder / name, target / name, target)
    return target


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """`with atomic(path) as beside:` write to `beside`; it becomes `path` only on success.

    Raises: InputError where the folder cannot be made or the file cannot be written.
    """
    target = check_file(path)
    with _as_input_error(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        _settle(target, target.parent)
        beside = _unpublished_name(target, target.parent)
        try:
            beside.touch(exist_ok=False)
            if target.exists():
                shutil.copymode(target, beside)
            yield beside
            beside.replace(target)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            _unpublished.discard(beside.name)


def write_set(folder: Path, files: Mapping[str, str | Path]) -> None:
    """Publish a set of files in a folder, all at once; other files in it are kept.

    `files` are by their path within the folder: a text, or a file to copy.

    Raises: InputError where the folder cannot be made or written.
    """
    target = check_folder(folder, files)
    with _as_input_error(folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        _settle(target, target.parent)
        _settle(target, target)
        if not (_may_be_replaced(target, files) and _swap_in(target, files)):
            _move_in(target, files)


def _may_be_replaced(target: Path, files: Mapping[str, str | Path]) -> bool:
    """Whether a folder is missing or holds only an older set, and no one stands in it."""
    if not target.exists():
        return True
    with suppress(OSError):
        working = Path.cwd()
        if target == working or target in working.parents:
            return False
    return all(
        entry.relative_to(target).as_posix() in files
        for entry in target.rglob("*")
        if entry.is_symlink() or not entry.is_dir()
    )


def _swap_in(target: Path, files: Mapping[str, str | Path]) -> bool:
    """Replace the folder by one with the new set in one step; False where that cannot be done."""
    beside = _unpublished_name(target, target.parent)
    try:
        beside.mkdir()
    except OSError:
        return False  # the folder can perhaps be written, but not the one it lies in
    finally:
        _unpublished.discard(beside.name)
    _unpublished.add(beside.name)
    try:
        _write(beside, files)
        if not target.exists():
            beside.rename(target)
            return True
        shutil.copymode(target, beside)
        return _exchange(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _unpublished.discard(beside.name)


def _move_in(target: Path, files: Mapping[str, str | Path]) -> None:
    """Write the set in a folder within the target, call it ready, then move file by file."""
    target.mkdir(exist_ok=True)
    within = _unpublished_name(target, target)
    ready = within.with_name(within.name + _READY)
    _unpublished.add(ready.name)
    try:
        within.mkdir()
        _write(within, files)
        within.rename(ready)
        _move_all(ready, target)
    finally:
        shutil.rmtree(within, ignore_errors=True)
        shutil.rmtree(ready, ignore_errors=True)
        _unpublished.difference_update((within.name, ready.name))


def _move_all(ready: Path, target: Path) -> None:
    for file in sorted(f for f in ready.rglob("*") if f.is_file()):
        place = target / file.relative_to(ready)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)


def _write(folder: Path, files: Mapping[str, str | Path]) -> None:
    for name, what in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, Path):
            shutil.copyfile(what, place)
        else:
            place.write_text(what, encoding="utf-8")


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the disk knows no such step."""
    paths = os.fsencode(one), os.fsencode(other)
    if sys.platform not in ("linux", "darwin"):
        return False
    library = ctypes.CDLL(None)
    if sys.platform == "darwin":
        return bool(library.renamex_np(*paths, _EXCHANGE) == 0)
    try:
        rename = library.renameat2
    except AttributeError:  # an old C library
        return False
    return bool(rename(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0)


def _prefix(target: Path) -> str:
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()
    return f".gpumix-{digest[:8]}-"


def _unpublished_name(target: Path, folder: Path) -> Path:
    """A name for what will become `target`: it tells whose it is and by which process."""
    found = folder / f"{_prefix(target)}{os.getpid()}-{secrets.token_hex(4)}"
    _unpublished.add(found.name)
    return found


def _settle(target: Path, folder: Path) -> None:
    """Finish, or clear away, what runs that were killed left in `folder` of `target`."""
    if not folder.is_dir():
        return
    prefix = _prefix(target)
    for left in [one for one in folder.iterdir() if one.name.startswith(prefix)]:
        if not _is_abandoned(left, prefix):
            continue
        if left.name.endswith(_READY):
            _move_all(left, target)
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _is_abandoned(left: Path, prefix: str) -> bool:
    process = left.name.removeprefix(prefix).partition("-")[0]
    if not process.isdigit():
        return False  # no name of ours
    if int(process) == os.getpid():
        return left.name not in _unpublished
    try:
        return not _is_alive(int(process)) or time.time() - left.stat().st_mtime > _ABANDONED_S
    except OSError:
        return False


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's
    return True


def _refuse_unwritable(path: Path, target: Path, folder: Path) -> None:
    """Raise OSError or InputError unless a file can be made in `folder`, or where it will be."""
    missing = [target]
    for standing in (folder, *folder.parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            found = standing.stat()
            break
        missing.append(standing)
    for one in missing:
        with suppress(FileNotFoundError, NotADirectoryError):
            (standing / one.name).lstat()  # refuses a name that is too long
    if not stat.S_ISDIR(found.st_mode):
        raise InputError(Problem(str(path), f"cannot be written: {standing} is a file"))
    if target.is_file() and not os.access(target, os.W_OK):
        raise InputError(Problem(str(path), "is read-only", "name another"))
    with tempfile.TemporaryFile(dir=standing, buffering=0) as probe:
        probe.write(_PROBE)


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    """What the system refuses, as an InputError that names the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(Problem(str(path), f"cannot be written: {reason}")) from None
    except ValueError as error:
        if "\0" not in str(path):
            raise
        raise InputError(Problem(repr(str(path)), f"cannot be written: {error}")) from None
