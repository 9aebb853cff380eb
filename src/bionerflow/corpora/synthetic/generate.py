"""Draw the splits of a synthetic corpus: equal for equal seeds, no sentence in two splits."""

import random
from pathlib import Path

from bionerflow.corpora.synthetic.grammar import Grammar, draw_sentence, load_grammar
from bionerflow.data.schema import Example
from bionerflow.utils.errors import UserError, nearest


def sample_corpora(resources: Path) -> list[str]:
    """Return the names of the synthetic corpora, one per grammar."""
    return sorted(path.stem for path in resources.glob("sample_*.yaml"))


def grammar_of(corpus: str, resources: Path) -> Grammar:
    """Load the grammar of a corpus; raises UserError where there is none of that name."""
    known = sample_corpora(resources)
    if corpus not in known:
        raise UserError(f"No grammar of '{corpus}' in {resources}.{nearest(corpus, known)}")
    return load_grammar(resources / f"{corpus}.yaml")


def generate(corpus: str, resources: Path, seed: int) -> dict[str, list[Example]]:
    """Return the examples of each split.

    Only dev and test may use the words held back. Sentences are drawn again until they are new,
    so that no sentence occurs twice in the corpus.
    """
    grammar = grammar_of(corpus, resources)
    seen: set[str] = set()
    return {split: draw_split(grammar, corpus, split, seed, seen) for split in grammar.splits}


def draw_split(
    grammar: Grammar, corpus: str, split: str, seed: int, seen: set[str]
) -> list[Example]:
    """Draw the sentences of one split, none of them in `seen`, and add them to it."""
    rng = random.Random(f"{seed}:{corpus}:{split}")
    words = grammar.training_words if split == "train" else grammar.all_words
    examples: list[Example] = []
    while len(examples) < grammar.splits[split]:
        text, entities = draw_sentence(grammar, words, rng)
        if text not in seen:
            seen.add(text)
            doc_id = f"{corpus}-{split}-{len(examples)}"
            examples.append(Example(f"{doc_id}:0", doc_id, grammar.language, text, entities))
    return examples
