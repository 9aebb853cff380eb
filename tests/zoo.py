"""Tiny models of many families: their architecture, tokenizer class and chat template.

Weights are random, tokenizers are trained on a few lines, and nothing is downloaded. Templates are
those that trl ships; where it has none, a fixture is written here from the family's documented form
(`fixture:` in docs/families.md).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers as hf
import trl
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

TEXTS = [
    "BCL6 plays a role in activated lymphocytes; breast and ovarian cancer.",
    "Fever rose after aspirin; the liver was normal.",
    "患者出现高血压。",
    *["yes no no yes no yes"] * 5,
] * 10
SHIPPED = Path(trl.__file__).parent / "chat_templates"
LOOP = "{% for m in messages %}"
OPEN = "{% endfor %}{% if add_generation_prompt %}"
FIXTURES = {
    "glm4": "[gMASK]<sop>" + LOOP + "<|{{ m.role }}|>\n{{ m.content }}" + OPEN
    + "<|assistant|>\n{% endif %}",
    "chatml": LOOP + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}" + OPEN
    + "{{ '<|im_start|>assistant\n' }}{% endif %}",
    "smollm2": LOOP + "{% if loop.first and m.role != 'system' %}{{ '<|im_start|>system\nYou are a "
    "helpful AI assistant.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + m.role + '\n' + m.content "
    "+ '<|im_end|>\n' }}" + OPEN + "{{ '<|im_start|>assistant\n' }}{% endif %}",
    "mistral": "{{ bos_token }}" + LOOP + "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
    "{% endfor %}",
    "llama2": "{% if messages[0].role == 'system' %}{% set s = '<<SYS>>\n' + messages[0].content + "
    "'\n<</SYS>>\n\n' %}{% set turns = messages[1:] %}{% else %}{% set s = '' %}{% set turns = "
    "messages %}{% endif %}{% for m in turns %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + "
    "(s if loop.first else '') + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + "
    "eos_token }}{% endif %}{% endfor %}",
    "olmo2": "{{ bos_token }}" + LOOP + "{{ '<|' + m.role + '|>\n' + m.content }}{% if m.role == "
    "'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}" + OPEN
    + "{{ '<|assistant|>\n' }}{% endif %}",
    "falcon": LOOP + "{{ m.role|capitalize + ': ' + m.content + '\n\n' }}" + OPEN
    + "Assistant:{% endif %}",
}  # fmt: skip
CONTROL = re.compile(
    r"<[|｜][\w▁]+[|｜]>|\[gMASK\]|<sop>|<(?:start|end)_of_(?:turn|utterance)>|<\|?turn\|?>"
)
SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}
GROUPED = {"num_key_value_heads": 1, "head_dim": 16}
LINEAR = {
    **GROUPED,
    "layer_types": ["linear_attention", "full_attention"],
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
}


@dataclass(frozen=True)
class Family:
    """A family; `refused` has, by step, words of the message that refuses it."""

    name: str
    config: str  # class of transformers
    tokenizer: str  # a function of TOKENIZERS
    template: str | None  # a file of trl, or a key of FIXTURES with "fixture:" before it
    sizes: dict
    refused: dict
    head: str

    @property
    def source(self) -> str:
        """The text of its template."""
        if not self.template:
            return ""
        kind, _, name = self.template.rpartition(":")
        return FIXTURES[name] if kind else (SHIPPED / f"{name}.jinja").read_text("utf-8")

    @property
    def encoder(self) -> bool:
        return self.head == "AutoModelForMaskedLM"


CHAT_STEPS = ["chat", "generation", "llm_causal", "adapter", "training"]
NO_CHAT = dict.fromkeys(CHAT_STEPS, "no chat template")
NO_END = dict.fromkeys([*CHAT_STEPS, "packing"], "no end mark")
PADDED = {"packing": "are padded"}
CAPS = {"ifd": "changes its logits"}
NO_LORA = dict.fromkeys(["llm_cls", "llm_causal"], "LoRA cannot be put on")
WINDOW = {**GROUPED, "sliding_window": 16}
ALTERNATING = {**WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
CONV = {
    "num_key_value_heads": 1,
    "layer_types": ["conv", "full_attention"],
    "block_auto_adjust_ff_dim": False,
}
EXPERTS = {"num_experts_per_tok": 1}
SPARSE = {
    **LINEAR,
    **EXPERTS,
    "num_experts": 2,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
}
MAMBA = {
    "num_key_value_heads": 1,
    "mamba_d_ssm": 32,
    "mamba_n_heads": 4,
    "mamba_d_head": 8,
    "mamba_n_groups": 1,
    "mamba_d_state": 8,
    "mamba_chunk_size": 8,
}
NEW_FALCON = {"new_decoder_architecture": True, "num_kv_heads": 1}
PHI = {"num_key_value_heads": 1, "sliding_window": 16, "pad_token_id": 0}
CAPPED = {**WINDOW, "query_pre_attn_scalar": 16}
ROBERTA = {"pad_token_id": 1, "max_position_embeddings": 514}
CAUSAL, MASKED = "AutoModelForCausalLM", "AutoModelForMaskedLM"
TIED = {**GROUPED, "tie_word_embeddings": True}
LOCAL = {"local_attention": 16}
MOE = {**WINDOW, **EXPERTS, "num_local_experts": 2}
MAMBA_REFUSED = {**PADDED, **NO_LORA, "adapter": "LoRA cannot be put on"}
CHATML = "fixture:chatml"


def _family(
    name, config, tokenizer, template, sizes=None, refused=None, head="AutoModelForCausalLM"
):
    return Family(name, config, tokenizer, template, sizes or {}, refused or {}, head)


FAMILIES = [
    _family("Qwen2.5", "Qwen2Config", "bpe", "qwen2_5", GROUPED),
    _family("Qwen3", "Qwen3Config", "bpe", "qwen3", GROUPED),
    _family("Llama 3", "LlamaConfig", "bpe", "llama3", GROUPED),
    _family("GLM-4", "GlmConfig", "bpe", "fixture:glm4", GROUPED),
    _family("DeepSeek-R1-Distill (Qwen2)", "Qwen2Config", "bpe", "deepseek_r1_distill", GROUPED),
    _family("SmolLM2", "LlamaConfig", "bpe", "fixture:smollm2", TIED),
    _family("BioGPT", "BioGptConfig", "biogpt", None, None, NO_CHAT),
    _family("Gemma 2", "Gemma2Config", "spm", "gemma", CAPPED, PADDED | CAPS),
    _family("Gemma 3", "Gemma3TextConfig", "spm", "gemma3", ALTERNATING, PADDED),
    _family("Phi-3, Phi-3.5", "Phi3Config", "spm_space", "phi3", PHI, PADDED),
    _family("Mistral v0.2", "MistralConfig", "spm_space", "fixture:mistral", WINDOW, PADDED),
    _family("gpt-oss", "GptOssConfig", "bpe", "gptoss", MOE, PADDED),
    _family("OLMo 2", "Olmo2Config", "bpe", "fixture:olmo2", {"num_key_value_heads": 1}),
    _family("Llama 2", "LlamaConfig", "spm_space", "fixture:llama2", GROUPED),
    _family("Falcon", "FalconConfig", "bpe", CHATML, NEW_FALCON, PADDED),
    _family("Falcon with ALiBi", "FalconConfig", "bpe", CHATML, {"alibi": True}, PADDED),
    _family("Falcon, its own template", "FalconConfig", "bpe", "fixture:falcon", None, NO_END),
    _family("LFM2", "Lfm2Config", "bpe", "lfm2", CONV, PADDED),
    _family("Qwen3-Next", "Qwen3NextConfig", "bpe", "qwen3", SPARSE, PADDED | NO_LORA),
    _family("Qwen3.5", "Qwen3_5TextConfig", "bpe", "qwen3_5_nothink", LINEAR, PADDED),
    _family("Falcon-H1", "FalconH1Config", "bpe", CHATML, MAMBA, MAMBA_REFUSED),
    _family("BERT", "BertConfig", "wordpiece", None, head=MASKED),
    _family("BiomedBERT", "BertConfig", "wordpiece", None, head=MASKED),
    _family("RoBERTa", "RobertaConfig", "bpe_framed", None, ROBERTA, head=MASKED),
    _family("ModernBERT", "ModernBertConfig", "bpe_framed", None, LOCAL, head=MASKED),
]  # fmt: skip
BY_NAME = {family.name: family for family in FAMILIES}
#: The family of each model of config/models.yaml.
MODELS = {
    "smollm2-135m": "SmolLM2",
    "smollm2-135m-layers": "SmolLM2",
    "smollm2-135m-hub": "SmolLM2",
    "minilm": "BERT",
    "qwen2.5-0.5b": "Qwen2.5",
    "qwen2.5-0.5b-base": "Qwen2.5",
    "qwen2.5-7b": "Qwen2.5",
    "llama-3.2-1b": "Llama 3",
    "llama-3.2-1b-base": "Llama 3",
    "llama-3.1-8b": "Llama 3",
    "glm4-9b": "GLM-4",
    "deepseek-r1-7b": "DeepSeek-R1-Distill (Qwen2)",
    "qwen3-0.6b": "Qwen3",
    "qwen3-4b": "Qwen3",
    "qwen3-8b": "Qwen3",
    "biogpt": "BioGPT",
    "biomedbert": "BiomedBERT",
    "biobert": "BERT",
    "bert-multilingual": "BERT",
}


def fast(core, trainer, **special):
    """Train a tokenizer and give it its special tokens."""
    core.train_from_iterator(TEXTS, trainer)
    return hf.PreTrainedTokenizerFast(tokenizer_object=core, **special)


def bpe(**special):
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = special or {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>"}
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(special.values()),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    return fast(core, trainer, **special)


def framed(tokenizer, first, last):
    """Let a tokenizer begin and end each text with its tokens, as an encoder's does."""
    pair = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (first, last)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        f"{first} $A {last}", special_tokens=pair
    )
    return tokenizer


def bpe_framed():
    marks = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "mask_token": "<mask>"}
    return framed(bpe(**marks), "<s>", "</s>")


def wordpiece():
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    marks = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=list(marks.values()), show_progress=False
    )
    return framed(fast(core, trainer, **marks), "[CLS]", "[SEP]")


def spm(prepend="never"):
    """Train a Unigram tokenizer, as SentencePiece does; `prepend`: a space before a text."""
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend)
    core.decoder = decoders.Metaspace(prepend_scheme=prepend)
    special = {
        "pad_token": "<pad>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    trainer = trainers.UnigramTrainer(
        vocab_size=200,
        unk_token="<unk>",
        special_tokens=list(special.values()),
        initial_alphabet=[chr(n) for n in range(32, 127)] + ["\n"],
        show_progress=False,
    )
    return fast(core, trainer, **special)


def spm_space():
    return spm("first")


def biogpt(folder):
    """Write BioGPT's own files: characters, their word-final forms, and one merge."""
    letters = sorted({letter for text in TEXTS for letter in text if letter != " "})
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *letters, *(f"{one}</w>" for one in letters), "an"]
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\na n\n")
    return hf.BioGptTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


TOKENIZERS = {
    "bpe": bpe,
    "bpe_framed": bpe_framed,
    "wordpiece": wordpiece,
    "spm": spm,
    "spm_space": spm_space,
}


def with_template(tokenizer, source: str):
    """Give a tokenizer a chat template and the control tokens in it; return it."""
    roles = {"<|system|>", "<|user|>", "<|assistant|>"} if "<|" in source else set()
    tokenizer.add_tokens(sorted(roles | set(CONTROL.findall(source))), special_tokens=True)
    tokenizer.chat_template = source
    return tokenizer


def build(family: Family, folder: Path) -> Path:
    """Write a tiny model of the family into `folder`, as the Hub has it; return `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = biogpt(folder) if family.tokenizer == "biogpt" else TOKENIZERS[family.tokenizer]()
    if family.template:
        with_template(tokenizer, family.source)
    size = SIZE | {"vocab_size": len(tokenizer)} | family.sizes
    size |= {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    size.setdefault("pad_token_id", tokenizer.pad_token_id)
    torch.manual_seed(0)
    config = getattr(hf, family.config)(**size)
    model = getattr(hf, family.head).from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
