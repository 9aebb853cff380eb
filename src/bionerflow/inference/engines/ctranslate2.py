"""CTranslate2 on the CPU: the merged model, converted; a shared prefix is read once.

It has no hook that chooses tokens, so that answers cannot be constrained.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bionerflow.inference.engines.base import Constraint, TokenEngine, Written
from bionerflow.inference.engines.folders import config_of, merged
from bionerflow.inference.prefix import common
from bionerflow.models.loading import load_tokenizer
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import whole_folder

MODEL = "model.bin"
#: Where the tokenizer and the configuration of the model are kept, in its folder.
TRANSFORMERS = "transformers"


def library() -> Any:
    """Import CTranslate2; raise UserError where it is not installed."""
    try:
        import ctranslate2
    except ImportError:
        raise UserError(
            "The engine ctranslate2 is not installed: pip install 'bionerflow[ctranslate2]'."
        ) from None
    return ctranslate2


def convert(folder: Path, out: Path, compute_type: str = "float32") -> None:
    """Convert a model, its adapter merged into it, into a folder of CTranslate2's.

    Raises:
        UserError: CTranslate2 does not know the architecture.
    """
    quantization = None if compute_type == "float32" else compute_type
    converters = library().converters
    with whole_folder(out) as part, merged(folder) as full:
        try:
            converter = converters.TransformersConverter(str(full), load_as_float16=False)
            converter.convert(str(part), quantization=quantization, force=True)
        except ValueError as error:
            raise UserError(
                f"CTranslate2 cannot convert {folder} ({str(error).splitlines()[0]}): use the "
                "engine torch."
            ) from None
        kept = config_of(full)
        kept.config.save_pretrained(part / TRANSFORMERS)
        if kept.generation_config:
            kept.generation_config.save_pretrained(part / TRANSFORMERS)
        load_tokenizer(full).save_pretrained(part / TRANSFORMERS)


class CTranslate2Engine(TokenEngine):
    """A converted model (`convert`), in float32 or int8."""

    name = "ctranslate2"

    def __init__(self, folder: Path, compute_type: str = "float32", threads: int = 0) -> None:
        if not (folder / MODEL).is_file():
            raise UserError(f"There is no converted model in {folder}: build it first.")
        kept = folder / TRANSFORMERS
        super().__init__(config_of(kept), load_tokenizer(kept))
        self.compute_type = compute_type
        self.generator = library().Generator(
            str(folder), device="cpu", compute_type=compute_type, intra_threads=threads
        )
        self.ends = sorted(self.chat.ends(self.model))

    @property
    def version(self) -> str:
        """The version of CTranslate2, and what it computes in."""
        return f"{version('ctranslate2')} {self.compute_type}"

    def write(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        batch_size: int,
        constraints: Sequence[Constraint] | None,
    ) -> list[Written]:
        """Continue each prompt; what all begin with alike is read once."""
        if constraints:
            raise UserError("ctranslate2 cannot constrain answers: use the engine torch or vllm.")
        if not prompts:
            return []
        # CTranslate2 needs a token of each prompt itself behind the static prompt.
        prefix = min(common(prompts), min(map(len, prompts)) - 1)
        tokens = [self.tokenizer.convert_ids_to_tokens(ids) for ids in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]

        def take(step: Any) -> bool:
            logprobs[step.batch_id].append(step.log_prob)
            return False

        results = self.generator.generate_batch(
            [its[prefix:] for its in tokens],
            static_prompt=tokens[0][:prefix] or None,
            max_batch_size=batch_size,
            max_length=max_new_tokens,
            end_token=self.ends,
            include_prompt_in_result=False,
            return_scores=True,
            callback=take,
        )
        written = [list(result.sequences_ids[0]) for result in results]
        return [
            Written(ids, values[: len(ids)], len(ids) < max_new_tokens)
            for ids, values in zip(written, logprobs, strict=True)
        ]
