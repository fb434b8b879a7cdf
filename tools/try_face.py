"""Install gpumix[web] from a folder of wheels alone, serve, and ask for its pages.

Run by `make face`. Needs pip; the network only to fill dist/wheels for the first time. Prints how
long the first answer took, and fails above what a reader waits for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from look_at_face import faults, missing
from try_wheel import build, install

EXTRA = "[web]"
PORT = 8643
MOST_S = 3.0
"""From the command to the first page, on a quiet machine."""
GIVE_UP_S = 180.0
PAGES = (
    "/", "/own", "/own?over=busy", "/prices", "/fit", "/whatif", "/diff", "/guard", "/export",
    "/explain/ttft_p95_s", "/api",
)  # fmt: skip


def first_answer(url: str) -> float:
    """Seconds until a server answers. Raises: TimeoutError."""
    started = time.monotonic()
    while time.monotonic() - started < GIVE_UP_S:
        try:
            with urllib.request.urlopen(url, timeout=GIVE_UP_S) as answer:  # noqa: S310 (its own server)
                answer.read()
            return time.monotonic() - started
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise TimeoutError(f"no answer from {url} in {GIVE_UP_S:.0f} s")


def main() -> int:
    """Build, install, serve, ask; 1 where a page fails or the first one comes too late."""
    build(EXTRA)
    with tempfile.TemporaryDirectory() as folder:
        gpumix = install(Path(folder) / "clean", EXTRA)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        command = [str(gpumix), "serve", "shown", "--port", str(PORT)]
        server = subprocess.Popen(command, cwd=folder, env=clean)
        try:
            took = first_answer(f"http://127.0.0.1:{PORT}/")
            print(f"first page after {took:.1f} s")
            for page in PAGES:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{page}") as answer:
                    print(f"{answer.status} {len(answer.read()):>8,} bytes {page}")
            if why := missing():
                print(f"no browser looked at the pages: {why}")
            else:
                bad = list(faults(f"http://127.0.0.1:{PORT}", PAGES))
                print(f"a browser looked at {len(PAGES)} pages: {len(bad)} faults", *bad, sep="\n")
                if bad:
                    return 1
        except (TimeoutError, urllib.error.URLError) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
        finally:
            server.terminate()
            server.wait()
    if took > MOST_S:
        print(f"the first page took longer than {MOST_S:.0f} s", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
