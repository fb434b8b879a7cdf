"""What a server with its GPUs costs to buy, chosen from dated quotes by one written rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.gpu import Server
from gpumix.domain.site import CapexQuote
from gpumix.errors import NoEstimate

_CONFIDENCES = ("high", "medium", "low", "inference")
"""Best first; rows of any other confidence (suspect) are never used."""

_WHOLE = ("server", "server_derived")
_PARTS = ("baseboard", "card")


def gpu_capex(
    quotes: Iterable[CapexQuote], gpu: str, server: Server, window_days: int = 365
) -> tuple[float, Assumption]:
    """Price of one server with all its GPUs, before tax [USD], and what it rests on.

    The first of these that exists:
      1. whole servers with as many of the GPU, quoted with high confidence;
      2. baseboards, else single cards (of the best confidence there is), plus the chassis, where
         the chassis price is known;
      3. whole servers quoted with the best lesser confidence, derived ones included.
    Of the quotes of that sort, the median of those at most `window_days` older than the newest:
    one shop's sticker does not set the price. Used cards and suspect rows never count.

    Args:
        quotes: dated purchase prices.
        gpu: GPU id.
        server: the server it is bought in; `server.gpus` of them.
        window_days: how far back from the newest quote the median reaches [days].

    Raises: NoEstimate where no quote can be used.

    Source: data/capex.csv; data/servers.csv for the chassis.
    """
    usable = [
        q
        for q in quotes
        if q.gpu == gpu and q.confidence in _CONFIDENCES and q.kind in (*_WHOLE, *_PARTS)
    ]
    whole = [q for q in usable if q.kind in _WHOLE and q.gpus == server.gpus]
    sure = [q for q in whole if q.confidence == _CONFIDENCES[0] and q.kind == _WHOLE[0]]
    boards = [q for q in usable if q.kind == _PARTS[0] and q.gpus == server.gpus]
    parts = boards or [q for q in usable if q.kind == _PARTS[1]]
    if sure:
        return _priced(_recent(sure, window_days), server, 0.0)
    if parts and server.chassis_usd is not None:
        return _priced(_recent(_best(parts), window_days), server, server.chassis_usd)
    if whole:
        return _priced(_recent(_best(whole), window_days), server, 0.0)
    raise NoEstimate(f"{gpu}: no purchase price of {server.gpus} in a {server.id} server is known")


def _best(quotes: list[CapexQuote]) -> list[CapexQuote]:
    best = min(_CONFIDENCES.index(q.confidence) for q in quotes)
    return [q for q in quotes if _CONFIDENCES.index(q.confidence) == best]


def _recent(quotes: list[CapexQuote], window_days: int) -> list[CapexQuote]:
    newest = max(q.as_of for q in quotes)
    return [q for q in quotes if newest - q.as_of <= timedelta(days=window_days)]


def _priced(
    quotes: list[CapexQuote], server: Server, chassis_usd: float
) -> tuple[float, Assumption]:
    newest = max(quotes, key=lambda q: q.as_of)
    usd = median(q.usd_total / q.gpus for q in quotes) * server.gpus + chassis_usd
    count = f"median of {len(quotes)} quotes" if len(quotes) > 1 else "one quote"
    chassis = f" + {chassis_usd:,.0f} USD chassis ({server.source})" if chassis_usd else ""
    measured = newest.confidence == _CONFIDENCES[0] and not chassis_usd
    return usd, Assumption(
        subject=f"{server.id}: purchase price",
        value=f"{usd:,.0f} USD with {server.gpus} {newest.gpu}",
        basis=Basis.MEASURED if measured else Basis.ASSUMED,
        source=f"{count} of a {newest.kind}, {newest.confidence} confidence; newest: "
        f"{newest.item}, {newest.source}{chassis}",
        as_of=newest.as_of,
    )
