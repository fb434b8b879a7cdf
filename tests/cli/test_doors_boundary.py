"""Doors that hold: whatever goes wrong around the command line ends in a word and an exit code."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from gpumix.cli import boundary, main
from gpumix.errors import Infeasible, InputError, Problem, Stated

ROOT = Path(__file__).resolve().parents[2]
FRONTIER = ROOT / "examples" / "frontier.yaml"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
COMPARE = ("compare", LLAMA, "--gpus", "h100-sxm-80gb,l40s-48gb")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and devices are of POSIX systems")


def gpumix(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, as users run it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **options.pop("env", {})}  # type: ignore[dict-item]
    options = {"capture_output": True, **options}
    command = [sys.executable, "-m", "gpumix", *arguments]
    return subprocess.run(command, env=environment, check=False, **options)  # type: ignore[call-overload, no-any-return]


def raising(error: BaseException) -> Callable[[], object]:
    def answer() -> object:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "gpumix: stopped (Ctrl-C)"),
        (typer.Abort(), 130, "gpumix: stopped (Ctrl-C)"),
        (InputError(Problem("a.csv line 7", "is odd", "mend it")), 2, "a.csv line 7: is odd"),
        (Infeasible("no plan", [Stated(("limits", "capex"), "0")]), 3, "gpumix:   limits.capex: 0"),
        (OSError(28, "No space left on device", "out.csv"), 2, "out.csv: No space left"),
        (OSError(30, "Read-only file system"), 2, "Read-only file system"),
        (PermissionError(13, "Permission denied", "a"), 2, "gpumix: a: Permission denied"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), 2, "cannot be written"),
        (RecursionError("maximum depth"), 2, "nested too deeply"),
        (MemoryError(), 2, "more memory"),
        (typer.BadParameter("seven"), 2, "seven"),
        (BrokenPipeError(32, "Broken pipe"), 0, ""),
        (SystemExit(4), 4, ""),
    ],
)
def test_what_is_no_defect_is_a_message(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert boundary.run(raising(error)) == code
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert bool(told.err) == bool(said)


def test_a_defect_keeps_its_traceback_and_asks_to_be_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert boundary.run(raising(KeyError("lost"))) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "KeyError: 'lost'" in told
    assert told.rstrip().endswith("please report it with the lines above")


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (2, 2), (3, 3), ("text", 0)])
def test_a_code_that_the_framework_returns_is_honoured(returned: object, code: int) -> None:
    assert boundary.run(lambda: returned) == code


def test_the_framework_returns_130_for_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gpumix import cli

    monkeypatch.setattr("gpumix.verbs.prices.list_offers", raising_any(KeyboardInterrupt()))
    monkeypatch.setattr(sys, "argv", ["gpumix", "prices", "list"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 130
    assert capsys.readouterr().err == "gpumix: stopped (Ctrl-C)\n"


def raising_any(error: BaseException) -> Callable[..., object]:
    def answer(*_: object, **__: object) -> object:
        raise error

    return answer


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_a_stream_of_any_encoding_prints_the_nearest_it_can(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    words = "8 × h100 ≤ 5 – ✓ ███ 漢"
    assert boundary.run(lambda: print(words)) == 0
    printed = raw.getvalue().decode(encoding)
    if encoding == "utf-8":
        assert printed == f"{words}\n".replace("\n", os.linesep)
    else:
        assert "<= 5" in printed
        assert printed.rstrip().endswith("x ### ?")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_an_answer_in_every_encoding(environment: dict[str, str]) -> None:
    done = gpumix(*COMPARE, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"Cheapest" in done.stdout
    assert done.stderr == b""


@posix
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_output_that_is_full_is_told(more: list[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no such device here")
    with full.open("wb") as out:
        done = gpumix("prices", "list", *more, capture_output=False, stdout=out,
                      stderr=subprocess.PIPE)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"gpumix: output: No space left on device\n"


@posix
def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    command = f"{sys.executable} -m gpumix prices list --json | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{\n", b"")


def hears_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@posix
def test_ctrl_c_while_a_plan_is_made(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "plan.json").write_text("as it was", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    loaded = "from gpumix.cli import main; print('loaded', flush=True); main()"
    command = [sys.executable, "-c", loaded, "plan", str(FRONTIER), "--out", str(out)]
    running = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hears_ctrl_c,
    )
    assert running.stdout is not None
    running.stdout.readline()  # on a busy machine Python itself takes seconds to start
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == b"gpumix: stopped (Ctrl-C)\n"
    assert time.monotonic() - began < 20
    assert {p.name: p.read_text(encoding="utf-8") for p in out.iterdir()} == {
        "plan.json": "as it was"
    }
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


DEEP = """
import sys, time
from gpumix.cli import boundary

class Stuck:
    def __del__(self):  # an interrupt raised here goes nowhere, as in code that is not Python's
        print("begun", flush=True)
        time.sleep(60)

def answer():
    Stuck()
    time.sleep(60)

sys.exit(boundary.run(answer))
"""


@posix
def test_ctrl_c_deep_in_other_code_ends_it_all_the_same() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    running = subprocess.Popen(
        [sys.executable, "-c", DEEP], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline() == b"begun\n"
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert said.endswith(b"gpumix: stopped (Ctrl-C)\n")


@pytest.mark.parametrize("width", ["0", "3"])
def test_a_terminal_of_no_width_is_taken_for_a_usual_one(
    monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    from gpumix.cli.console import USUAL, console

    monkeypatch.setenv("COLUMNS", width)
    assert console().width == USUAL


@pytest.mark.parametrize(
    ("closing", "words"), [(">&-", ("explain", "tpot_p95_s")), ("2>&-", ("plan", "nosuch.yaml"))]
)
def test_a_closed_stream_is_never_an_answer_nor_a_defect(
    closing: str, words: tuple[str, ...]
) -> None:
    command = f"{sys.executable} -m gpumix {' '.join(words)} {closing}"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 2


def test_an_empty_argument_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpumix", "plan", "team.yaml", "--out", ""])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "argument 4: is empty" in capsys.readouterr().err
