"""Save GLiNER and GLiNER2 with random weights, for tests: run by the environment of both packages.

python tests/random_gliner.py FOLDER
"""

import sys
from pathlib import Path

import torch
from gliner import GLiNER, GLiNERConfig
from gliner2 import AutoExtractor
from gliner2.configuration import ExtractorConfig
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

TEXTS = ["The patient had a mild stroke and was given aspirin .", "BRCA1 is a gene ."]
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
SPECIAL |= {"sep_token": "[SEP]", "mask_token": "[MASK]"}


def encoder(folder: Path) -> Path:
    """Save a small BERT with a tokenizer of its own."""
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=list(SPECIAL.values()))
    core.train_from_iterator(TEXTS, trainer)
    marks = [(mark, core.token_to_id(mark)) for mark in ("[SEP]", "[CLS]")]
    core.post_processor = processors.BertProcessing(*marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **SPECIAL)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def main() -> None:
    """Save an encoder and both models that are built on it."""
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    base = str(encoder(folder / "encoder"))
    GLiNER.from_config(GLiNERConfig(model_name=base, hidden_size=32)).save_pretrained(
        str(folder / "gliner")
    )
    AutoExtractor.from_config(ExtractorConfig(model_name=base)).save_pretrained(
        str(folder / "gliner2")
    )


if __name__ == "__main__":
    main()
