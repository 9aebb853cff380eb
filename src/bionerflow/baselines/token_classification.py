"""Token classification: an encoder tags the words of a sentence (mfner's "Base", BioBERT, …).

The first token of a word carries its tag, as in transformers' own example. Nested mentions stand in
layers of BIO tags (mfner, section 3.2): the model has a linear layer for each, over the same tags,
so that with one layer it is the usual `AutoModelForTokenClassification`.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch.nn.functional import pad

from bionerflow.baselines.tagging import Tags, gold_layers, mentions, tag_set
from bionerflow.baselines.words import words
from bionerflow.data.schema import Entity
from bionerflow.formats.bio import tag_name
from bionerflow.formats.queries import Asked
from bionerflow.inference.prefix import batches
from bionerflow.models.context import context
from bionerflow.models.loading import load_token_classifier, load_tokenizer, save
from bionerflow.utils.files import read_result, write_result

CARD = "token_classification.json"
BATCH_TOKENS = {"cpu": 2048, "cuda": 32768}


class Piece(NamedTuple):
    """What an encoder reads at once: a sentence, or a part of one that is too long.

    `ids` are its tokens with the special ones; `firsts` says where each word's first token stands,
    and `words` which words of the sentence these are.
    """

    query: int
    ids: list[int]
    firsts: list[int]
    words: list[int]


class Tagging(NamedTuple):
    """The tags of a sentence's words, a list per layer, and their log probabilities alike."""

    tags: list[Tags]
    logprobs: list[list[float]]


class TokenClassifier:
    """An encoder with a linear layer, its tokenizer and the tags that it knows."""

    def __init__(self, model: Any, tokenizer: Any, types: Sequence[str], layers: int) -> None:
        """Take a model whose labels are the tags of the types, once per layer."""
        self.model, self.tokenizer = model, tokenizer
        self.types, self.layers, self.tags = list(types), layers, tag_set(types)
        self.limit = context(model.config, tokenizer) or 10**6
        self.label = "token_classification"

    @classmethod
    def untrained(cls, base: Path, queries: Sequence[Asked], attention: str | None = None) -> Self:
        """Put an untrained linear layer on an encoder, for the types and the depth of training."""
        types = sorted({type for query in queries for type in query.types})
        layers = max(len(gold_layers(query)[1]) for query in queries)
        tags = tag_set(types)
        labels = [f"{n}:{tag}" for n in range(1, layers + 1) for tag in tags]
        model = load_token_classifier(base, labels if layers > 1 else tags, attention)
        return cls(model, load_tokenizer(base), types, layers)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a trained model."""
        its = read_result(folder / CARD)
        model, tokenizer = load_token_classifier(folder), load_tokenizer(folder)
        return cls(model, tokenizer, its["types"], its["layers"])

    def save(self, folder: Path) -> None:
        """Write the model as any of the Hub, with its types and the number of its layers."""
        write_result(folder / CARD, {"types": self.types, "layers": self.layers})
        save(self.model, self.tokenizer, folder)

    def pieces(self, queries: Sequence[Asked], *, whole: bool = False) -> list[Piece]:
        """Tokenise sentences; unless `whole`, one that is too long to be read is cut in halves."""
        found = []
        for n, query in enumerate(queries):
            texts = [query.text[word.start : word.end] for word in words(query.text)]
            found += list(self._pieces(n, texts, 0, whole)) if texts else []
        return found

    def _pieces(self, query: int, texts: list[str], begun: int, whole: bool) -> Iterator[Piece]:
        read = self.tokenizer(texts, is_split_into_words=True)
        ids, half = read["input_ids"], len(texts) // 2
        if len(ids) > self.limit and half and not whole:
            yield from self._pieces(query, texts[:half], begun, whole)
            yield from self._pieces(query, texts[half:], begun + half, whole)
            return
        firsts: dict[int, int] = {}
        for place, word in enumerate(read.word_ids()):
            if word is not None:
                firsts.setdefault(begun + word, place)
        ids = ids if whole else ids[: self.limit]
        yield Piece(query, ids, list(firsts.values()), list(firsts))

    def padded(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """Return token ids and their mask (rows, tokens), padded on the right."""
        width, filler = max(map(len, rows)), self.tokenizer.pad_token_id or 0
        ids = [pad(torch.tensor(row), (0, width - len(row)), value=filler) for row in rows]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
        return {"input_ids": torch.stack(ids), "attention_mask": torch.tensor(mask)}

    @torch.inference_mode()
    def tag(self, queries: Sequence[Asked]) -> list[Tagging]:
        """Return the most probable tags of each sentence, among those of its query's types.

        A word without a token, such as a control character, has the tag O.
        """
        lengths = [len(words(query.text)) for query in queries]
        found = [
            Tagging(
                [["O"] * n for _ in range(self.layers)], [[0.0] * n for _ in range(self.layers)]
            )
            for n in lengths
        ]
        size = BATCH_TOKENS[self.model.device.type]
        for batch in batches(self.pieces(queries), lambda piece: len(piece.ids), size):
            inputs = self.padded([piece.ids for piece in batch])
            logits = self.model(**{k: v.to(self.model.device) for k, v in inputs.items()}).logits
            for piece, row in zip(batch, logits.float().cpu(), strict=True):
                self._take(found[piece.query], piece, row, queries[piece.query].types)
        return found

    def _take(
        self, found: Tagging, piece: Piece, logits: torch.Tensor, types: Sequence[str]
    ) -> None:
        """Write the best tags of a piece's words into its sentence's."""
        allowed = {"O", *(f"{prefix}-{tag_name(type)}" for type in types for prefix in "BI")}
        scores = logits[piece.firsts].unflatten(-1, (self.layers, -1))
        barred = torch.tensor([tag not in allowed for tag in self.tags])
        best = scores.masked_fill(barred, -torch.inf).log_softmax(-1).max(-1)
        for layer in range(self.layers):
            tags, logprobs = best.indices[:, layer].tolist(), best.values[:, layer].tolist()
            for word, tag, logprob in zip(piece.words, tags, logprobs, strict=True):
                found.tags[layer][word] = self.tags[tag]
                found.logprobs[layer][word] = logprob

    def answer(self, queries: Sequence[Asked]) -> Iterator[list[tuple[Entity, float | None]]]:
        """Yield the mentions of each query, each with the product of its tags' probabilities."""
        self.model.eval()
        for query, (layers, logprobs) in zip(queries, self.tag(queries), strict=True):
            found = mentions(layers, words(query.text), query.text, query.types)
            yield [
                (entity, math.exp(sum(logprobs[layer][first:last])))
                for entity, layer, first, last in found
            ]
