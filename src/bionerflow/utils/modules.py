"""Packages that can be called like the function of the same name in the public interface."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

#: Where the public interface is; a string, so that no package depends on it by import.
INTERFACE = "bionerflow.api"


class CallableModule(ModuleType):
    """A package that, when called, calls the function of the same name in the public interface.

    `bionerflow.annotate` and `bionerflow.evaluate` are packages and functions: Python binds a
    package's name whenever one of its modules is imported, so that a function of the same name
    would be replaced by it at some later time.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function."""
        return getattr(import_module(INTERFACE), self.__name__.rpartition(".")[2])(*args, **options)


def make_callable(name: str) -> None:
    """Make a package that is being imported callable."""
    sys.modules[name].__class__ = CallableModule
