"""Build the wheel and use it as a stranger would: in a clean environment, from a folder of wheels.

Run by `make wheel`. Needs pip; the network only to fill dist/wheels for the first time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / "dist" / "wheels"
COMMANDS = (["--version"], ["demo"], ["explain", "tpot_p95_s"])
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def build(extra: str = "") -> None:
    """gpumix and everything that it needs to run, with an extra (`[web]`), as wheels in
    dist/wheels."""
    for old in WHEELS.glob("gpumix-*.whl"):
        old.unlink()
    constraints = str(ROOT / "constraints.txt")
    options = ["-q", "-c", constraints, "--find-links", str(WHEELS), "--wheel-dir", str(WHEELS)]
    subprocess.run([*PIP, "wheel", *options, f"{ROOT}{extra}"], check=True)


def install(folder: Path, extra: str = "") -> Path:
    """A new environment with gpumix and an extra from dist/wheels alone; the path of its
    command."""
    # without pip: some systems lack what venv needs to install it
    venv.create(folder, symlinks=os.name != "nt")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = shutil.which("python", path=str(programs))
    where = ["--no-index", "--find-links", str(WHEELS)]
    wanted = f"gpumix{extra}"
    subprocess.run([*PIP, "--python", str(python), "install", "-q", *where, wanted], check=True)
    return programs / "gpumix"


def main() -> int:
    """Build, install and run; 1 if a command fails."""
    build()
    with tempfile.TemporaryDirectory() as folder:
        gpumix = install(Path(folder) / "clean")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        for arguments in COMMANDS:
            print("$ gpumix", *arguments, flush=True)
            done = subprocess.run([str(gpumix), *arguments], cwd=folder, env=clean, check=False)
            if done.returncode:
                print(f"gpumix {' '.join(arguments)} ended with {done.returncode}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
