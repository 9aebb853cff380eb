"""Words of a sentence: what baselines tag, and between whose borders they look for mentions."""

import re

from bionerflow.data.schema import Span
from bionerflow.formats.bio import CJK

#: A run of letters and digits, one character of Chinese or Japanese, or one other character. BERT's
#: tokenizers part sentences at the same places, so that punctuation is no part of a mention's edge.
_WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+|[^\s{CJK}]")


def words(text: str) -> list[Span]:
    """Return the words of a text in its order."""
    return [Span(*match.span()) for match in _WORD.finditer(text)]
