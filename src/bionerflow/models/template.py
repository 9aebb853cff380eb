"""The chat template in a model's folder. Light to import: the workflow looks for it."""

from pathlib import Path

from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_text

TOKENIZER = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"


def has_template(folder: str | Path) -> bool:
    """Tell whether the tokenizer in a model's folder has a chat template."""
    return bool(_template(Path(folder)))


def take_template(source: Path, folder: Path) -> None:
    """Give a model's folder the chat template of another one.

    Raises:
        UserError: the other one has none.
    """
    template = _template(source)
    if not template:
        raise UserError(f"{source} has no chat template: name another model as chat_template_of.")
    write_text(folder / TEMPLATE, template)


def _template(folder: Path) -> str:
    if (folder / TEMPLATE).is_file():
        return (folder / TEMPLATE).read_text("utf-8")
    file = folder / TOKENIZER
    found = read_json(file).get("chat_template") if file.is_file() else None
    if isinstance(found, list):  # several by name, as older tokenizers have them
        found = next((one["template"] for one in found if one["name"] == "default"), None)
    return found or ""
