"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def corpora_mirror() -> Path:
    """Return the folder of real corpora, or skip: they are not part of the repository."""
    mirror = Path(os.environ.get("BIONERFLOW_MIRROR", ROOT.parent / "shared" / "corpora"))
    if not (mirror / "MANIFEST.tsv").is_file():
        pytest.skip("real corpora are not here: set BIONERFLOW_MIRROR to their folder")
    return mirror
