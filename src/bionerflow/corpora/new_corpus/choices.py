"""What the user says of a corpus on the command line, instead of what would be guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bionerflow.corpora.offsets import Unit


@dataclass(frozen=True)
class Choices:
    """Choices; None is for what is to be guessed.

    `form` is a reader; `patterns` are the names of the files of each split, `by_name` says whether
    names tell splits at all; the other fields are options of readers (`joiner`, `layers`, `token`,
    `folders`) and fields of `corpora.settings.Recipe`.
    """

    form: str | None = None
    by_name: bool = True
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    joiner: str | None = None
    layers: Sequence[str] | None = None
    token: int | None = None
    folders: Sequence[str] | None = None
    offsets: Unit | None = None
    shift: int | None = None
    line_ends: bool | None = None
    trim: bool = True
    join_wrapped: bool = True
    max_lost: float = 0.5

    def options(self) -> dict[str, Any]:
        """Return the options of readers that are given."""
        names = ("joiner", "layers", "token", "folders")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def settings(self) -> dict[str, Any]:
        """Return the settings that are given and not their defaults."""
        names = ("offsets", "shift", "line_ends", "trim", "join_wrapped", "max_lost")
        given = {name: getattr(self, name) for name in names}
        return {k: v for k, v in given.items() if v is not None and v != getattr(CHOICES, k)}


CHOICES = Choices()
