"""vLLM on a GPU: token ids in, LoRA or merged weights, prefix caching, constrained answers.

vLLM pins its own torch and transformers: it lives in an environment of its own, whose interpreter
the settings name (`predict.vllm.python`). Written for the interface of vLLM 0.33.
"""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bionerflow.config.engines import VllmSettings
from bionerflow.inference.engines.base import Constraint, TokenEngine, Written
from bionerflow.inference.engines.folders import config_of, merged
from bionerflow.models.loading import ADAPTER, QUANTISATION, base_of, load_tokenizer
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

PROCESSOR = "bionerflow.inference.engines.vllm_processor:ConstraintProcessor"
#: The ranks that vLLM can make room for (vllm.config.lora.MaxLoRARanks).
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def library() -> Any:
    """Import vLLM; raise UserError where it is not installed."""
    os.environ.pop("TORCHDYNAMO_DISABLE", None)  # workflow.gpus sets it, and vLLM compiles
    try:
        import vllm
    except ImportError:
        raise UserError(
            "The engine vllm is not installed in this environment: call one that has it, or name "
            "its interpreter as predict.vllm.python in the experiment."
        ) from None
    return vllm


class VllmEngine(TokenEngine):
    """A model in vLLM: a run's adapter as a LoRARequest on its base, or merged into it."""

    name = "vllm"

    def __init__(self, folder: Path, settings: VllmSettings, constrained: bool = False) -> None:
        vllm = library()
        options: dict[str, Any] = {"logits_processors": [PROCESSOR]} if constrained else {}
        adapter = folder if _is_put_on(folder, settings) else None
        if adapter:
            rank = read_json(adapter / ADAPTER)["r"]
            options |= {"enable_lora": True, "max_lora_rank": next(n for n in RANKS if n >= rank)}
        with nullcontext(base_of(folder)) if adapter else merged(folder) as model:
            super().__init__(config_of(model), load_tokenizer(folder))
            self.llm = vllm.LLM(
                model=str(model),
                tokenizer=str(folder),
                enable_prefix_caching=True,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                seed=0,
                **options,
            )
        self.lora = _lora(adapter) if adapter else None
        self.ends = sorted(self.chat.ends(self.model))

    @property
    def version(self) -> str:
        """The version of vLLM."""
        return version("vllm")

    def write(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        batch_size: int,
        constraints: Sequence[Constraint] | None,
    ) -> list[Written]:
        """Continue each prompt; vLLM makes its own batches."""
        if not prompts:
            return []
        vllm = library()
        given: Sequence[Constraint | None] = constraints or [None] * len(prompts)
        params = [
            vllm.SamplingParams(
                temperature=0.0,
                max_tokens=max_new_tokens,
                logprobs=0,
                stop_token_ids=self.ends,
                detokenize=False,
                extra_args=self._extra(one, max_new_tokens) if one else None,
            )
            for one in given
        ]
        outputs = self.llm.generate(
            [{"prompt_token_ids": list(ids)} for ids in prompts],
            params,
            use_tqdm=False,
            lora_request=self.lora,
        )
        return [self._written(output.outputs[0]) for output in outputs]

    def _extra(self, constraint: Constraint, max_new_tokens: int) -> dict[str, Any]:
        """Return a constraint as vLLM hands it to the process that computes: plain values."""
        limit = max_new_tokens - 1
        return {"bionerflow": [*constraint._asdict().values(), limit, self.chat.end]}

    def _written(self, output: Any) -> Written:
        ids = list(output.token_ids)
        logprobs = [at[id].logprob for at, id in zip(output.logprobs, ids, strict=True)]
        ended = output.finish_reason == "stop"
        if ended and ids and ids[-1] in self.ends:
            ids, logprobs = ids[:-1], logprobs[:-1]
        return Written(ids, logprobs, ended)


def _is_put_on(folder: Path, settings: VllmSettings) -> bool:
    """Tell whether an adapter is put on its base, not merged into it.

    One that was trained on quantised weights is merged into these: vLLM would put it on full ones.
    """
    is_adapter = (folder / ADAPTER).is_file()
    return is_adapter and not settings.merged and not (folder / QUANTISATION).is_file()


def _lora(adapter: Path) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("run", 1, str(adapter))
