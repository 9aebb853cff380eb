"""The model folders of the user's, checked while the workflow is planned: light to import."""

from pathlib import Path

from bionerflow.config.models import MODEL_FILES
from bionerflow.models.template import TEMPLATE, TOKENIZER, has_template
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import checksums


def checked(name: str, path: str, *, chats: bool) -> dict[str, str]:
    """Return the SHA-256 of a model folder's files, by name.

    Args:
        name: what config/models.yaml calls the model.
        path: its folder.
        chats: whether it is asked in conversations, hence needs a chat template.

    Raises:
        UserError: a part of the model is missing; it is said which, and what to do.
    """
    folder, label = Path(path), f"models.{name}"
    if not folder.is_dir():
        raise UserError(f"{label}: there is no folder {path}: put the model there, or mend `path`.")
    files = checksums(folder, MODEL_FILES)
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        raise UserError(
            f"{label}: {path} holds no config.json with safetensors beside it: put there what "
            "`save_pretrained` of transformers writes (pickled weights are refused)."
        )
    if TOKENIZER not in files:
        raise UserError(
            f"{label}: {path} holds no {TOKENIZER}: save the model's tokenizer there, too."
        )
    if chats and not has_template(folder):
        raise UserError(
            f"{label}: the tokenizer in {path} has no chat template: choose an instruction-tuned "
            f"model, or add {TEMPLATE} to its folder."
        )
    return files
