"""How long a request waits for its first token and for each one after it, while others run."""

from __future__ import annotations

import numpy as np

from gpumix.values import Values


def ttft(
    first_token_s: Values,
    own_prefill_s: Values,
    others_prefill_s: Values,
    tpot_s: Values,
    batch: Values,
    together: Values,
    first_wave: Values,
    lockstep: Values,
) -> Values:
    """Mean time to first token of an admitted request under continuous batching [s].

    TTFT = f + own (1 + c (1 - 1/b) + w (b - 1)) + (1 - 1/b) TPOT / 2 + g others

    A request arrives in the middle of a step of others, so it waits half of one. Requests that end
    together are followed by requests that start together, whose prompts share the steps: c of them.
    The wave that a measured run starts with comes in one by one, as clients and server send it on:
    each prompt of it is read in a step of its own. Engines that let prompts go first read all that
    wait in full steps.

    Args:
        first_token_s: from the client to the engine and back, f [s].
        own_prefill_s: prefill of its own prompt, alone on the replica [s].
        others_prefill_s: what the prompts of all that runs beside it add to steps [s].
        tpot_s: mean time of an output token [s].
        batch: sequences b of one replica [count].
        together: prompts c that arrive with it, if the batch is large [count].
        first_wave: prompts w of each other request that it waits for, for the wave with which a
            measured run starts [1].
        lockstep: share g of the others' prefill that it waits for, of an engine that lets prompts
            go first [0-1].

    Source: docs/inference.md, "Loads"; c and w are fitted to measured closed loops.

    >>> round(float(ttft(0.010, 0.050, 0.300, 0.020, 16.0, 0.2, 0.05, 0.1)), 4)
    0.1462
    """
    many = np.maximum(batch, 1.0)
    others = 1.0 - 1.0 / many
    reading = own_prefill_s * (1.0 + together * others + first_wave * (many - 1.0))
    return first_token_s + reading + 0.5 * others * tpot_s + lockstep * others_prefill_s


def tpot(decode_s: Values, others_s: Values, lockstep: Values) -> Values:
    """Mean time of an output token under continuous batching [s].

    TPOT = decode + (1 - g) others: steps that also take the prompts of others last longer by them.

    Args:
        decode_s: a step that only decodes [s].
        others_s: what the prompts of others add to a mean step [s].
        lockstep: share g of prompts that go when nothing decodes: of engines that let prompts go
            first, whose requests march in step [0-1].

    Source: docs/inference.md, "Loads"; Orca (OSDI 2022), Sarathi (arXiv 2403.02310).

    >>> round(tpot(0.020, 0.0075, 0.05), 6)
    0.027125
    """
    return decode_s + (1.0 - lockstep) * others_s
