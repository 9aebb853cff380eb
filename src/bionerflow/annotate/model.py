"""Models as annotators: a run is asked as it was trained, and read as it was evaluated."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bionerflow.annotate.passages import Answered, Mention
from bionerflow.config.base import parse
from bionerflow.config.models import MODEL_FILES
from bionerflow.config.runs import RunCard
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Entity, Problem, Span, Turn, entity_from
from bionerflow.formats import Format, format_named
from bionerflow.formats.prompts import Asking, conversation
from bionerflow.formats.queries import Asked
from bionerflow.inference.engines.base import Engine
from bionerflow.inference.engines.load import CHOICE, load_engine
from bionerflow.inference.predict import conversations, predict
from bionerflow.inference.shots import after
from bionerflow.models.shipped import CARD, run_folder, shipped
from bionerflow.select.samples import Candidate
from bionerflow.utils.cache import cache_folder, private_folder
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.files import checksums, read_json, sha256
from bionerflow.utils.progress import told

RUNS = Path("results", "train")
SELECTORS = Path("results", "select")
FRAGMENTS = 8


def folder_of(given: str, runs: Path, mark: str) -> Path:
    """Return the folder of a run or selector that is given by its folder, its model's, or its id.

    Raises:
        UserError: `mark`, the file that such a folder has, is in none of them.
    """
    own = Path(given)
    for place in (own.parent if own.name == "model" else own, runs / given):
        if (place / mark).is_file():
            return place
    known = [place.name for place in runs.glob("*") if (place / mark).is_file()]
    hint = nearest(given, known) if known else f" {runs} has none either: train one first."
    raise UserError(f"There is no {mark} in {given}, nor in {runs / given}.{hint}")


def run_of(given: str) -> Path:
    """Return the folder of a run, or of the run of an adapter that comes with the project."""
    names = shipped()
    if given in names and not (RUNS / given).is_dir() and not Path(given).is_dir():
        return run_folder(given)
    try:
        return folder_of(given, RUNS, CARD)
    except UserError as error:
        come = f" These come with the project: {', '.join(names)}." if names else ""
        raise UserError(f"{error}{come}") from None


def card_of(path: Path) -> RunCard:
    """Read a run's card."""
    try:
        return parse(RunCard, read_json(path), str(path))
    except ValueError as error:
        raise UserError(f"{path} is not whole ({error}): copy the run's folder again.") from None


class Annotator:
    """What asks an engine for the mentions in sentences, and a selector after it if one is given.

    `facts` tell how sentences are asked; `key` names all that the answers rest on.
    """

    def __init__(
        self,
        engine: Engine,
        asking: Asking,
        format: Format,
        settings: PredictSettings,
        facts: Mapping[str, Any],
        files: Sequence[Path] = (),
        selector: str | None = None,
        threshold: float = 0.5,
    ) -> None:
        """Take an engine that is loaded, and load the selector.

        Args:
            engine: What answers.
            asking: What prompts say of types and texts.
            format: The output format.
            settings: How sentences are asked.
            facts: What the card of an annotation says of the model.
            files: The files that the answers rest on.
            selector: Id or folder of a selector.
            threshold: The probability from which the selector keeps a mention.
        """
        if not 0 <= threshold <= 1:
            raise UserError(f"A threshold is from 0 to 1, not {threshold:g}.")
        self.engine, self.asking, self.format, self.settings = engine, asking, format, settings
        self.language, self.threshold = asking.language, threshold
        self.selector: Any = None
        files = list(files)
        if selector:
            from bionerflow.select.kinds import load

            place = folder_of(selector, SELECTORS, "model/selector.json")
            files += (place / "model").iterdir()
            self.selector = load(place / "model")
            self.selector.encode(_hardest(asking.types, ""))
        self.facts = {
            **facts,
            "format": format.name,
            "types": list(asking.types),
            "selector": selector,
            "threshold": threshold if selector else None,
            "engine": engine.label,
            "predict": settings.model_dump(mode="json"),
        }
        self.key = _key(self.facts, files)

    def __call__(self, sentences: Sequence[str]) -> list[Answered]:
        """Return the mentions in each sentence, those that the selector keeps."""
        queries = [query for n, text in enumerate(sentences) for query in self._queries(n, text)]
        with TemporaryDirectory() as shards:
            rows = list(predict(self.engine, queries, self.settings, Path(shards)))
        answered = {int(row["id"]): _answered(row) for row in rows}
        found = [answered[n] for n in range(len(sentences))]
        return self._selected(sentences, found) if self.selector else found

    def fits(self, sentence: str) -> bool:
        """Say whether the model and the selector can read a sentence in one piece."""
        try:
            asked = conversations(self._queries(0, sentence))
            self.engine.check(asked, self.settings.max_new_tokens)
            if self.selector:
                self.selector.encode(_hardest(self.asking.types, sentence))
        except UserError:
            return False
        return True

    def _queries(self, number: int, text: str) -> Iterator[Asked]:
        for types in self.format.queries(self.asking.types):
            turns = self._turns(text, (), types)
            examples = [self._turns(*example, types) for example in self.asking.examples]
            name, given = self.format.name, self.format.given
            yield after(Asked("", name, str(number), types, text, (), turns, given), examples)

    def _turns(
        self, text: str, entities: Sequence[Entity], types: Sequence[str]
    ) -> tuple[Turn, ...]:
        return tuple(conversation(self.asking, self.format, text, entities, types))

    def _selected(self, sentences: Sequence[str], found: Sequence[Answered]) -> list[Answered]:
        candidates = [
            Candidate(mention.entity.type, mention.entity.spans, text)
            for text, one in zip(sentences, found, strict=True)
            for mention in one.mentions
        ]
        with told(lambda _: None):
            scores = iter(self.selector.probabilities(candidates))
        selected = []
        for one in found:
            judged = [Mention(m.entity, m.confidence, next(scores)) for m in one.mentions]
            kept = [m for m in judged if (m.probability or 0.0) >= self.threshold]
            selected.append(Answered(kept, one.problems, one.lookalikes))
        return selected


class RunModel(Annotator):
    """An annotator that asks a trained run as it was trained."""

    def __init__(
        self,
        run: str,
        corpus: str | None = None,
        format: str | None = None,
        selector: str | None = None,
        threshold: float = 0.5,
        batch_size: int | None = None,
        engine: Mapping[str, Any] | None = None,
    ) -> None:
        """Read the run's card, and load its model in an engine, and the selector.

        `engine` says which engine answers, as keys of the settings of `predict`.

        Raises:
            UserError: no such run or selector, or one of several corpora or formats is to be named.
        """
        folder = run_of(run)
        card = card_of(folder / CARD)
        if card.system != "llm":
            raise UserError(
                f"{folder} is a run of the system {card.system}: only language models annotate."
            )
        corpus = _one(folder, "corpus", corpus, card.corpora)
        asked = card.corpora[corpus]
        settings = changed(card.predict, batch_size, engine)
        super().__init__(
            engine_for(folder / "model", settings),
            Asking(asked.dataset, asked.language, tuple(asked.types), asked.definitions),
            format_named(_one(folder, "format", format, card.formats)),
            settings,
            {"run": card.run, "corpus": corpus},
            [*(folder / "model").iterdir(), folder / CARD],
            selector,
            threshold,
        )


def changed(
    settings: PredictSettings, batch_size: int | None, engine: Mapping[str, Any] | None
) -> PredictSettings:
    """Return settings with another batch size and engine, checked together."""
    given = {"batch_size": batch_size} if batch_size else {}
    return parse(PredictSettings, {**settings.model_dump(), **given, **(engine or {})}, "engine")


def engine_for(folder: Path, settings: PredictSettings) -> Engine:
    """Load the engine of the settings with the model in `folder`.

    CTranslate2 takes a converted model: the one that the workflow made of the run, if it was made
    of the files that the run has now, or one in the user's cache, which is made here in float32.
    """
    if settings.engine != "ctranslate2":
        return load_engine(folder, settings)
    from bionerflow.inference.engines.ctranslate2 import convert

    files = [file for file in folder.iterdir() if file.is_file()]
    made = folder.parent.parent.parent / "models" / "ct2" / folder.parent.name
    if (made / CHOICE).is_file() and read_json(made / CHOICE).get("model") == checksums(
        folder, MODEL_FILES
    ):
        return load_engine(folder, settings, made)
    kept = private_folder(cache_folder() / "ctranslate2") / _key({"folder": str(folder)}, files)
    if not kept.is_dir():
        convert(folder, kept)
    return load_engine(kept, settings)


def _hardest(types: Sequence[str], sentence: str) -> list[Candidate]:
    """Return a mention of each type in more fragments than mentions have: each has its marks."""
    spans = tuple(Span(n, n + 1) for n in range(min(FRAGMENTS, len(sentence))))
    return [Candidate(type, spans, sentence) for type in types]


def _answered(row: Mapping[str, Any]) -> Answered:
    mentions = [
        Mention(entity_from(entity), entity["confidence"], entity["probability"])
        for entity in row["entities"]
    ]
    problems = [Problem(**problem) for problem in row["problems"]]
    return Answered(mentions, problems, row["lookalikes"])


def _one(folder: Path, what: str, given: str | None, known: Sequence[str] | Mapping) -> str:
    """Return the name that is given, or the only one there is."""
    names = list(known)
    if given in names:
        return str(given)
    if given is None and len(names) == 1:
        return names[0]
    said = f"has no {what} '{given}'" if given else f"was trained on more than one {what}"
    raise UserError(f"{folder} {said}: give --{what} one of {', '.join(names)}.")


def _key(facts: Mapping[str, Any], files: Sequence[Path]) -> str:
    """Return what answers rest on: the facts, and each file's name and SHA-256."""
    sums = [(file.name, sha256(file)) for file in sorted(files) if file.is_file()]
    return hashlib.sha256(json.dumps([facts, sums], sort_keys=True).encode()).hexdigest()
