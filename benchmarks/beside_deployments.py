"""What aiconfigurator 0.12.0 says of docs/proof/questions.csv -> docs/proof/aiconfigurator.csv.

Runs in an environment of its own, as beside_aiconfigurator.py does, which names its systems.
"""

from __future__ import annotations

import csv
import logging
import warnings
from pathlib import Path

from beside_aiconfigurator import BACKENDS, ROUTED, SYSTEMS

PROOF = Path(__file__).resolve().parent.parent / "docs" / "proof"
MODES = {"prefill": "static_ctx", "decode": "static_gen", "all": "agg"}
ROUTES = (*ROUTED, "Kimi", "Mixtral")


def rate(row: dict[str, str]) -> float:
    """Tokens/s of one GPU.

    Raises: KeyError where it has no such system or engine; and whatever it raises itself.
    """
    from aiconfigurator.cli.api import cli_estimate

    tp, ep, copies = int(row["tp"]), int(row["ep"]), int(row["dp"])
    if not row["load_value"]:
        raise ValueError("not asked: no batch is stated, and single points alone were asked")
    batch = round(float(row["load_value"]) / copies)
    routed = any(name in row["model"] for name in ROUTES)
    found = cli_estimate(
        model_path=row["model"], system_name=SYSTEMS[row["gpu"]], mode=MODES[row["part"]],
        backend_name=BACKENDS[row["engine"]], isl=int(row["input_len"]),
        osl=int(row["output_len"]), batch_size=batch, tp_size=tp, attention_dp_size=copies,
        moe_ep_size=ep if routed else None, moe_tp_size=tp * copies // ep if routed else None,
    )  # fmt: skip
    if row["part"] == "prefill":
        return 1e3 * batch * int(row["input_len"]) / float(found.ttft) / tp
    return 1e3 * batch / float(found.tpot) / tp


def main() -> None:
    """Ask every question; where it has no answer, why."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    with (PROOF / "questions.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with (PROOF / "aiconfigurator.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["id", "tok_s_per_gpu", "why"])
        for row in rows:
            try:
                writer.writerow([row["id"], f"{rate(row):.4g}", ""])
            except KeyError as lacks:
                writer.writerow([row["id"], "", f"it has no {lacks.args[0]}"])
            except Exception as error:  # whatever it raises, it has no answer
                first = " ".join(str(error).split()).split(". ")[0]
                writer.writerow([row["id"], "", first])


if __name__ == "__main__":
    main()
