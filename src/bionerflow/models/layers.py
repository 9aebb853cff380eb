"""The first layers of a model, without any training: a weak model of the same family."""

from pathlib import Path
from typing import Any

from bionerflow.config.models import MODEL_FILES, Layers
from bionerflow.models.loading import load_base, load_tokenizer
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import checksums, whole_folder, write_json


def keep_layers(model: Layers, whole: Path, folder: Path) -> None:
    """Write a model's first layers under its final norm and output layer, and a card beside it.

    Args:
        model: How many layers are kept.
        whole: The folder of the whole model.
        folder: Where the smaller one will lie.

    Raises:
        UserError: The model has no more layers than are to be kept.
    """
    weights = load_base(whole)
    _cut(weights, model.number)
    with whole_folder(folder) as part:
        weights.save_pretrained(part)
        load_tokenizer(whole).save_pretrained(part)
    files = checksums(folder, MODEL_FILES)
    write_json(folder.with_name(f"{folder.name}.json"), {"licence": model.licence, "files": files})


def _cut(weights: Any, number: int) -> None:
    decoder, config = weights.get_decoder(), weights.config
    if number >= len(decoder.layers):
        raise UserError(f"The model has {len(decoder.layers)} layers: keep fewer than that.")
    decoder.layers = decoder.layers[:number]
    config.num_hidden_layers = number
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:number]
