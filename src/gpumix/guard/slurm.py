"""Slurm: an account an owner under one of the plan, with its GPUs as GrpTRES; a QOS a class.

Slurm knows GPUs by type and not by purchase, so pools of one type are one number.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping

from gpumix.domain.gpu import family_of
from gpumix.domain.guard import LeftOut
from gpumix.errors import printable
from gpumix.guard.holding import Holding, Owner, Pool
from gpumix.guard.tables import WorkClass
from gpumix.guard.text import Written, head

_FUNCTIONS = """\
set -euo pipefail

has() { sacctmgr -n -P show "$1" name="$2" format="$3" | grep -qxF "$2"; }
account() { has account "$1" Account || sacctmgr -i add account "$@"; }
qos() { has qos "$1" Name || sacctmgr -i add qos "$1"; }
tres() {
  sacctmgr -n -P show tres format=Type,Name | grep -qxF "gres|$1" && return
  echo "slurmdbd knows no gres/$1: name it in AccountingStorageTRES of slurm.conf" >&2
  exit 1
}
"""


def slurm(held: Holding) -> tuple[Written | None, list[LeftOut]]:
    """slurm.sh, which may be run again at any time; None where no GPU is held whole."""
    types = gres_types(held.pools)
    left_out = [
        LeftOut("slurm", share.owner.name, f"{share.resource}: Slurm names parts of GPUs by site")
        for share in held.shares
        if not _is_whole(share.resource)
    ]
    if not any(_is_whole(name) for name in held.resources):
        return None, left_out
    root = f"gpumix-{held.stamp.label}"
    classes = list(dict.fromkeys(owner.work_class for owner in held.owners))
    owners = [(owner, _of_owner(held, owner, types)) for owner in held.owners]
    lines = [
        "#!/usr/bin/env bash",
        head(held.stamp, "Slurm accounts and QOS of the plan.", _remarks(types, left_out)),
        _FUNCTIONS,
        *(f"tres {name}" for name in _tres(types)),
        "",
        *_qos(classes),
        *_account(root, "", f"plan {held.stamp.name}", _total(held, types), ""),
    ]
    count = 1 + len(classes)
    for owner, limits in owners:
        if limits:
            name = f"{held.stamp.label}-{owner.name}"
            served = "serves " + " ".join(one.id for one in owner.workloads)
            lines += _account(name, root, served, limits, owner.work_class.name)
            count += 1
    return Written("slurm.sh", "\n".join(lines) + "\n", count), left_out


def gres_types(pools: tuple[Pool, ...]) -> Mapping[str, str]:
    """GPU id -> type in gres.conf: the family, or the whole id where two forms share one.

    >>> gres_types(())
    {}
    """
    ids = list(dict.fromkeys(pool.line.gpu for pool in pools))
    families = Counter(family_of(gpu) for gpu in ids)
    return {gpu: (gpu if families[family_of(gpu)] > 1 else family_of(gpu).lower()) for gpu in ids}


def _is_whole(resource: str) -> bool:
    return resource.partition("/")[2] in ("gpu", "gaudi")


def _total(held: Holding, types: Mapping[str, str]) -> dict[str, int]:
    """GPUs of the plan by type, those that are cut into parts left out."""
    found: Counter[str] = Counter()
    for pool in held.pools:
        found[types[pool.line.gpu]] += pool.gpus - pool.cut_gpus
    return {name: count for name, count in found.items() if count}


def _of_owner(held: Holding, owner: Owner, types: Mapping[str, str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for share in held.of_owner(owner):
        if _is_whole(share.resource):
            found[types[share.pool.line.gpu]] += share.need
    return dict(found)


def _qos(classes: list[WorkClass]) -> list[str]:
    found = []
    for one in reversed(classes):  # what is preempted must be there first
        lower = [other.name for other in classes if other.rank > one.rank]
        # an empty Preempt= is taken for a loop of QOS by Slurm 22.05: it is left out
        preempt = [f"Preempt={','.join(lower)}"] if one.preempts and lower else []
        change = [f"Priority={one.slurm_priority}", *preempt]
        found += [
            f"qos {one.name}",
            shlex.join(["sacctmgr", "-i", "modify", "qos", one.name, "set", *change]),
        ]
    return [*found, ""]


def _account(name: str, parent: str, about: str, limits: Mapping[str, int], qos: str) -> list[str]:
    by_type = [f"gres/gpu:{kind}={count}" for kind, count in limits.items()]
    tres = ",".join([f"gres/gpu={sum(limits.values())}", *by_type])
    words = [f"Parent={parent}"] if parent else []
    words.append(f"Description={_description(about)}")
    change = [f"GrpTRES={tres}"]
    if qos:
        change += [f"QOS={qos}", f"DefaultQOS={qos}"]
    return [
        shlex.join(["account", name, *words]),
        shlex.join(["sacctmgr", "-i", "modify", "account", name, "set", *change]),
        "",
    ]


def _description(text: str) -> str:
    """Plain letters: sacctmgr splits at commas and takes quotes for its own."""
    plain = "".join(c if c.isalnum() or c in " ._-" else " " for c in printable(text))
    return " ".join(plain.split())[:80]


def _tres(types: Mapping[str, str]) -> list[str]:
    return ["gpu", *(f"gpu:{kind}" for kind in types.values())]


def _remarks(types: Mapping[str, str], left_out: list[LeftOut]) -> list[str]:
    tres = ",".join(f"gres/{name}" for name in _tres(types))
    named = "; ".join(f"{gpu} is {kind}" for gpu, kind in types.items())
    return [
        f"slurm.conf needs AccountingStorageTRES={tres} and AccountingStorageEnforce=limits,qos; "
        "QOS preempt each other only with PreemptType=preempt/qos.",
        f"Types as in gres.conf: {named}. Change them here where yours have other names.",
        "The account of the plan holds all its GPUs; those below it hold their peaks, which may "
        "add up to more where work takes turns. Slurm cannot tell spot from on-demand or owned.",
        "A job that names no type (--gres=gpu:N) counts against gres/gpu alone: ask for types.",
        *(f"Not here: {one.what}: {one.why}." for one in left_out),
    ]
