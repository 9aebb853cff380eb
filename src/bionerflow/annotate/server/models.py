"""The models that a server offers, loaded when they are first asked."""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bionerflow.annotate.model import RUNS, Annotator, RunModel, card_of, run_of
from bionerflow.annotate.zero_shot import PLAIN, BaseModel, check_room, folder_of_base, wanted
from bionerflow.config.runs import RunCard
from bionerflow.formats import FORMATS, Format
from bionerflow.formats.prompts import Asking
from bionerflow.models.shipped import ADAPTERS, CARD, shipped
from bionerflow.utils.errors import UserError, nearest

#: Models that are in memory at once; the one that was asked longest ago makes room.
LOADED = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a batch asks for.

    Of a run, `types` are those that are kept. Of a chat model, they are those that it is asked for,
    with their `definitions` and with `examples` (`formats.marked`).
    """

    model: str
    engine: str
    corpus: str | None
    format: str | None
    types: tuple[str, ...]
    definitions: tuple[tuple[str, str], ...] = ()
    examples: tuple[str, ...] = ()


class TooLongError(UserError):
    """What was asked is too long for the model; the words name nothing of the server."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model by its name; `card` says how a run is asked, a chat model has none."""

    name: str
    place: str
    card: RunCard | None = None

    @property
    def corpora(self) -> dict[str, list[str]]:
        """The types of each corpus that a run was trained on."""
        return {n: list(its.types) for n, its in self.card.corpora.items()} if self.card else {}

    @property
    def formats(self) -> list[str]:
        """The output formats that can be asked for, the usual one first."""
        if self.card:
            return self.card.formats
        return sorted(FORMATS, key=lambda name: (name != PLAIN, name))


def offered(given: Iterable[str], engines: Iterable[str] = ("torch",)) -> dict[str, Offer]:
    """Return the models that are given by id, folder or name; without any, all that are here.

    These are the adapters that come with the project and the runs in results/train.

    Raises:
        UserError: there is no such model, or none at all, or two have one name.
    """
    places = [*given] or [*shipped(), *sorted(str(path.parent) for path in RUNS.glob(f"*/{CARD}"))]
    if not places:
        raise UserError(f"There is no run in {RUNS}: name a model with --model, or train one.")
    offers = [_offer(place, set(engines) == {"openai"}) for place in places]
    names = [offer.name for offer in offers]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"Two models are named {twice.pop()}: give one of them.")
    return dict(zip(names, offers, strict=True))


def _offer(place: str, elsewhere: bool) -> Offer:
    if place in shipped():  # its base model is fetched when it is first asked
        return Offer(place, place, card_of(ADAPTERS / place / CARD))
    try:
        folder = run_of(place)
    except UserError as missing:
        if elsewhere:  # a name at an endpoint
            return Offer(place, place)
        try:
            folder_of_base(place)
        except UserError as error:
            raise UserError(f"{missing} {error}") from None
        return Offer(Path(place).name, place)
    card = card_of(folder / CARD)
    return Offer(card.run, str(folder), card)


class Models:
    """Offered models; `annotator` loads one, and `check` says before what cannot be asked."""

    def __init__(
        self,
        offers: Mapping[str, Offer],
        engines: Mapping[str, Mapping[str, Any]],
        judging: tuple[str | None, float, int | None] = (None, 0.5, None),
    ) -> None:
        """Take what is offered.

        Args:
            offers: The models by name.
            engines: The settings of each engine that may be chosen, as keys of `predict`.
            judging: Selector, threshold and batch size, as `RunModel` takes them.
        """
        self.offers, self.engines, self.judging = offers, engines, judging
        self.loaded: OrderedDict[Asked, Annotator] = OrderedDict()

    def check(self, asked: Asked) -> Asked:
        """Return what is asked, completed; no error says more than names that were sent or offered.

        Raises:
            UserError: it cannot be asked.
        """
        offer = self.offers.get(asked.model)
        if offer is None:
            raise UserError(
                f"There is no model '{asked.model}'.{nearest(asked.model, self.offers)}"
            )
        if asked.engine not in self.engines:
            raise UserError(f"The engine '{asked.engine}' is not offered.")
        if not offer.card:
            if not asked.types:
                raise UserError(f"{offer.name} is a chat model: name the types to find.")
            return replace(asked, format=_wanted(asked)[0].name, corpus=None)
        if asked.definitions or asked.examples:
            raise UserError(
                f"{offer.name} is trained: only a chat model takes definitions and examples."
            )
        format = _one("format", asked.format, offer.formats)
        corpus = _one("corpus", asked.corpus, list(offer.corpora))
        known = offer.corpora[corpus]
        if other := sorted(set(asked.types) - set(known)):
            raise UserError(f"{offer.name} does not know '{other[0]}'.{nearest(other[0], known)}")
        return replace(asked, format=format, corpus=corpus, types=asked.types or tuple(known))

    def annotator(self, asked: Asked) -> Annotator:
        """Return the annotator of what was checked; its model is loaded if it is not yet.

        Raises:
            TooLongError: definitions and examples leave the model no room for a sentence.
        """
        run = bool(self.offers[asked.model].card)
        format = asked.format if run else None
        key = replace(asked, types=(), definitions=(), examples=(), format=format)
        if key not in self.loaded:
            while len(self.loaded) >= LOADED:
                self.loaded.popitem(last=False)
            print(f"serve: loading {asked.model} ({asked.engine})", file=sys.stderr, flush=True)
            self.loaded[key] = self._load(asked)
        self.loaded.move_to_end(key)
        return self.loaded[key] if run else _asking(self.loaded[key], asked)

    def _load(self, asked: Asked) -> Annotator:
        offer, engine = self.offers[asked.model], self.engines[asked.engine]
        if offer.card:
            return RunModel(offer.place, asked.corpus, asked.format, *self.judging, engine)
        types = list(asked.types)
        return BaseModel(offer.place, types, None, (), asked.format, "en", *self.judging, engine)


def _wanted(asked: Asked) -> tuple[Format, Asking]:
    return wanted(asked.types, dict(asked.definitions), asked.examples, asked.format, "en")


def _asking(annotator: Annotator, asked: Asked) -> Annotator:
    """Return an annotator with the same model that is asked for other types."""
    annotator = copy(annotator)
    annotator.format, annotator.asking = _wanted(asked)
    try:
        check_room(annotator)
    except UserError as error:
        raise TooLongError(str(error)) from None
    return annotator


def _one(what: str, given: str | None, known: Sequence[str]) -> str:
    """Return what is given, or the only one."""
    if given is None and len(known) == 1:
        return known[0]
    if given is None or given not in known:
        raise UserError(f"Name the {what}, one of {', '.join(known)}.")
    return given
