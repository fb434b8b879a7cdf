"""The script that measures what a plan's worth of measuring names: one deployment a call."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from gpumix.domain.worth import MeasurementWorth, Worth

NAME = "measure.sh"


def bench_script(worth: Worth) -> str:
    """A POSIX shell script: started with a measurement's name on a machine that has its GPUs, it
    starts the engine, runs the three points and leaves their results beside itself."""
    known = [one for one in worth.measurements if one.server]
    cases = (line for one in known for line in _case(one))
    return "\n".join([*_head(worth, known), *cases, "esac", ""])


_FUNCTIONS = """# Wait until the engine answers at $1; stop if it ended.
wait_for() {
    until curl -sf "$1" > /dev/null; do
        kill -0 "$SERVER" 2> /dev/null || { echo "the engine ended: see $RESULTS.log" >&2; exit 1; }
        sleep 5
    done
}
stop() { [ -z "$SERVER" ] || kill "$SERVER" 2> /dev/null || true; }
SERVER=
trap stop EXIT INT TERM
RESULTS=results/$1
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
"""


def _head(worth: Worth, known: Sequence[MeasurementWorth]) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# Measurements for the plan {' '.join(worth.plan.split())}, what pays most first."
    yield f"# On a machine with the GPUs and the engine: sh {NAME} NAME"
    for one in known:
        pays = "pays" if one.pays else "does not pay"
        yield f"#   {one.name}: {one.tp} x {one.gpu}, {one.engine}, about {one.hours:.1f} h; {pays}"
    yield "set -eu"
    yield f'[ $# -eq 1 ] || {{ echo "usage: sh {NAME} NAME, a name of its head" >&2; exit 2; }}'
    yield 'cd "$(dirname "$0")"'
    yield 'case "$1" in'
    if known:
        yield f"{'|'.join(shlex.quote(one.name) for one in known)}) ;;"
    yield '*) echo "no measurement is called $1" >&2; exit 2 ;;'
    yield "esac"
    yield _FUNCTIONS
    yield 'case "$1" in'


def _case(one: MeasurementWorth) -> Iterator[str]:
    yield f"{shlex.quote(one.name)})"
    if "$CHECKPOINT" in one.server:
        yield f'    : "${{CHECKPOINT:?name a checkpoint of {one.model} in {one.precision}}}"'
    yield f'    {one.server} > "$RESULTS.log" 2>&1 &'
    yield "    SERVER=$!"
    yield f"    wait_for {one.health}"
    yield from (f"    {point.command}" for point in one.points)
    yield f"    echo {shlex.quote(f'next: {one.calibrate}')} ;;"
