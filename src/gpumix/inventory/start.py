"""The first inventory of a team, written from its own files: manifests, or a bill.

What a file says is written as it is; what nobody can know from it (demand, promises) stands there
with a value that the plan can be run with, under FILL IN.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from gpumix import formats
from gpumix.catalog import main_form, nearest_offer
from gpumix.domain.offer import Purchase
from gpumix.errors import InputError
from gpumix.inventory.bill import Bill, Group, cents
from gpumix.inventory.manifest import Served, gpu_word
from gpumix.inventory.results.deployed import gpus_named

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

FILL_IN = "FILL IN"
_EXAMPLE_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
_SUPPLY = """
supply:
  cloud: {providers: any, regions: any, purchase: [on_demand, spot, reserved]}
"""


def of_manifest(served: Sequence[Served], source: str, catalog: Catalog, today: date) -> str:
    """An inventory of the model servers in a file."""
    lines = _head(source, today, served[0].name if len(served) == 1 else "my team")
    lines += ["", "workloads:"]
    names: dict[str, int] = {}
    for one in served:
        name = _slug(one.name)
        names[name] = names.get(name, 0) + 1
        lines += _workload(one, name if names[name] == 1 else f"{name}-{names[name]}", catalog)
    lines += _SUPPLY.rstrip("\n").split("\n")
    lines += _rented(served, catalog, today)
    return "\n".join(lines) + "\n"


def of_bill(bill: Bill, source: str, today: date) -> str:
    """An inventory with what a bill says runs today."""
    cost = sum((group.cost_usd for group in bill.groups), Decimal(0))
    monthly = (cost / bill.months).quantize(Decimal("0.01"))
    over = f"{bill.months} month{'s' if bill.months > 1 else ''}"
    lines = _head(source, today, "my team")
    lines += ["", "workloads:", "  my-service:", *_asked(_EXAMPLE_MODEL, "not in a bill")]
    lines += _SUPPLY.rstrip("\n").split("\n")
    lines += ["", f"# The invoice: {cents(bill.invoice_usd)} USD over {over}, of it"]
    for group in bill.groups:
        what = f"{group.provider} {group.instance} {group.region}".replace("#", " ")
        lines.append(
            f"#   {cents(group.billed_usd):>16}  {' '.join(what.split())}, {group.purchase.value}: "
            f"{group.hours:,.4g} h x {group.gpus} GPUs, cost {cents(group.cost_usd)} USD"
        )
    lines += [f"#   {cents(usd):>16}  {what}" for what, usd in sorted(bill.others.items())]
    lines += ["today:", "  rented:"]
    for group in bill.groups:
        lines += _group(group, bill)
    lines += [
        f"  monthly_usd: {monthly}  # GPU hours above a month, commitments spread over their hours",
        "  # The count is of instances that run all month on average, at least 1: {}".format(
            "correct it where they ran for some hours only"
        ),
    ]
    return "\n".join(lines) + "\n"


def _head(source: str, today: date, name: str) -> list[str]:
    following = (today.year + today.month // 12, today.month % 12 + 1)
    return [
        f"# Written by `gpumix init --from {_comment(source)}`. {FILL_IN} marks what is assumed:",
        "# no such file states demand and promises.",
        f"name: {_quoted(_comment(name))}",
        f"horizon: {{start: {following[0]:04d}-{following[1]:02d}, years: 3}}",
        "timezone: UTC",
    ]


def _asked(model: str, note: str) -> list[str]:
    """A workload's lines, with what a person must state."""
    return [
        "    kind: chat",
        f"    model: {_quoted(model)}" + (f"  # {FILL_IN}: {note}" if note else ""),
        f"    traffic: {{profile: azure-conv, peak_requests_per_s: 1}}  # {FILL_IN}: your busiest "
        "hour, lengths or a trace",
        f"    slo: {{ttft_p95: 1 s, tpot_p95: 50 ms}}  # {FILL_IN}: what you promise",
    ]


def _workload(served: Served, name: str, catalog: Catalog) -> list[str]:
    model, note = _model(served, catalog)
    args = ", ".join(f"{key} {value}" for key, value in served.options)
    lines = [
        f"  {name}:",
        f"    # {_comment(served.kind)} {_comment(served.name)}: {served.engine}"
        + (f", {_comment(args)}" if args else ""),
        *(f"    # {FILL_IN}: {_comment(what)}" for what in served.open),
        *_asked(model, note),
    ]
    word = served.option("precision").lower()
    if precision := formats.canonical(word):
        lines.insert(-2, f"    precision: [{precision}]")
    elif word and word not in ("none", "auto"):
        lines.insert(-2, f"    # {FILL_IN}: precision, the file says {_comment(word)}")
    return lines


def _model(served: Served, catalog: Catalog) -> tuple[str, str]:
    """The model's id, and what a person must do about it."""
    if not served.model:
        return _EXAMPLE_MODEL, "the file does not name it"
    try:
        return catalog.model(served.model, "").id, ""
    except InputError:
        return served.model, "not in the catalogue: name one of its shape, or a sheet of models"


def _rented(served: Sequence[Served], catalog: Catalog, today: date) -> list[str]:
    """What runs today, as far as the files say on which machines; the rest as comments."""
    lines, comments = [], []
    providers = {offer.provider for offer in catalog.offers}
    current = catalog.usable(today, estimated=True)
    for one in served:
        gpu, note = _gpu(one, catalog)
        tp = max(_degree(one, "tp") * _degree(one, "pp") * _degree(one, "dp"), 1)
        gpus = one.gpus or tp
        head = f"{one.replicas} x {gpus} x {gpu or 'a GPU that is not named'}"
        if one.gpus and tp > one.gpus:
            note = f"{note}; its arguments use {tp} GPUs, the file asks for {one.gpus}".lstrip("; ")
        purchase = Purchase.SPOT if one.spot else Purchase.ON_DEMAND
        provider = one.provider.lower()
        known = {o.region for o in catalog.offers if o.provider == provider}
        where_runs = one.region if one.region in known else ""
        if nearest_offer(current, provider, gpu, purchase, gpus, where_runs) is None:
            where = "usd_per_gpu_hour" if provider in providers else "provider"
            where = where if gpu else "gpu, provider"
            comments.append(f"# {FILL_IN} {where}: {_comment(one.name)} runs on {head}"
                            + (f" ({_comment(note)})" if note else ""))  # fmt: skip
            continue
        region = f", region: {_quoted(where_runs)}" if where_runs else ""
        lines.append(
            f"    - {{provider: {_quoted(provider)}, gpu: {gpu}, gpus_per_instance: "
            f"{gpus}, count: {one.replicas}, purchase: {purchase.value}{region}}}"
            + (f"  # {FILL_IN}: {_comment(note)}" if note else "")
        )
    if lines:
        lines = ["today:", "  rented:", *lines, f"  # monthly_usd: {FILL_IN} from your bill"]
    return ["", *comments, *lines]


def _gpu(served: Served, catalog: Catalog) -> tuple[str, str]:
    """The GPU's id, and what is open about it."""
    word = gpu_word(served)
    if not word and served.instance:
        sold = {o.instance: o.gpu for o in catalog.offers if o.instance}
        return sold.get(served.instance, ""), ""
    forms = gpus_named(word, catalog) if word else ()
    if not forms:
        return "", f"the file says {word}" if word else ""
    if len(forms) == 1:
        return forms[0], ""
    return main_form(forms, catalog.offers, catalog.gpus), f"{word} may be {', '.join(forms)}"


def _degree(served: Served, name: str) -> int:
    text = served.option(name)
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else 1


def _group(group: Group, bill: Bill) -> Iterable[str]:
    running = group.hours / (bill.hours_per_month * bill.months)
    term = group.purchase in (Purchase.RESERVED, Purchase.RESERVED_1Y, Purchase.RESERVED_3Y)
    region = f", region: {_quoted(group.region)}" if group.region else ""
    note = f"{running:,.3g} ran on average"
    if not group.is_counted:
        note += f"; {FILL_IN} gpus_per_instance, and the rate over it: 1 assumed"
    if term:
        note += f"; {FILL_IN} until: last day of the commitment"
    yield (
        f"    - {{provider: {_quoted(group.provider)}, gpu: {group.gpu}, gpus_per_instance: "
        f"{group.gpus}{region}, purchase: {group.purchase.value}, count: {max(round(running), 1)}, "
        f"usd_per_gpu_hour: {group.rate_usd:.6g}}}  # {note}"
    )


def _slug(name: str) -> str:
    """A workload's name: letters, digits and dashes.

    >>> _slug("My vLLM/server")
    'my-vllm-server'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "server"


def _quoted(text: str) -> str:
    """Text as YAML reads it back, whatever is in it."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    """Text of a file on one line of a comment."""
    return " ".join(text.split())[:120]
