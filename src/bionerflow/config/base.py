"""Settings that are typed and checked as they are read, with errors that say what is valid."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.plugins import check_name


def _text(pattern: str, rule: str) -> AfterValidator:
    """Return a check that a text matches `pattern`; `rule` tells it in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


def name_of(kind: str, own: Iterable[str]) -> AfterValidator:
    """Return a check that a text names one of the project's own of a kind, or a plug-in."""

    def check(name: str) -> str:
        try:
            return check_name(kind, name, own)
        except UserError as error:
            raise ValueError(str(error)) from error

    return AfterValidator(check)


_PLAIN = "[A-Za-z0-9][A-Za-z0-9_-]{0,79}"
_RULE = "a name has letters A-Z and a-z, digits, _ and -, and begins with a letter or digit"
_UNSAFE = r"/\\{}\x00-\x1f\x7f-\x9f\u2028\u2029"
#: A name that becomes part of paths, run ids and file names.
Name = Annotated[str, _text(_PLAIN, _RULE)]
#: The name of a model, such as qwen2.5-0.5b.
DottedName = Annotated[str, _text(rf"{_PLAIN}(\.[A-Za-z0-9_-]+)*", f"{_RULE}; dots may part it")]
#: The name of a table: its paper and its own, or its own alone.
TableName = Annotated[str, _text(rf"({_PLAIN}/)?{_PLAIN}", f"{_RULE}; one / may part it")]
#: The name of a file in a folder of its own.
FileName = Annotated[
    str,
    _text(
        rf"[^.\-{_UNSAFE}][^{_UNSAFE}]{{0,199}}",
        "a file name has no / \\ { } or control characters, and begins with no dot or dash",
    ),
]


class Settings(BaseModel):
    """Settings that refuse a key they do not know and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> str:
        """Return the settings as JSON with sorted keys, the form that scripts take."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


S = TypeVar("S", bound=Settings)
#: Where a model's JSON schema lists other names of its keys: `json_schema_extra` of its settings.
RENAMED = "x-renamed"


def parse(kind: type[S], value: Any, where: str) -> S:
    """Validate `value` as `kind`.

    Raises:
        UserError: the first fault, with its place in `where` and the nearest valid key.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise UserError(f"{where}: {_explain(kind, _first(error))}") from None


def _first(error: ValidationError) -> Any:
    """Return the first fault; where a key is missing, the unknown key that may be meant for it."""
    first, *others = error.errors()
    beside = (one for one in others if one["loc"][:-1] == first["loc"][:-1])
    misspelt = (one for one in beside if one["type"] == "extra_forbidden")
    return next(misspelt, first) if first["type"] == "missing" else first


def load(kind: type[S], path: str | Path) -> S:
    """Read and validate a YAML file."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no configuration file {path}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    return parse(kind, value, str(path))


def _explain(kind: type[Settings], fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"] if step != "[key]")
    if fault["type"] != "extra_forbidden":
        said = fault["msg"].removeprefix("Value error, ")
        return f"{place!r}: {said} (it says {fault['input']!r})" if place else said
    above = _node(kind, fault["loc"][:-1])
    name = str(fault["loc"][-1])
    if name in above.get(RENAMED, {}):
        return f"unknown key '{place}': the key is called {above[RENAMED][name]}."
    return f"unknown key '{place}'.{nearest(name, above.get('properties', {}))}"


def _node(kind: type[Settings], place: tuple[Any, ...]) -> dict[str, Any]:
    """Return the JSON schema of what stands at `place`."""
    root = kind.model_json_schema()
    node: dict[str, Any] = root
    for step in place:
        node = _child(root, _resolve(root, node), str(step))
    return _resolve(root, node)


def _resolve(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "allOf" in node:
        node = node["allOf"][0] if "allOf" in node else root["$defs"][node["$ref"].split("/")[-1]]
    return node


def _child(root: dict[str, Any], node: dict[str, Any], step: str) -> dict[str, Any]:
    if step in node.get("properties", {}):
        return node["properties"][step]
    if "mapping" in node.get("discriminator", {}):
        return {"$ref": node["discriminator"]["mapping"].get(step, next(iter(root["$defs"])))}
    return node.get("additionalProperties") or node.get("items") or {}
