"""Answers of an endpoint, kept by the hash of their request: nothing is paid for twice."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bionerflow.utils.cache import private_folder
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, whole


class Recorded:
    """A folder of answers, a file each, that only its owner may read.

    A file holds what was answered, not what was asked, and never a key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = private_folder(folder)

    def file(self, url: str, body: Mapping[str, Any]) -> Path:
        """Return the file of a request's answer."""
        asked = json.dumps([url, body], sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(asked.encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.json"

    def read(self, file: Path) -> dict[str, Any] | None:
        """Return a recorded answer; nothing where there is none or it is not whole."""
        try:
            return read_json(file)
        except (FileNotFoundError, UserError):
            return None

    def write(self, file: Path, answer: Mapping[str, Any]) -> None:
        """Record an answer, whole or not at all."""
        private_folder(file.parent)
        with whole(file) as part:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
            with open(descriptor, "w", encoding="utf-8") as out:
                json.dump(answer, out, ensure_ascii=False, sort_keys=True)
