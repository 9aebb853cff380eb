"""Formats, readers, selectors and engines of other packages, found by their entry points.

A package registers what it adds in its pyproject.toml, by the name under which it is used:

    [project.entry-points."bionerflow.formats"]
    my_format = "my_package:MyFormat"
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from bionerflow.utils.errors import UserError, nearest

T = TypeVar("T")


@cache
def plugins(kind: str) -> dict[str, EntryPoint]:
    """Return the entry points of a kind (format, reader, selector, engine) by name.

    Raises:
        UserError: two packages register the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"bionerflow.{kind}s"):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise UserError(
                f"Two packages register the {kind} '{point.name}' ({other.value}, {point.value}): "
                "remove one of them."
            )
    return found


def check_name(kind: str, name: str, own: Iterable[str]) -> str:
    """Return the name of one of the project's own or of a plug-in, which is not imported.

    Raises:
        UserError: there is none of this name.
    """
    own = list(own)
    if name not in own and name not in plugins(kind):
        raise UserError(f"There is no {kind} '{name}'.{nearest(name, [*own, *plugins(kind)])}")
    return name


class Registry(Mapping[str, T], Generic[T]):
    """What there is of a kind by name: the project's own, then that of other packages.

    A plug-in is imported when it is first asked for. One of the project's own cannot be replaced.
    """

    def __init__(
        self, kind: str, own: Mapping[str, T], fits: Callable[[Any], bool], wanted: str
    ) -> None:
        """Take the project's own; `fits` checks a plug-in, and `wanted` says what it must be."""
        self.kind, self.own, self.fits, self.wanted = kind, dict(own), fits, wanted
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name in self.own:
            return self.own[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(plugins(self.kind)[name])
        return self._loaded[name]

    def _load(self, point: EntryPoint) -> T:
        where = f"The {self.kind} '{point.name}' ({point.value})"
        try:
            found = point.load()
            if isinstance(found, type) and not self.fits(found):
                found = found()
        except Exception as error:
            raise UserError(
                f"{where} cannot be imported ({type(error).__name__}: {error}): install its "
                "package again, or remove it."
            ) from error
        if not self.fits(found):
            raise UserError(f"{where} is not {self.wanted}.")
        if getattr(found, "name", point.name) != point.name:
            raise UserError(f"{where} calls itself '{found.name}': one name must be changed.")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter({**self.own, **plugins(self.kind)})

    def __len__(self) -> int:
        return len({**self.own, **plugins(self.kind)})

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in plugins(self.kind)

    def named(self, name: str) -> T:
        """Return what has this name.

        Raises:
            UserError: there is none, with the nearest name, or the plug-in cannot be used.
        """
        return self[check_name(self.kind, name, self.own)]
