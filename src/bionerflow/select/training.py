"""A selector is trained by the Trainer of runs, with its checkpoints, passes and devices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bionerflow.config.stages import SelectorSettings, TrainSettings
from bionerflow.config.trainer import TrainerSettings
from bionerflow.models.chat import Encoded
from bionerflow.select.kinds import LlmCausal
from bionerflow.select.model import Selector
from bionerflow.select.samples import Sample
from bionerflow.train.data import Conversations, Row
from bionerflow.train.finetune import fit, fit_rows
from bionerflow.train.trainer import ValidatingTrainer

RECORDED = ("steps", "tokens", "seconds", "tokens_per_second", "memory_mb", "curve")
ANSWER_TOKENS = 64  # room for yes or no and the template's end of the turn


class Labelled(Conversations):
    """Tokenised samples, each with whether it is a mention."""

    def __init__(self, rows: Sequence[list[int]], labels: Sequence[bool]) -> None:
        """Keep all rows: what is too long for the model was refused before."""
        super().__init__([Encoded(row, []) for row in rows], max(map(len, rows)))
        self.labels = labels

    def __getitem__(self, n: int) -> Row:
        """Return a row: its token ids and its label."""
        return {"input_ids": self.kept[n].ids, "label": float(self.labels[n])}


class SelectorTrainer(ValidatingTrainer):
    """Its checkpoints hold what is trained, not the base model."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.args.should_save:
            selector: Any = self.model
            selector.save_weights(Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        selector: Any = self.model
        selector.take_weights(Path(resume_from_checkpoint))


def train(
    selector: Selector, samples: Sequence[Sample], seed: int, checkpoints: Path
) -> dict[str, Any]:
    """Train a selector's weights; a training that was killed goes on from `checkpoints`.

    LLM-CAUSAL learns conversations, with the cross entropy of the answers; the others learn labels,
    with binary cross entropy.

    Returns:
        What is to be recorded of the training.
    """
    candidates = [sample.candidate for sample in samples]
    labels = [sample.kind == "gold" for sample in samples]
    rows = selector.encode(candidates)  # refuses what cannot be judged
    if isinstance(selector, LlmCausal):
        turns = list(map(selector.conversation, candidates, labels))
        longest = max(map(len, rows)) + ANSWER_TOKENS
        settings = as_training(selector.settings, longest)
        model: Any = selector.learner
        _, recorded = fit(model, selector.tokenizer, turns, settings, checkpoints, seed)
    else:
        data = Labelled(rows, labels)
        _, recorded = fit_rows(
            selector,
            selector.tokenizer,
            data,
            selector.collate,
            as_training(selector.settings, data.longest),
            checkpoints,
            seed,
            trainer_class=SelectorTrainer,
        )
    selector.eval()
    return {key: recorded[key] for key in RECORDED}


def as_training(settings: SelectorSettings, longest: int) -> TrainSettings:
    """Return a selector's settings as those of a run without validation.

    Args:
        settings: The selector's settings.
        longest: Tokens of the longest sample.
    """
    shared = {name: getattr(settings, name) for name in TrainerSettings.model_fields}
    return TrainSettings(**shared, validations_per_epoch=0, max_length=longest)
