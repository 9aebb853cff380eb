"""Models of the Hugging Face Hub, fetched once into a folder, with the revision that was got."""

from pathlib import Path

from bionerflow.config.models import MODEL_FILES, Hub
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256, write_result


def prefetch(model: Hub, folder: Path) -> None:
    """Download a model's safetensors, configuration and tokenizer; no code, no pickled weights.

    The card beside the folder records the revision that the download resolved to, and the SHA-256
    of each file.

    Raises:
        UserError: the Hub cannot be reached, or does not give the model.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download

    try:
        revision = HfApi().model_info(model.id, revision=model.revision).sha
        snapshot_download(model.id, revision=revision, local_dir=folder, allow_patterns=MODEL_FILES)
    except (HTTPError, OSError) as error:
        raise UserError(
            f"{model.id} cannot be fetched ({type(error).__name__}): check the network and, for a "
            f"gated model, that its licence ({model.licence}) is accepted and HF_TOKEN is set; or "
            "give the model as `source: local` with the path of your copy."
        ) from None
    files = sorted(path for path in folder.iterdir() if path.is_file())
    write_result(
        folder.with_name(f"{folder.name}.json"),
        {
            "id": model.id,
            "revision": revision,
            "licence": model.licence,
            "files": {path.name: sha256(path) for path in files},
        },
    )
