"""What a model's name means: ids, other spellings, quantised copies and fine-tunes of known models.

A name is read as a publisher, words of the model (family with version, size, variant) and words of
the weights' format. A fine-tune is taken for the model whose words it repeats, of the same size.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gpumix import formats
from gpumix.catalog.parts import Checkpoint
from gpumix.domain.llm import Model, NamedModel
from gpumix.errors import UnknownName, shortened

_SIZE: Final = re.compile(r"(?:\d+x)?\d+(?:\.\d+)?[bm]|a\d+(?:\.\d+)?b|e\d+b|\d+e")
_VERSION: Final = re.compile(r"v?\d+(?:\.\d+)*")
_DATE: Final = re.compile(r"\d{4,}")
_LENGTH: Final = re.compile(r"\d+k")
_SPLIT: Final = re.compile(r"[\s/:()\-_+@,]+")
_NEAREST: Final = 3
_TYPO: Final = 0.8
"""Likeness of a word to one that tells nothing from which it is a slip of the pen, which may not
be the only one of the name."""
WHERE: Final = "all ids: src/gpumix/data/models.csv, or give --model-config config.json"


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The names that a catalogue knows models by."""

    models: Mapping[str, Model]
    aliases: Mapping[str, str]
    checkpoints: Mapping[str, Checkpoint]
    exact: Mapping[str, str]
    bare: Mapping[str, str]
    words: tuple[tuple[str, frozenset[str]], ...]
    tells: Mapping[str, str]

    @property
    def _silent(self) -> list[str]:
        return [word for word, tells in self.tells.items() if tells == "nothing"]

    @classmethod
    def of(
        cls,
        models: Mapping[str, Model],
        aliases: Mapping[str, str],
        checkpoints: Iterable[Checkpoint],
        tells: Mapping[str, str],
    ) -> ModelNames:
        """The names of models: their ids, their published checkpoints, other spellings.

        `tells` says of words of a name whether they tell `nothing`, or another `shape`.
        """
        published = {one.name.lower(): one for one in checkpoints if one.model in models}
        known = {one.name: one.model for one in published.values()}
        targets = {id: id for id in models}
        targets = {**{a: id for a, id in aliases.items() if id in models}, **known, **targets}
        named = sorted(targets, key=lambda name: name not in models)  # ids before other spellings
        exact: dict[str, str] = {}
        bare: dict[str, str] = {}
        for name in named:
            exact.setdefault(name.lower(), name)
            bare.setdefault(_bare(formats.without_format(name)), name)
        bases = (name for name in named if _is_base_kind(models[targets[name]]))
        words = tuple((name, words_of(formats.without_format(name), tells)) for name in bases)
        return cls(models, targets, published, exact, bare, words, tells)

    def named(self, name: str, place: str = "") -> NamedModel:
        """What a name means.

        Raises: UnknownName where it is unknown or may be several, with the nearest three.
        """
        name = name.strip()
        said = formats.stated_in(name)
        known = self.exact.get(name.lower()) or self.bare.get(_bare(formats.without_format(name)))
        if known is not None:
            return self._as(name, known, said)
        return self._as(name, self._base(name, place), said, "counts as")

    def _as(self, name: str, known: str, said: formats.Format | None, verb: str = "") -> NamedModel:
        model = self.models[self.aliases[known]]
        own = self.checkpoints.get(known.lower())
        precision = own.precision if own is not None and own.precision else model.precision
        kv_precision, notes, stated = "", [], ""
        if said is not None and not _is_repository(said, precision):
            stated, precision, kv_precision = said.word, said.precision, said.kv_precision
            notes += [f"{shortened(name)}: {said.says}"] if said.says else []
        if verb:
            notes.insert(0, f"{shortened(name)} {verb} {model.id}, by the words of its name")
        context = own.context if own is not None else None
        return NamedModel(name, model, precision, stated, kv_precision, context, tuple(notes))

    def _base(self, name: str, place: str) -> str:
        """The known name of which this one is a fine-tune. Raises: UnknownName."""
        mine = words_of(formats.without_format(name), self.tells)
        fitting = [(known, theirs) for known, theirs in self.words if self._is_base(theirs, mine)]
        most = max((len(theirs) for _, theirs in fitting), default=0)
        best = [known for known, theirs in fitting if len(theirs) == most]
        if len({_shape(self.models[self.aliases[known]]) for known in best}) == 1:
            return best[0]
        near = best[:_NEAREST] or self.nearest(name)
        kind = "or ambiguous model" if best else "model"
        fix = f"did you mean {', '.join(near)}? {WHERE}"
        raise UnknownName(place, kind, name, self.models, fix)

    def _is_base(self, theirs: frozenset[str], mine: frozenset[str]) -> bool:
        """Whether a name holds all words of a model, has its sizes and is of no other shape."""
        if not theirs <= mine or all(_SIZE.fullmatch(word) for word in theirs):
            return False
        rest = mine - theirs
        if any(difflib.get_close_matches(word, self._silent, 1, _TYPO) for word in rest):
            return False
        return not any(_SIZE.fullmatch(w) or self.tells.get(w) == "shape" for w in rest)

    def nearest(self, name: str) -> list[str]:
        """The three ids that are most like a name: words in common, then the spelling."""
        mine = words_of(formats.without_format(name), self.tells)
        low = name.lower()[:80]

        def likeness(id: str) -> tuple[float, float]:
            theirs = words_of(id, self.tells)
            common = len(mine & theirs) / max(len(mine | theirs), 1)
            return common, difflib.SequenceMatcher(None, low, id.lower()).ratio()

        return sorted(self.models, key=likeness, reverse=True)[:_NEAREST]


def _is_repository(said: formats.Format, published: str) -> bool:
    """Whether a word names a container alone, of weights that are published in few bits anyway."""
    own = formats.precisions()[published]
    return said.word == "gguf" and own.width == formats.precisions()["int4"].width


def _is_base_kind(model: Model) -> bool:
    return (model.generates_text and model.kind != "llm-training-shape") or model.embeds_text


def _shape(model: Model) -> tuple[object, ...]:
    return model.params_total_b, model.layers, model.hidden, model.experts, model.vocab


def words_of(name: str, tells: Mapping[str, str]) -> frozenset[str]:
    """The words of a name that tell its family, version, size and variant.

    A version joins the family it follows; other versions, dates and lengths tell nothing.

    >>> sorted(words_of("NousResearch/Hermes-3-Llama-3.1-8B-Instruct", {"instruct": "nothing"}))
    ['8b', 'hermes3', 'llama3.1']
    """
    tail = re.sub(r"(?<=\d)_(?=\d)", ".", name.rpartition("/")[2].lower())
    found: list[str] = []
    for word in filter(None, (part.strip(".") for part in _SPLIT.split(tail))):
        if not _VERSION.fullmatch(word):
            found.append(word)
        elif found and found[-1].isalpha() and found[-1] not in tells and not _DATE.fullmatch(word):
            found[-1] += word
    return frozenset(w for w in found if tells.get(w) != "nothing" and not _LENGTH.fullmatch(w))


def _bare(name: str) -> str:
    return re.sub(r"[\s\-_.:]+", "", name.rpartition("/")[2].lower())
