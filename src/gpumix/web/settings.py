"""What a server is started with."""

from __future__ import annotations

import ipaddress
import platform
from dataclasses import dataclass
from pathlib import Path

from gpumix.errors import InputError, Problem
from gpumix.reading import read_text

LEAST_TOKEN = 16
"""Characters of a token that cannot be guessed."""
_LOOPBACK_NAMES = ("localhost",)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server listens, what it shows, who may ask.

    `folder` holds folders of plans and fleets, results are written there. `token` is None on
    loopback without one; `workers` is how many jobs run at once.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8642
    token: str | None = None
    workers: int = 1

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)

    def is_own_host(self, name: str) -> bool:
        """Whether a request's Host names this server: other names are another site's, which made a
        browser ask here (DNS rebinding).

        >>> Settings(Path(".")).is_own_host("localhost:8642")
        True
        >>> Settings(Path(".")).is_own_host("rebound.example:8642")
        False
        """
        host = _without_port(name.lower())
        if self.is_loopback:
            return _is_loopback(host)
        if host in (self.host.lower(), platform.node().lower()) or _is_loopback(host):
            return True
        return _is_every_address(self.host) and _is_address(host)


def checked_settings(
    folder: Path, host: str, port: int, token_file: Path | None, workers: int
) -> Settings:
    """The settings that a command line states.

    Raises: InputError with everything that is wrong with them.
    """
    problems: list[Problem] = []
    token = None
    if token_file is not None:
        token = read_text(token_file, "name a file with one line").strip()
        if len(token) < LEAST_TOKEN or len(token.split()) != 1:
            what = f"must hold one word of at least {LEAST_TOKEN} characters"
            problems.append(Problem(str(token_file), what))
    elif not _is_loopback(host):
        fix = "name a file with a token: --token-file FILE"
        problems.append(Problem("--host", f"{host!r:.60} can be reached by others", fix))
    if folder.exists() and not folder.is_dir():
        problems.append(Problem(str(folder), "is a file", "name a folder"))
    if problems:
        raise InputError(problems)
    return Settings(folder, host, port, token, workers)


def _without_port(name: str) -> str:
    if name.startswith("["):  # [::1]:8642
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if host in _LOOPBACK_NAMES:
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_every_address(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified
