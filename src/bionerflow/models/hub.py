"""Models of the Hugging Face Hub, fetched once into a folder, with the revision that was got."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bionerflow.config.models import MODEL_FILES, Hub
from bionerflow.models.template import TEMPLATE, TOKENIZER, has_template, take_template
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256, write_result


def prefetch(model: Hub, folder: Path) -> None:
    """Download a model's safetensors, configuration and tokenizer; no code, no pickled weights.

    A model without a chat template gets that of `chat_template_of`. The card beside the folder
    records the revisions that the downloads resolved to, and the SHA-256 of each file.

    Raises:
        UserError: the Hub cannot be reached, or does not give the model.
    """
    from httpx2 import HTTPError

    templates = {}
    try:
        revision = _fetch(model.id, model.revision, folder, MODEL_FILES)
        if model.chat_template_of and not has_template(folder):
            with TemporaryDirectory() as other:
                its = _fetch(model.chat_template_of, None, Path(other), [TOKENIZER, TEMPLATE])
                take_template(Path(other), folder)
            templates = {"chat_template_of": model.chat_template_of, "chat_template_revision": its}
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
            **templates,
        },
    )


def _fetch(id: str, revision: str | None, folder: Path, patterns: list[str]) -> str | None:
    """Download files of a model into a folder; return the revision."""
    from huggingface_hub import HfApi, snapshot_download

    its = HfApi().model_info(id, revision=revision).sha
    snapshot_download(id, revision=its, local_dir=folder, allow_patterns=patterns)
    return its
