"""A plan in marimo: `marimo edit examples/notebook.py`; without a screen `python` runs it."""

import marimo

app = marimo.App()


@app.cell
def _():
    import tempfile
    from datetime import date
    from pathlib import Path

    import gpumix

    return Path, date, gpumix, tempfile


@app.cell
def _(Path, gpumix, tempfile):
    team = Path(tempfile.mkdtemp()) / "team.yaml"
    team.write_text(
        """
name: Small team
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  support-chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 5}
    slo: {ttft_p95: 1 s, tpot_p95: 50 ms}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
""",
        encoding="utf-8",
    )
    plan = gpumix.plan_file(team).plan
    plan  # the head of its report
    return (plan,)


@app.cell
def _(plan):
    mix = plan.to_frame()
    mix[["resource", "count", "usd_per_gpu_hour", "usd_per_month", "basis"]]
    return (mix,)


@app.cell
def _(plan):
    promises = plan.to_frame("promises")
    promises
    return (promises,)


@app.cell
def _(date, gpumix):
    question = gpumix.Question(
        "meta-llama/Llama-3.1-8B-Instruct", 1024, 256, gpus=("h100-sxm-80gb", "l40s-48gb")
    )
    compared = gpumix.compare_gpus(question, gpumix.load(), date(2026, 11, 24))
    gpus = compared.to_frame()
    gpus
    return (gpus,)


if __name__ == "__main__":
    _, found = app.run()
    for name in ("mix", "promises", "gpus"):
        print(found[name].to_string())
