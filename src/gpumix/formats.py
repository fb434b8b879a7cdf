"""Weight formats: the rows of data/precisions.csv, by every word that people write for them.

A row whose word is its own precision defines that precision (bits, what multiplies it); the others
are words that mean one, as `awq` means `int4`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.errors import DataError, Problem, unknown_name
from gpumix.files import read_columns

TABLE: Final = Path(__file__).parent / "data" / "precisions.csv"
_COLUMNS: Final = [
    "word", "precision", "weight_bits", "computed_in", "kv_precision", "engines", "says", "source",
    "as_of",
]  # fmt: skip
_BITS_16, _BITS_8, _BITS_4 = 16, 8, 4
_LEAST_16, _LEAST_8 = 10.0, 6.0
"""Bits a weight from which a format is read like 16-bit and 8-bit ones."""
WHERE: Final = "all words: src/gpumix/data/precisions.csv"


@dataclass(frozen=True, slots=True)
class Format:
    """What a word says of weights: the precision it means, with the cache it implies.

    `weight_bits` include the scales of a block; embeddings are counted apart, at 16 bits.
    `computed_in` is the arithmetic that multiplies it where a GPU has it; empty = weights only,
    multiplied at 16 bits. `engines` empty = all.
    """

    word: str
    precision: str
    weight_bits: float
    computed_in: str
    kv_precision: str
    engines: tuple[str, ...]
    says: str
    source: str
    as_of: str

    @property
    def bytes_per_weight(self) -> float:
        """Bytes a weight, scales included."""
        return self.weight_bits / 8.0

    @property
    def width(self) -> int:
        """16, 8 or 4: which kernels read it."""
        if self.weight_bits >= _LEAST_16:
            return _BITS_16
        return _BITS_8 if self.weight_bits >= _LEAST_8 else _BITS_4


@functools.cache
def words(table: Path = TABLE) -> Mapping[str, Format]:
    """Every word by its letters and digits alone: `q4km`.

    Raises: DataError where a row repeats another or means no precision of the table.
    """
    columns = read_columns(table)
    if list(columns) != _COLUMNS:
        raise DataError(f"{table.name}: the columns must be {', '.join(_COLUMNS)}")
    rows = [
        dict(zip(_COLUMNS, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
    ]
    own = {row["word"]: row for row in rows if row["word"] == row["precision"]}
    found: dict[str, Format] = {}
    for row in rows:
        base, key = own.get(row["precision"]), _bare(row["word"])
        if base is None or not base["weight_bits"] or key in found:
            raise DataError(f"{table.name}: {row['word']} is repeated or means no precision")
        found[key] = Format(
            word=row["word"],
            precision=row["precision"],
            weight_bits=float(base["weight_bits"]),
            computed_in=base["computed_in"],
            kv_precision=row["kv_precision"],
            engines=tuple(base["engines"].split()),
            says=row["says"],
            source=row["source"],
            as_of=row["as_of"],
        )
    return found


@functools.cache
def precisions() -> Mapping[str, Format]:
    """The precisions that weights can have, by their own names."""
    return {one.word: one for one in words().values() if one.word == one.precision}


def canonical(word: str) -> str | None:
    """The precision that a word means, in any case and with any separators; None if none.

    >>> canonical("AWQ"), canonical("Q4-K-M"), canonical("fp12")
    ('int4', 'q4_k_m', None)
    """
    found = words().get(_bare(word))
    return None if found is None else found.precision


def unknown_precision(place: str, word: str) -> Problem:
    """The problem `unknown precision`, with the nearest words and where all of them are."""
    found = unknown_name(place, "precision", word, [one.word for one in words().values()])
    return Problem(place, found.message, f"{found.fix} {WHERE}".strip())


@functools.lru_cache(maxsize=10_000)
def stated_in(name: str) -> Format | None:
    """The format that a model's name states by one of its words; None where it states none.

    Of several the one with digits counts (`GPTQ-Int8`), then the longest.

    >>> stated_in("Qwen/Qwen3-32B-AWQ").precision, stated_in("Qwen/Qwen3-32B")
    ('int4', None)
    >>> stated_in("bartowski/Qwen3-8B-GGUF:Q8_0").precision
    'q8_0'
    """
    found = [words()[_bare(match[1])] for match in _pattern().finditer(_tail(name))]
    return max(found, key=_tells, default=None)


def without_format(name: str) -> str:
    """A name less the words that state a format.

    >>> without_format("unsloth/Qwen3-8B-bnb-4bit")
    'unsloth/Qwen3-8B'
    """
    tail = _tail(name)
    head = name[: len(name) - len(tail)]
    return head + _pattern().sub("", tail).strip(" -_.:/")


def _tells(one: Format) -> tuple[bool, int]:
    return any(c.isdigit() for c in one.word), len(one.word)


def _tail(name: str) -> str:
    """A name after its publisher, who states nothing of the weights."""
    return name.rpartition("/")[2]


def _bare(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).lower()


@functools.cache
def _pattern() -> re.Pattern[str]:
    """Any word where no letter or digit touches it, with any separators within."""
    spelt = sorted((one.word for one in words().values()), key=len, reverse=True)
    inner = "|".join(r"[\W_]*".join(map(re.escape, word.split("_"))) for word in spelt)
    return re.compile(rf"(?<![a-z0-9])(?:ud[\W_]+)?({inner})(?![a-z0-9])", re.IGNORECASE)
