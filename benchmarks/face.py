"""A server under load: 1,000 what-ifs of /own and /prices from eight clients on loopback.

Prints errors, the median and the 95th percentile of seconds, and the server's memory; needs
gpumix[web]. Run: python benchmarks/face.py [--requests 1000] [--clients 8]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

PORT = 8644
ADDRESS = f"http://127.0.0.1:{PORT}"
GPUS = ("h100", "a100", "l40s", "l4", "h200", "b200", "mi300x", "a10g")
START_S = 120.0


def asked(number: int) -> str:
    """A question that differs from its neighbours."""
    if number % 2:
        return f"/prices?gpu={GPUS[number % len(GPUS)]}&sort={('price', 'age')[number % 4 // 2]}"
    return f"/own?busy={5 + number % 96}&hardware={50 + number % 151}"


def answered(path: str) -> tuple[float, bool]:
    """Seconds that an answer took, and whether it was one."""
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(ADDRESS + path, timeout=60) as answer:
            good = answer.status == 200 and bool(answer.read())
    except (urllib.error.URLError, OSError):
        good = False
    return time.perf_counter() - started, good


def memory_mb(process: int) -> float:
    """Resident memory of a process [MB]; Linux only."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1]) / 1e3


def main() -> int:
    """Serve, ask, print; 1 where an answer failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=1000)
    options.add_argument("--clients", type=int, default=8)
    stated = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gpumix", "serve", folder, "--port", str(PORT)]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            started = time.monotonic()
            while not answered("/api/v1")[1] and time.monotonic() - started < START_S:
                time.sleep(0.1)
            first = memory_mb(server.pid)
            alone = [answered(f"/own?busy={busy}")[0] for busy in range(10, 60, 2)]
            paths = map(asked, range(stated.requests))
            with ThreadPoolExecutor(stated.clients) as clients:
                results = list(clients.map(answered, paths))
            last = memory_mb(server.pid)
        finally:
            server.terminate()
            server.wait()
    took = [seconds for seconds, _ in results]
    failed = sum(not good for _, good in results)
    print(f"a slider alone: {1e3 * median(alone):.0f} ms (median of {len(alone)})")
    print(f"{stated.requests} requests of {stated.clients} clients: {failed} failed,")
    print(f"median {median(took):.2f} s, 95th percentile {quantiles(took, n=20)[-1]:.2f} s;")
    print(f"memory of the server {first:.0f} MB at first, {last:.0f} MB at last")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
