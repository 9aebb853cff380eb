"""The tiny family's tokenizer: one byte-level BPE for English and Chinese, with a chat template.

Spaces, digits and Chinese characters stand alone, so that a mention has the same tokens in the
sentence and in the answer and can be copied token by token. Lines that prompts repeat are one token
each: two cores should spend their time on the text, not on the instructions around it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from bionerflow.files import sha256, write_json
from bionerflow.schema import Turn

PAD, END = "<|endoftext|>", "<|end|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ALONE = Regex(r"[ \p{Han}\p{Nd}]")
LABEL = re.compile(r"^\w+: ?", re.MULTILINE)
LINE = re.compile(r"[^\n]+\n*")
REPEATED = 100


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train the tokenizer on training texts; `vocabulary` counts bytes and merges."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(ALONE, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=END,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def add_phrases(
    tokenizer: PreTrainedTokenizerFast, conversations: Iterable[Sequence[Turn]]
) -> None:
    """Make each line that many prompts share one token, and each label (`Text: `) of a line.

    The empty lines after a line belong to it.
    """
    lines: Counter[str] = Counter()
    for turns in conversations:
        for turn in turns:
            lines.update(LABEL.findall(turn.content))
            if turn.role != "assistant":
                lines.update(LINE.findall(turn.content))
    phrases = sorted(line for line, n in lines.items() if n >= REPEATED and len(line) > 1)
    tokenizer.add_tokens([AddedToken(line, normalized=False) for line in phrases])


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save the tokenizer as any model of the Hub has it, and a card beside its folder."""
    tokenizer.save_pretrained(str(folder))
    vocabulary = {"tokens": len(tokenizer), "sha256": sha256(folder / "tokenizer.json")}
    write_json(folder.with_name(f"{folder.name}.json"), vocabulary)
