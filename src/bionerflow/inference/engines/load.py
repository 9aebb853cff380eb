"""Which engine the settings name, loaded with its model."""

from collections.abc import Callable
from pathlib import Path

from bionerflow.config.stages import PredictSettings
from bionerflow.inference.engines.base import Engine
from bionerflow.utils.files import read_json
from bionerflow.utils.plugins import Registry

#: What a converted model's folder says of itself: the numbers that it computes with, and why.
CHOICE = "choice.json"


def _is_engine(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Engine)


#: The engines of other packages. Each is called with the model's folder and the settings.
PLUGINS: Registry[Callable[[Path, PredictSettings], Engine]] = Registry(
    "engine", {}, _is_engine, "a subclass of bionerflow.inference.engines.base.Engine"
)


def load_engine(
    folder: Path,
    settings: PredictSettings,
    converted: Path | None = None,
    threads: int = 0,
) -> Engine:
    """Load the engine that the settings name.

    Args:
        folder: The model or adapter (`results/train/{run}/model`).
        settings: How it answers.
        converted: The converted model that the workflow made, for CTranslate2; without it,
            `folder` is one in float32.
        threads: Of the computation, for CTranslate2; 0 leaves it to the library.

    Raises:
        UserError: the engine is not installed, or there is no such model.
    """
    match settings.engine:
        case "ctranslate2":
            from bionerflow.inference.engines.ctranslate2 import CTranslate2Engine

            place = converted or folder
            choice = read_json(place / CHOICE)["compute_type"] if converted else "float32"
            return CTranslate2Engine(place, choice, threads)
        case "vllm":
            from bionerflow.inference.engines.vllm import VllmEngine

            return VllmEngine(folder, settings.vllm, settings.constrained)
        case "openai":
            from bionerflow.inference.engines.openai import OpenAIEngine

            assert settings.openai  # noqa: S101 (the settings were checked)
            return OpenAIEngine(settings.openai)
        case "torch":
            from bionerflow.inference.engines.torch import TorchEngine
            from bionerflow.models.loading import load_causal, load_tokenizer

            return TorchEngine(load_causal(folder), load_tokenizer(folder), settings.thinking)
    return PLUGINS.named(settings.engine)(folder, settings)
