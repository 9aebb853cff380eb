"""Generative biomedical named entity recognition: a library and a workflow on top of it.

The public interface is small: `load` opens a trained run, `annotate` finds the entities in texts,
`evaluate` scores two lists of entities, and `FORMATS` holds the output formats, which render
entities as a model's answer and parse answers. Importing this package loads none of PyTorch,
transformers and Snakemake: each name is imported when it is first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public names and the modules that they are imported from. A package's own name is that package,
#: which can be called (`utils.modules`).
_PUBLIC = {
    "Annotation": "bionerflow.api",
    "Entity": "bionerflow.data.schema",
    "FORMATS": "bionerflow.formats",
    "Model": "bionerflow.api",
    "PredictedEntity": "bionerflow.api",
    "Span": "bionerflow.data.schema",
    "UserError": "bionerflow.utils.errors",
    "annotate": "bionerflow.annotate",
    "evaluate": "bionerflow.evaluate",
    "load": "bionerflow.api",
}

__all__ = [*_PUBLIC]  # noqa: PLE0604 (strings, all of them)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bionerflow' has no attribute '{name}'")
    module = import_module(_PUBLIC[name])
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
