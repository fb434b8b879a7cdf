"""One queue before servers that work on one request at a time: first come, first served."""

# What numpy arrays hold is Any to mypy, and max() of it is a union.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gpumix.compiled import compiled_entry
from gpumix.values import FloatArray


def times_in_system(
    arrival_s: FloatArray, service_s: FloatArray, servers: Sequence[int]
) -> FloatArray:
    """From its arrival to its end, of each request [s].

    A request goes to the fastest kind of server that is idle when it comes, else it waits for the
    server that is free first. Servers start idle.

    Args:
        arrival_s: rising times of arrival [s], one a request.
        service_s: what a request takes on each kind of server [s], shape (kinds, requests).
        servers: how many there are of each kind [count].

    Raises: ValueError without a server.

    Source: the recursion of Kiefer and Wolfowitz, "On the theory of queues with many servers",
        Transactions of the American Mathematical Society 78 (1955), with servers of several kinds.

    >>> times_in_system(np.array([0.0, 1.0]), np.array([[3.0, 3.0]]), [1]).tolist()
    [3.0, 5.0]
    >>> times_in_system(np.array([0.0, 1.0]), np.array([[3.0, 3.0]]), [2]).tolist()
    [3.0, 3.0]
    """
    fastest_first = np.argsort(service_s.mean(axis=1), kind="stable")
    kind = np.repeat(fastest_first, np.asarray(servers, dtype=np.int64)[fastest_first])
    if not len(kind):
        raise ValueError("a queue needs a server")
    return _run(
        np.ascontiguousarray(arrival_s, dtype=np.float64),
        np.ascontiguousarray(service_s, dtype=np.float64),
        kind,
    )


@compiled_entry
def _run(arrival_s: FloatArray, service_s: FloatArray, kind: npt.NDArray[np.int64]) -> FloatArray:
    free_s = np.zeros(len(kind))
    spent_s = np.empty(len(arrival_s))
    for i in range(len(arrival_s)):
        now, server = arrival_s[i], 0
        for k in range(len(kind)):
            if free_s[k] <= now:
                server = k
                break
            if free_s[k] < free_s[server]:
                server = k
        end = max(now, free_s[server]) + service_s[kind[server], i]
        free_s[server] = end
        spent_s[i] = end - now
    return spent_s
