"""Real servers for a test: started on loopback in a folder of the test, ended by their own id."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cramjam
import httpx

READY_S = 30.0
WINDOW_S = 1800
"""Remote write wants time order over all series: windows of half an hour."""


@dataclass(frozen=True)
class Written:
    """A series to be loaded: labels with `__name__`, and (time [s], value) in order of time."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


def installed(name: str) -> bool:
    """Whether a server of Debian's package is there."""
    return shutil.which(name) is not None


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """The address of a Prometheus that takes remote writes."""
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    port = free_port()
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=3650d", f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    with _running(command, folder, f"http://127.0.0.1:{port}", "/-/ready") as url:
        yield url


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """The address of a VictoriaMetrics."""
    port = free_port()
    command = [
        "victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}",
        f"-storageDataPath={folder / 'vm'}", "-retentionPeriod=10y",
    ]  # fmt: skip
    with _running(command, folder, f"http://127.0.0.1:{port}", "/health") as url:
        yield url


KINDS = {"prometheus": prometheus, "victoria-metrics": victoria_metrics}
"""Servers by the name of their package and program."""


@contextmanager
def _running(command: list[str], folder: Path, url: str, ready: str) -> Iterator[str]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(process, url + ready, folder / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=READY_S)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(int(READY_S / 0.1)):
        if process.poll() is not None:
            break
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def load(url: str, series: Sequence[Written]) -> None:
    """Load series by remote write, which both servers take, and make them visible."""
    first = min(one.samples[0][0] for one in series)
    last = max(one.samples[-1][0] for one in series)
    at = first
    while at <= last:
        body = b"".join(
            _field(1, _series(one.labels, some))
            for one in series
            if (some := [s for s in one.samples if at <= s[0] < at + WINDOW_S])
        )
        if body:
            _post(url, body)
        at += WINDOW_S
    httpx.get(f"{url}/internal/force_flush")  # of VictoriaMetrics; Prometheus knows no such page


def _post(url: str, body: bytes) -> None:
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    packed = bytes(cramjam.snappy.compress_raw(body))
    httpx.post(f"{url}/api/v1/write", content=packed, headers=headers).raise_for_status()


def _series(labels: Mapping[str, str], samples: Sequence[tuple[float, float]]) -> bytes:
    """A TimeSeries of Prometheus' remote.proto; labels in order of name."""
    told = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, text.encode()))
        for name, text in sorted(labels.items())
        if text
    )
    values = b"".join(
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(t * 1000)))
        for t, value in samples
    )
    return told + values


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
