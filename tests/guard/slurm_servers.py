"""A MariaDB, a slurmdbd and a slurmctld of a test's own, on loopback, ended by their own ids."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = (
    "mariadbd", "mariadb-install-db", "mariadb-admin", "munged", "slurmdbd", "slurmctld",
    "sacctmgr",
)  # fmt: skip
READY_S = 60.0
_PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def missing() -> list[str]:
    """Programs that are not installed, or what else is in the way."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_PATHS) is None]
    return absent if os.geteuid() == 0 else [*absent, "root (slurmdbd and munged want it)"]


@contextmanager
def slurmdbd(folder: Path, gpu_types: list[str]) -> Iterator[dict[str, str]]:
    """The environment in which sacctmgr speaks to a slurmdbd that knows the cluster `test`, and
    GPUs of these types from its controller."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        _munge(folder, started)
        socket_file = _database(folder, started)
        environment = _accounting(folder, socket_file, gpu_types, started)
        command = ["sacctmgr", "-i", "add", "cluster", "test"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        _start(["slurmctld", "-D", "-c"], folder, started, env=environment)
        _until(lambda: f"gpu:{gpu_types[-1]}" in _tres(environment))
        yield environment
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=READY_S)


def _tres(environment: dict[str, str]) -> str:
    command = ["sacctmgr", "-n", "-P", "show", "tres", "format=Name"]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def _start(
    command: list[str], folder: Path, started: list[subprocess.Popen[bytes]], **more: object
) -> None:
    program = shutil.which(command[0], path=_PATHS) or command[0]
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], stdout=log, stderr=log, **more)  # type: ignore[call-overload]
    started.append(process)


def _munge(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    """munged on its default socket, unless one answers there already."""
    if subprocess.run(["munge", "-n"], capture_output=True).returncode == 0:
        return
    user = pwd.getpwnam("munge")
    Path("/run/munge").mkdir(exist_ok=True)
    os.chown("/run/munge", user.pw_uid, user.pw_gid)
    _start(
        ["munged", "--foreground"], folder, started, user="munge", group="munge", extra_groups=[]
    )
    _until(lambda: subprocess.run(["munge", "-n"], capture_output=True).returncode == 0)


def _database(folder: Path, started: list[subprocess.Popen[bytes]]) -> Path:
    data, socket_file = folder / "db", Path("/tmp") / f"gpumix-{os.getpid()}.sock"
    installer = shutil.which("mariadb-install-db", path=_PATHS) or ""
    subprocess.run(
        [installer, "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db"],
        check=True,
        capture_output=True,
    )
    _start(
        ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-networking",
         f"--socket={socket_file}", f"--pid-file={folder / 'db.pid'}"],
        folder, started,
    )  # fmt: skip
    ping = ["mariadb-admin", "--no-defaults", f"--socket={socket_file}", "ping"]
    _until(lambda: subprocess.run(ping, capture_output=True).returncode == 0)
    return socket_file


def _accounting(
    folder: Path,
    socket_file: Path,
    gpu_types: list[str],
    started: list[subprocess.Popen[bytes]],
) -> dict[str, str]:
    port = _free_port()
    host = socket.gethostname().partition(".")[0]
    own = folder / "slurmdbd.conf"
    own.write_text(
        f"AuthType=auth/munge\nDbdHost={host}\nDbdAddr=127.0.0.1\nDbdPort={port}\n"
        f"SlurmUser=root\nLogFile={folder / 'dbd.log'}\nPidFile={folder / 'dbd.pid'}\n"
        "StorageType=accounting_storage/mysql\nStorageUser=root\n"
        f"StorageHost=localhost\nStorageLoc=slurm_acct\n"
    )
    own.chmod(0o600)
    conf = folder / "slurm.conf"
    tres = ",".join(["gres/gpu", *(f"gres/gpu:{kind}" for kind in gpu_types)])
    state = folder / "state"
    state.mkdir()
    conf.write_text(
        f"ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmdUser=root\n"
        "AuthType=auth/munge\nAccountingStorageType=accounting_storage/slurmdbd\n"
        f"AccountingStorageHost=127.0.0.1\nAccountingStoragePort={port}\n"
        f"AccountingStorageTRES={tres}\nGresTypes=gpu\n"
        f"SlurmctldPort={_free_port()}\nSlurmctldPidFile={folder / 'ctld.pid'}\n"
        f"StateSaveLocation={state}\nSlurmdSpoolDir={state}\nProctrackType=proctrack/pgid\n"
        "TaskPlugin=task/none\nSelectType=select/cons_tres\n"
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs=1 Gres=gpu:{gpu_types[0]}:1\n"
        f"PartitionName=all Nodes={host} Default=YES\n"
    )
    client = folder / "my.cnf"
    client.write_text(f"[client]\nsocket={socket_file}\n")
    environment = {
        **os.environ, "PATH": _PATHS, "SLURM_CONF": str(conf), "MYSQL_UNIX_PORT": str(socket_file),
    }  # fmt: skip
    _start(["slurmdbd", "-D"], folder, started, env=environment)
    show = ["sacctmgr", "-n", "show", "cluster"]
    _until(lambda: subprocess.run(show, env=environment, capture_output=True).returncode == 0)
    return environment


def _until(is_ready: object) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if is_ready():  # type: ignore[operator]
            return
        time.sleep(0.2)
    raise RuntimeError("a server did not start")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
