"""The generated schemas and the configuration's README follow the settings' models."""

import pytest
from conftest import ROOT

from bionerflow.config.base import load
from bionerflow.config.reference import FILES, generate


@pytest.mark.parametrize(("path", "text"), generate().items(), ids=generate())
def test_generated_files_are_in_step_with_the_models(path, text):
    assert (ROOT / path).read_text(encoding="utf-8") == text, "call `make schemas`"


def test_every_key_of_the_configuration_is_explained():
    readme = generate()["config/README.md"]
    for file in FILES.values():
        for key in file.kind.model_fields:
            assert f"| `{key}` |" in readme


@pytest.mark.parametrize("name", ["corpora", "models", "tables"])
def test_shipped_settings_are_valid(name):
    load(FILES[name].kind, ROOT / "config" / f"{name}.yaml")
