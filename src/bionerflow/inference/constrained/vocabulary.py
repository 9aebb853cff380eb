"""A byte-level vocabulary, ordered so that the tokens of a prefix are a range.

A token's bytes are what it writes; they may cross what a grammar sees as boundaries, and part a
character.
"""

import json
from bisect import bisect_left
from typing import Any, NamedTuple

from tokenizers.pre_tokenizers import ByteLevel

from bionerflow.utils.errors import UserError


class Range(NamedTuple):
    """The tokens that begin with `prefix`: the places `low` to `high` of the order."""

    prefix: bytes
    low: int
    high: int


class Vocabulary:
    """What each token of a tokenizer writes, in the order of bytes."""

    def __init__(self, tokenizer: Any, end: int) -> None:
        """Read a byte-level tokenizer; `end` is the token that ends an answer.

        Raises:
            UserError: the tokenizer works on something else than bytes.
        """
        decoder = json.loads(tokenizer.backend_tokenizer.to_str())["decoder"]
        if "ByteLevel" not in json.dumps(decoder):
            raise UserError(
                f"The tokenizer of {tokenizer.name_or_path} is not byte-level: answers cannot be "
                "constrained with it. Choose another model, or leave `constrained` off."
            )
        written = sorted((data, id) for id, data in _written(tokenizer).items() if data)
        self.end = end
        self.bytes = {id: data for data, id in written}
        self.order = [data for data, _ in written]
        self.ids = [id for _, id in written]
        self.all = Range(b"", 0, len(written))

    def narrow(self, range: Range, byte: int) -> Range:
        """Return the tokens that go on with this byte."""
        prefix = range.prefix + bytes([byte])
        low = bisect_left(self.order, prefix, range.low, range.high)
        if low == range.high or not self.order[low].startswith(prefix):
            return Range(prefix, low, low)
        if byte == 255:
            return Range(prefix, low, range.high)
        after = range.prefix + bytes([byte + 1])
        return Range(prefix, low, bisect_left(self.order, after, low, range.high))

    def whole(self, range: Range) -> list[int]:
        """Return the tokens that are the prefix and no more."""
        ids, at = [], range.low
        while at < range.high and len(self.order[at]) == len(range.prefix):
            ids.append(self.ids[at])
            at += 1
        return ids

    def longest(self, text: bytes) -> tuple[int, int]:
        """Return the longest token that a text begins with, and its length."""
        token, length, here = -1, 0, self.all
        for byte in text:
            here = self.narrow(here, byte)
            if here.low == here.high:
                break
            if whole := self.whole(here):
                token, length = whole[0], len(here.prefix)
        if not length:
            raise UserError(f"No token of the vocabulary writes the byte {text[0]}.")
        return token, length

    def split(self, text: bytes) -> list[int]:
        """Return tokens that write a text, each the longest that fits."""
        ids: list[int] = []
        while text:
            token, length = self.longest(text)
            ids.append(token)
            text = text[length:]
        return ids


def _written(tokenizer: Any) -> dict[int, bytes]:
    """Return the bytes that each token writes; special tokens write none."""
    bytes_of = _byte_alphabet()
    added = tokenizer.added_tokens_decoder
    written = {id: b"" if t.special else t.content.encode() for id, t in added.items()}
    for token, id in tokenizer.get_vocab().items():
        if id not in written:
            written[id] = bytes(bytes_of[char] for char in token)
    return written


def _byte_alphabet() -> dict[str, int]:
    """Return the byte behind each character in which byte-level vocabularies are written.

    Printable bytes of Latin-1 stand for themselves, the others follow from U+0100 on (GPT-2).
    """
    alphabet = set(ByteLevel.alphabet())
    own = [byte for byte in range(256) if chr(byte) in alphabet]
    others = [byte for byte in range(256) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(256 + n): b for n, b in enumerate(others)}
