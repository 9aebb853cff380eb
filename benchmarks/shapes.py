"""Models of random weights in the shapes of real ones: speed needs no trained weights."""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from bionerflow.data.schema import Turn
from bionerflow.models.chat import Chat
from bionerflow.models.loading import device, precision

VOCABULARY = 1500  # of the tokenizer; the output layer has the shape's own
#: hidden, layers, heads, key-value heads, head, intermediate, vocabulary: from the models' cards.
SHAPES = {
    "1m": (128, 4, 2, 2, 64, 384, 1536),
    "6m": (256, 6, 4, 2, 64, 768, 1536),
    "30m": (384, 6, 6, 6, 64, 1152, 50_304),
    "smollm2-135m": (576, 30, 9, 3, 64, 1536, 49_152),
    "qwen2.5-0.5b": (896, 24, 14, 2, 64, 4864, 151_936),
    "qwen3-0.6b": (1024, 28, 16, 8, 128, 3072, 151_936),
    "qwen3-8b": (4096, 36, 32, 8, 128, 12288, 151_936),
}
END = "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
UNTIED = ("qwen3-8b",)


def tokenizer_for(conversations: Sequence[Sequence[Turn]]) -> Any:
    """Return a byte-level BPE with a ChatML template, trained on the conversations."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|im_start|>", END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator((turn.content for turns in conversations for turn in turns), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=END,
        eos_token=END,
        chat_template=TEMPLATE,
    )


def random_model(shape: str, tokenizer: Any, dtype: torch.dtype | None = None) -> Any:
    """Return a model in one of SHAPES on the device that there is."""
    hidden, layers, heads, groups, head, inner, vocabulary = SHAPES[shape]
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=head,
        intermediate_size=inner,
        max_position_embeddings=4096,
        tie_word_embeddings=shape not in UNTIED,
        bos_token_id=None,
        eos_token_id=Chat(tokenizer).end,
        pad_token_id=tokenizer.pad_token_id,
        dtype=dtype or precision(),
    )
    torch.manual_seed(0)
    with torch.device(device()):
        model = Qwen3ForCausalLM(config).to(config.dtype)
    model.generation_config.eos_token_id = Chat(tokenizer).end
    return model


def body(model: Any) -> int:
    """Return the parameters that each token goes through: all but embeddings and output layer."""
    return sum(weight.numel() for weight in model.get_decoder().layers.parameters())
