"""What a price import found: files, what became of their rows, medians before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from gpumix.domain.price_import import (
    AskedSource,
    CommitmentUse,
    FileRead,
    ImportedPrices,
    MedianMove,
    RefreshedPrices,
)
from gpumix.report.tables import Table, remark, table, text, value

LISTED: Final = 20
"""Rows that are printed one by one; of more, each reason with its count."""
_ROWS: Final = "PriceRows"
_Told = tuple[str, str, str]


def import_summary(found: ImportedPrices) -> str:
    """How many rows became offers, where they are, and what to be wary of."""
    superseded, refused = len(found.superseded), len(found.refused)
    kept = f"{len(found.offers)} kept, {superseded} superseded, {refused} refused"
    where = f"; {found.sheet} has {found.sheet_rows} rows" if found.sheet else "; nothing written"
    return "\n".join([f"{kept}{where}.", *(f"! {warning}" for warning in found.warnings)])


def import_tables(found: ImportedPrices) -> tuple[Table, ...]:
    """Files, medians, then refused and superseded rows, discounts, credits and commitments."""
    tables = (
        _files(found.files),
        _medians(found.medians),
        _rows("Refused", "reason", [(r.place, r.reason, r.what) for r in found.refused]),
        _rows(
            "Superseded",
            "why",
            [
                (s.place, s.why, f"{s.offer.instance or s.offer.gpu} {s.offer.purchase.value}")
                for s in found.superseded
            ],
        ),
        _discounts(found),
        _credits(found),
        _commitments(found.commitments),
    )
    return tuple(one for one in tables if one.rows)


def sources_table(done: RefreshedPrices) -> Table:
    """Each source that was asked, with the day of its newest prices in the sheet."""
    return table(
        "Sources",
        AskedSource,
        done.sources,
        ("name", lambda s: text(s.name)),
        ("offers", lambda s: value("offers", s.offers, record=AskedSource)),
        ("last_good", lambda s: value("last_good", s.last_good, "none yet", AskedSource)),
        ("failure", lambda s: remark(s.failure)),
    )


def _files(files: Sequence[FileRead]) -> Table:
    return table(
        "Files",
        FileRead,
        files,
        ("name", lambda f: text(f.name)),
        ("format", lambda f: text(f.format)),
        ("rows", lambda f: value("rows", f.rows, record=FileRead)),
        ("kept", lambda f: value("kept", f.kept, record=FileRead)),
        ("superseded", lambda f: value("superseded", f.superseded, record=FileRead)),
        ("refused", lambda f: value("refused", f.refused, record=FileRead)),
    )


def _medians(medians: Sequence[MedianMove]) -> Table:
    return table(
        "Median over providers, USD per GPU-hour",
        MedianMove,
        medians,
        ("gpu", lambda m: text(m.gpu)),
        ("purchase", lambda m: text(m.purchase)),
        ("rows", lambda m: value("rows", m.rows, record=MedianMove)),
        ("before", lambda m: value("before", m.before, "none listed", MedianMove)),
        ("after", lambda m: value("after", m.after, record=MedianMove)),
    )


def _rows(title: str, why: str, rows: Sequence[_Told]) -> Table:
    """Rows one by one; where they are many, the first of each reason with the count."""
    if len(rows) <= LISTED:
        return table(
            title,
            _ROWS,
            rows,
            ("place", lambda r: text(r[0])),
            (why, lambda r: text(r[1])),
            ("what", lambda r: text(r[2])),
        )
    counts = Counter(reason for _, reason, _ in rows)
    first: dict[str, _Told] = {}
    for row in rows:
        first.setdefault(row[1], row)
    return table(
        f"{title}: {len(rows)} rows by reason (all of them with --json)",
        _ROWS,
        [first[reason] for reason, _ in counts.most_common()],
        ("count", lambda r: value("count", counts[r[1]], record=_ROWS)),
        (why, lambda r: text(r[1])),
        ("place", lambda r: text(r[0])),
        ("what", lambda r: text(r[2])),
    )


def _discounts(found: ImportedPrices) -> Table:
    return table(
        "Discounts on list prices",
        _ROWS,
        found.discounts,
        ("place", lambda d: text(d.place)),
        ("provider", lambda d: text(d.provider)),
        ("share", lambda d: value("share", d.share, record=_ROWS)),
        ("what", lambda d: text(d.text)),
        ("until", lambda d: value("until", d.until, "open", _ROWS)),
    )


def _credits(found: ImportedPrices) -> Table:
    return table(
        "Credits",
        _ROWS,
        found.credits,
        ("place", lambda c: text(c.place)),
        ("provider", lambda c: text(c.provider)),
        ("amount", lambda c: value("amount", c.amount, record=_ROWS)),
        ("what", lambda c: text(f"{c.currency}: {c.what}")),
        ("until", lambda c: value("until", c.until, "open", _ROWS)),
    )


def _commitments(commitments: Sequence[CommitmentUse]) -> Table:
    return table(
        "Use of commitments",
        CommitmentUse,
        commitments,
        ("commitment", lambda c: text(c.commitment)),
        ("used_usd", lambda c: value("used_usd", c.used_usd, record=CommitmentUse)),
        ("unused_usd", lambda c: value("unused_usd", c.unused_usd, record=CommitmentUse)),
        ("utilisation", lambda c: value("utilisation", c.utilisation, record=CommitmentUse)),
    )
