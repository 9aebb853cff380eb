"""A model in a folder of the user's, which `save_pretrained` wrote: used where it lies."""

from pathlib import Path

from bionerflow.config.models import MODEL_FILES, Local
from bionerflow.utils.files import checksums, whole_folder, write_result


def link(model: Local, folder: Path) -> None:
    """Make a folder of links to the model's files, and a card with their SHA-256 beside it.

    Nothing is copied, and nothing is written into the user's folder. The card is what later stages
    compare, so that they notice exchanged weights; it does not name the folder, which may be moved.
    """
    sums = checksums(model.path, MODEL_FILES)
    with whole_folder(folder) as part:
        for name in sums:
            (part / name).symlink_to(Path(model.path, name).resolve())
    card = {"licence": model.licence, "files": sums}
    write_result(folder.with_name(f"{folder.name}.json"), card)
