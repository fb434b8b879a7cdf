"""The step table of a replica that is no real GPU's."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpumix.serving.simulator.steptable import StepTable


def made_up_table(seed: int, **changes: Any) -> StepTable:
    """A replica of no real GPU: rising times with kinks, so that nothing is equal by accident."""
    rng = np.random.default_rng(seed)
    contexts = np.array([0.0, 8.0, 32.0, 64.0, 128.0, 1024.0, 2.0**21])
    slots, chunk = int(rng.integers(1, 12)), int(rng.integers(8, 90))
    slots, chunk = changes.get("max_sequences", slots), changes.get("chunk_tokens", chunk)
    batch = np.arange(slots + 1.0)[:, None]
    slopes = np.concatenate([[0.0], np.cumsum(rng.uniform(1e-5, 3e-5, 6) * np.diff(contexts))])
    attend = batch * slopes[None, :]
    given = {
        "contexts": contexts,
        "decode_s": rng.uniform(0.01, 0.02) + 1e-3 * batch + attend,
        "attend_s": attend,
        "tokens_s": 0.01 + np.cumsum(rng.uniform(1e-4, 3e-4, max(chunk, slots) + 1)),
        "head_s": np.cumsum(rng.uniform(1e-5, 1e-4, slots + 1)),
        "span_s": np.cumsum(rng.uniform(1e-6, 1e-5, 64)),
        "host_s": rng.uniform(1e-4, 2e-3, 4),
        "overlap": float(rng.uniform()),
        "chunk_tokens": chunk,
        "max_sequences": slots,
        "kv_blocks": int(rng.integers(4, 40)),
        "reserves": bool(rng.integers(2)),
        "first_token_s": 0.01,
        "prefills_first": bool(rng.integers(2)),
    }
    return StepTable(**(given | changes))
