"""Settings that are typed and checked as they are read, with errors that say what is valid."""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bionerflow.utils.errors import UserError, nearest


class Settings(BaseModel):
    """Settings that refuse a key they do not know and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> str:
        """Return the settings as JSON with sorted keys, the form that scripts take."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


S = TypeVar("S", bound=Settings)


def parse(kind: type[S], value: Any, where: str) -> S:
    """Validate `value` as `kind`.

    Raises:
        UserError: the first fault, with its place in `where` and the nearest valid key.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(f"{where}: {_explain(kind, fault)}") from None


def load(kind: type[S], path: str | Path) -> S:
    """Read and validate a YAML file."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no configuration file {path}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    return parse(kind, value, str(path))


def _explain(kind: type[Settings], fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] != "extra_forbidden":
        return f"'{place}': {fault['msg']} (it says {fault['input']!r})"
    known = _keys(kind, fault["loc"][:-1])
    return f"unknown key '{place}'.{nearest(str(fault['loc'][-1]), known)}"


def _keys(kind: type[Settings], place: tuple[Any, ...]) -> list[str]:
    """Return the valid keys at `place`, found by walking the JSON schema."""
    root = kind.model_json_schema()
    node: dict[str, Any] = root
    for step in place:
        node = _child(root, _resolve(root, node), str(step))
    return list(_resolve(root, node).get("properties", {}))


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
