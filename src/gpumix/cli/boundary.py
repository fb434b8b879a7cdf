"""The one place where whatever goes wrong becomes a message and an exit code.

Exit codes (docs/contracts.md): 0 the answer came out; 1 a defect of ours, with its traceback;
2 the input or this machine cannot be used; 3 no plan; 130 broken off.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import typer

from gpumix.errors import GpumixError, message_of

BROKEN_OFF = 130
_INPUT, _DEFECT = 2, 1
_GRACE_S = 2.0
"""How long Python may take to end by itself after Ctrl-C."""
_PLAIN = {
    "─": "-", "│": "|", "├": "|", "└": "`", "█": "#", "✓": "x", "×": "x", "–": "-", "≤": "<=",
}  # fmt: skip
"""What a stream prints in place of characters that its encoding lacks; of others a `?`."""


def run(answer: Callable[[], object]) -> int:
    """The exit code of `answer`, which may return one; what it raises is reported."""
    for stream in (sys.stdout, sys.stderr):
        _print_anything(stream)
    if sys.stderr is None:  # closed: messages go nowhere, the exit code says it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        _say("standard output is closed: there is nowhere to print")
        return _INPUT
    with _ctrl_c_ends_it():
        code = _code_of_running(answer)
        flushed = _code_of_running(_flush)
    return code or flushed


@contextmanager
def _ctrl_c_ends_it() -> Iterator[None]:
    """End the process on Ctrl-C though it is deep in the solver or the compiler.

    Python sees a signal only between two steps of its own, which may be a minute away. A thread
    that the system tells at once gives it some time to end in good order, then ends it.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    ended = threading.Event()
    threading.Thread(target=_await_ctrl_c, args=(reading, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(writing)


def _await_ctrl_c(signals_fd: int, ended: threading.Event) -> None:
    with os.fdopen(signals_fd, "rb", buffering=0) as signals:
        while (number := signals.read(1)) and number[0] != signal.SIGINT:
            pass
    if number and not ended.wait(_GRACE_S):
        _say("stopped (Ctrl-C)")
        os._exit(BROKEN_OFF)


def _code_of_running(answer: Callable[[], object]) -> int:
    """As `run`, without the last flush."""
    try:
        code = answer()
    except BaseException as error:
        code = _code_of(error)
    if code == BROKEN_OFF:
        _say("stopped (Ctrl-C)")
    return code if isinstance(code, int) else 0


def _code_of(error: BaseException) -> int:
    """Tell an error and return its exit code."""
    shown = getattr(error, "show", None)  # an option or argument that the framework refuses
    if isinstance(error, SystemExit):
        # the framework turns a broken pipe into this
        piped = isinstance(error.__context__, BrokenPipeError)
        return _code_of(error.__context__) if piped and error.__context__ else int(error.code or 0)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return BROKEN_OFF
    if isinstance(error, GpumixError):
        _say_all(message_of(error))
        return error.exit_code
    if shown is not None:
        shown(file=sys.stderr)
        return int(getattr(error, "exit_code", _INPUT))
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        _discard_output()
        return 0  # whoever reads has read enough
    said = _environment(error)
    if said is None:
        return _defect(error)
    _say(said)
    return _INPUT


def _environment(error: BaseException) -> str | None:
    """What is wrong with the input or the machine; None for a defect of ours."""
    if isinstance(error, OSError):
        _discard_output()
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if isinstance(error, UnicodeError):
        return f"text cannot be written or read: {error}"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    if isinstance(error, MemoryError):
        return "this needs more memory than there is; ask for less at once"
    return None


def _defect(error: BaseException) -> int:
    _say_all("".join(traceback.format_exception(error)).rstrip())
    _say("this is a defect of gpumix; please report it with the lines above")
    return _DEFECT


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard_output() -> None:
    """Let go of an output that takes no more, so that nothing is flushed into it at the end."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


def _say(words: str) -> None:
    _say_all(f"gpumix: {words}")


def _say_all(lines: str) -> None:
    with suppress(OSError):  # where there is nowhere left to say it, the exit code does
        typer.echo(lines, err=True)


def _print_anything(stream: object) -> None:
    """Let a stream of any encoding print what it can, and the nearest of what it cannot."""
    codecs.register_error("gpumix.plain", _plain)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="gpumix.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end
