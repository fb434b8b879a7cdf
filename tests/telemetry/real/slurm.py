"""A Slurm of a test's own: MariaDB, slurmdbd, slurmctld, slurmd, on loopback in a folder.

munged alone has its usual socket: with one of its own, sacctmgr of Slurm 22.05 waits for minutes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import free_port

READY_S = 60.0
GPUS = 8
PROGRAMS = ("mariadbd", "mariadb-install-db", "munged", "slurmdbd", "slurmctld", "slurmd", "sbatch")
MUNGE_KEY = Path("/etc/munge/munge.key")


def why_not() -> str | None:
    """What is missing for a Slurm here; None where it can be started."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"{', '.join(missing)} not installed: make test-real"
    if os.geteuid() != 0:
        return "slurmd and munged are started as root"
    return None


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Slurm:
    """A cluster that runs: its commands are run in `environment`."""

    environment: dict[str, str]

    def run(self, *words: str) -> str:
        """What a command prints. Raises: CalledProcessError."""
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=True, timeout=READY_S
        )
        return done.stdout


@contextmanager
def cluster(folder: Path) -> Iterator[Slurm]:
    """A cluster of one node with eight GPUs, and an account `genomics`."""
    environment = os.environ | {
        "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf"), "TZ": "UTC",
    }  # fmt: skip
    slurm = Slurm(environment)
    ports = {name: free_port() for name in ("sql", "dbd", "ctld", "d")}
    _configure(folder, ports)
    with ExitStack() as stack:

        def start(*words: str) -> None:
            stack.enter_context(_running(list(words), environment, folder))

        if not Path("/run/munge/munge.socket.2").exists():
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", MUNGE_KEY.owner(), MUNGE_KEY.group())
            start("runuser", "-u", MUNGE_KEY.owner(), "--", "munged", "--foreground")
            _until(lambda: Path("/run/munge/munge.socket.2").exists())
        _start_database(folder, ports["sql"], slurm, start)
        start("slurmdbd", "-D")
        _until(lambda: _answers(ports["dbd"]))
        slurm.run("sacctmgr", "-i", "add", "cluster", "test")
        slurm.run("sacctmgr", "-i", "add", "account", "genomics", "cluster=test")
        slurm.run("sacctmgr", "-i", "add", "user", "root", "account=genomics", "cluster=test")
        start("slurmctld", "-D", "-c")
        _until(lambda: _answers(ports["ctld"]))
        start("slurmd", "-D", "-N", _host())
        _until(lambda: "idle" in slurm.run("sinfo", "-h", "-o", "%T"))
        yield slurm


def _start_database(folder: Path, port: int, slurm: Slurm, start: Callable[..., None]) -> None:
    data, where = folder / "sql", f"--socket={folder / 'sql.sock'}"
    slurm.run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root",
              "--auth-root-authentication-method=normal", "--skip-test-db")  # fmt: skip
    start("mariadbd", "--no-defaults", f"--datadir={data}", "--user=root", where,
          "--bind-address=127.0.0.1", f"--port={port}")  # fmt: skip
    _until(lambda: _answers(port))
    words = (
        "create database slurm_acct_db; create user 'slurm'@'localhost' identified by 'slurm';"
        "create user 'slurm'@'127.0.0.1' identified by 'slurm';"
        "grant all on slurm_acct_db.* to 'slurm'@'localhost';"
        "grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1';"
    )
    slurm.run("mariadb", "--no-defaults", where, "-u", "root", "-e", words)


def _configure(folder: Path, ports: dict[str, int]) -> None:
    host = _host()
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "slurm.conf").write_text(
        f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports["ctld"]}
SlurmdPort={ports["d"]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
StateSaveLocation={folder / "state"}
SlurmdSpoolDir={folder / "spool"}
SlurmctldPidFile={folder / "ctld.pid"}
SlurmdPidFile={folder / "d.pid"}
SlurmctldLogFile={folder / "ctld.log"}
SlurmdLogFile={folder / "d.log"}
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports["dbd"]}
AccountingStorageTRES=gres/gpu,gres/gpu:h100
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=1000 Gres=gpu:h100:{GPUS}
PartitionName=gpu Nodes={host} Default=YES
"""
    )
    devices = [folder / f"gpu{i}" for i in range(GPUS)]
    for device in devices:
        device.touch()
    gres = [f"Name=gpu Type=h100 File={device}" for device in devices]
    (folder / "gres.conf").write_text("\n".join(gres) + "\n")
    conf = folder / "slurmdbd.conf"
    conf.touch(mode=0o600)
    conf.write_text(
        f"""AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports["dbd"]}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports["sql"]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile={folder / "dbd.log"}
PidFile={folder / "dbd.pid"}
"""
    )


def _host() -> str:
    return socket.gethostname().partition(".")[0]


@contextmanager
def _running(words: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / f"{words[0]}.log").open("ab") as log:
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=READY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _until(is_so: Callable[[], bool]) -> None:
    for _ in range(int(READY_S / 0.2)):
        if is_so():
            return
        time.sleep(0.2)
    raise RuntimeError("Slurm did not start")
