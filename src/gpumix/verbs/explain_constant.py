"""What the fit made of the constants that predictions rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpumix.domain.explanation import Constant, Listed
from gpumix.errors import UnknownName
from gpumix.predict.constants import Path4, load_constants


def explain_constants(words: Sequence[str]) -> tuple[Constant, ...]:
    """The constants that every word names: a name (`mfu_16bit`), a key (`Hopper`, `vllm 0.9`),
    a table's name (`inference.engine.step_s`) or a whole path.

    Raises: UnknownName, with the nearest names, for a word that names none.
    """
    known = load_constants()
    kept = list(known)
    for word in words:
        if not is_constant(word):
            raise UnknownName("", "constant", word, names_of_constants())
        kept = [path for path in kept if word.lower() in _lowered(path)]
    if not kept:
        raise UnknownName("", "constant", " ".join(words), sorted(_names_of_any(words)))
    return tuple(known[path] for path in kept)


def is_constant(word: str) -> bool:
    """Whether a word names constants."""
    return any(word.lower() in _lowered(path) for path in load_constants())


def names_of_constants() -> tuple[str, ...]:
    """Names and keys that constants go by, each once."""
    return tuple(dict.fromkeys(name for path in load_constants() for name in path[:1:-1]))


def tables_with(name: str) -> tuple[str, ...]:
    """Tables that hold constants of this name, each as `section.table.name`."""
    found = (path for path in load_constants() if path[3] == name)
    return tuple(dict.fromkeys(f"{section}.{table}.{name}" for section, table, _, _ in found))


def listed_constants() -> Iterator[Listed]:
    """Every constant's name with its meaning, once a table."""
    told: set[str] = set()
    for path, one in load_constants().items():
        section, table, _, name = path
        of_the_table = f"{section}.{table}.{name}"
        if of_the_table not in told:
            told.add(of_the_table)
            yield Listed(of_the_table, "constant", one.meaning)


def _names(path: Path4) -> tuple[str, ...]:
    section, table, key, name = path
    return name, key, f"{section}.{table}.{name}", ".".join(path)


def _lowered(path: Path4) -> tuple[str, ...]:
    return tuple(name.lower() for name in _names(path))


def _names_of_any(words: Sequence[str]) -> set[str]:
    """Paths that at least one of the words names."""
    lowered = [word.lower() for word in words]
    return {
        ".".join(path)
        for path in load_constants()
        if any(word in _lowered(path) for word in lowered)
    }
