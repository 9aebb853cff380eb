"""transformers' Trainer, with what is ours: order of the data, validation, records, faults."""

import json
import math
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Sampler
from transformers import Trainer, TrainerCallback
from transformers.trainer_pt_utils import get_length_grouped_indices, nested_gather

from bionerflow.curate.alternate import alternate
from bionerflow.data.sampling import rank
from bionerflow.train.fast import Fast
from bionerflow.utils.environment import peak_memory_mb, processes
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import (
    flush,
    read_json,
    read_result,
    remove_folder,
    sha256,
    write_result,
    write_text,
)
from bionerflow.utils.progress import Progress

WHOLE = "whole"
#: Under which name a checkpoint has the loss that is not logged yet.
UNLOGGED = "loss since the last log"
NOTED = ("loss", "eval_f1", "tokens_per_second")


class _Order(Sampler[int]):
    """The order of an epoch's conversations: seed and epoch alone decide it, also when resumed.

    Flat passes have no padding: they take conversations in random order. For padded ones, batches
    are of similar lengths, in random order: transformers' own, from long to short, ends on short
    sentences, of which many have no entity, and a model of few steps learned to find none.
    Conversations of several languages take turns (unified, section II.B).
    """

    def __init__(self, trainer: "ValidatingTrainer", batch_size: int) -> None:
        self.trainer, self.batch_size = trainer, batch_size
        self.data: Any = trainer.train_dataset

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[int]:
        epoch = int(self.trainer.state.epoch or 0)
        seed = rank(f"epoch {epoch}", self.trainer.args.seed)
        generator = torch.Generator().manual_seed(seed)
        languages = self.data.languages
        if self.trainer.fast.flat or len(set(languages)) > 1:
            order = torch.randperm(len(self.data), generator=generator).tolist()
            return iter(alternate(order, languages) if languages else order)
        return iter(self._grouped(generator))

    def _grouped(self, generator: torch.Generator) -> list[int]:
        """Return batches of similar lengths, the whole ones in random order."""
        size, lengths = self.batch_size, [self.data.length(n) for n in range(len(self))]
        order = get_length_grouped_indices(lengths, size, generator=generator)
        whole = len(order) // size
        batches = torch.randperm(whole, generator=generator).tolist()
        starts = [*batches, *range(whole, -(-len(order) // size))]
        return [n for at in starts for n in order[at * size :][:size]]


class ValidatingTrainer(Trainer):
    """A Trainer of effective batches whose evaluation is `validate`, which returns a model's F1.

    Each item of its data loader is a Step: the passes of this process in one optimizer step, made
    by the data collator from the rows of a whole effective batch. So the Trainer's own accumulation
    stays at one, and steps, epochs and resumption are counted by effective batches.

    Each entry of its log has the seconds and tokens of the whole run so far, of all its starts.
    """

    validate: Callable[[Any], float]
    fast = Fast()

    def get_train_dataloader(self) -> DataLoader:
        """Return a loader that gives each process the same effective batches.

        It is not handed to accelerate, which would deal out what the collator deals out itself.
        """
        size = self.args.train_batch_size * self.args.world_size
        batches = BatchSampler(_Order(self, size), size, drop_last=False)
        data: Any = self.train_dataset
        return DataLoader(data, batch_sampler=batches, collate_fn=self.data_collator)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Run a step's passes forward and back; only the last one's gradients are exchanged."""
        loss: Any = 0.0
        for n, one in enumerate(inputs.passes, start=1):
            waits = n < len(inputs.passes)
            with (
                self.accelerator.no_sync(model) if waits else nullcontext(),
                self.fast.on(self.model, flat="flat" in one),
            ):
                loss += super().training_step(model, one, num_items_in_batch)
        return loss

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
        passes = [one for step in batch_samples for one in step.passes]
        return super()._get_num_items_in_batch(passes, device)

    def floating_point_ops(self, inputs: Any) -> int:
        """Return the operations of a step."""
        return sum(map(super().floating_point_ops, inputs.passes))

    def _track_num_input_tokens(self, inputs: Any) -> None:
        self.state.num_input_tokens_seen += inputs.tokens

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return the F1 of the model as it is."""
        model: Any = self.model
        begun = time.monotonic()
        f1 = self.validate(model.eval())
        model.train()
        self._paused += time.monotonic() - begun
        metrics = {"eval_f1": f1}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save the loss since the last log, too: Trainer starts anew, and would log another one."""
        loss = nested_gather(self._tr_loss, self.args.parallel_mode).mean().item()
        callbacks: Any = self.state.stateful_callbacks
        callbacks[UNLOGGED] = {"loss": loss, "logged": self._globalstep_last_logged}
        super()._save_checkpoint(model, trial)

    def begin(self) -> None:
        """Begin to count where the last start's log ended."""
        callbacks: Any = self.state.stateful_callbacks
        if before := callbacks.get(UNLOGGED):
            self._tr_loss += before["loss"]
            self._globalstep_last_logged = before["logged"]
        last = next((entry for entry in reversed(self.state.log_history) if "seconds" in entry), {})
        self._begun = self._marked = time.monotonic()
        self._before, self._peak = last.get("seconds", 0.0), last.get("memory_mb", 0)
        self._tokens, self._paused = self.state.num_input_tokens_seen, 0.0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with time, memory and, where there is a loss, the rate of training alone."""
        now = time.monotonic()
        self._peak = max(self._peak, peak_memory_mb())
        logs |= {"seconds": round(self._before + now - self._begun, 3), "memory_mb": self._peak}
        if "loss" in logs:
            tokens = self.state.num_input_tokens_seen - self._tokens
            seconds = now - self._marked - self._paused
            logs["tokens_per_second"] = round(tokens / max(seconds, 1e-9), 1)
            self._tokens, self._marked, self._paused = self.state.num_input_tokens_seen, now, 0.0
        super().log(logs)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Refuse a step that would spoil the weights: a loss that is no number has no gradient."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if norm is not None and not math.isfinite(norm):
            last = last_checkpoint(Path(str(self.args.output_dir)))
            raise UserError(
                f"The loss or its gradient is not a number at step {self.state.global_step + 1}: "
                f"lower learning_rate. The last good checkpoint is {last or 'none yet'}."
            )
        return norm


class Watch(TrainerCallback):
    """Prints progress, writes the curve as it comes, and marks checkpoints that are whole."""

    def __init__(self, trainer: ValidatingTrainer) -> None:
        """Watch `trainer`; its log is kept beside its checkpoints, a line of JSON an entry."""
        self.trainer = trainer
        self.curve = Path(str(trainer.args.output_dir), "curve.jsonl")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write the curve anew as far as the checkpoint knows it."""
        self.trainer.begin()
        self.progress = Progress("train", state.max_steps, "steps")
        self.progress.skip(state.global_step)
        if state.is_world_process_zero:
            write_text(self.curve, "".join(map(_line, state.log_history)))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Say how far it is, and add a line to the curve."""
        if state.is_world_process_zero:
            note = ", ".join(f"{k} {v:.4g}" for k, v in (logs or {}).items() if k in NOTED)
            self.progress.to(state.global_step, note)
            with self.curve.open("a", encoding="utf-8") as file:
                file.write(_line(state.log_history[-1]))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint as whole, once all of it is on the disk; keep it and the best."""
        self.trainer.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            last = Path(args.output_dir, f"checkpoint-{state.global_step}")
            for path in last.rglob("*"):
                flush(path)
            files = {str(path.relative_to(last)): sha256(path) for path in _files(last)}
            write_result(last / WHOLE, {"files": files, "processes": args.world_size})
            keep_checkpoints(last.parent, {last, Path(state.best_model_checkpoint or last)})


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True) + "\n"


def last_checkpoint(folder: Path, sharded: bool = False) -> str | None:
    """Return the last checkpoint that is as it was written, and whose best one is, too.

    Raises:
        UserError: it is `sharded`, and other processes have written it than those that now train.
    """
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}") if _is_whole(path.parent)]
    usable = [path for path in whole if _best_of(path) in {None, *(its.name for its in whole)}]
    if not usable:
        return None
    last = max(usable, key=lambda path: int(path.name.split("-")[1]))
    before = read_result(last / WHOLE)["processes"]
    if sharded and before != processes():
        raise UserError(
            f"{last} is shared out among {before} processes, and this training has {processes()}: "
            f"train on {before} GPUs, or remove {folder} to begin anew."
        )
    return str(last)


def _best_of(checkpoint: Path) -> str | None:
    """Return the name of the best checkpoint so far, which the end of a training loads."""
    best = read_json(checkpoint / "trainer_state.json")["best_model_checkpoint"]
    return best and Path(best).name


def _files(checkpoint: Path) -> list[Path]:
    return [path for path in checkpoint.rglob("*") if path.is_file() and path.name != WHOLE]


def _is_whole(checkpoint: Path) -> bool:
    """Tell whether a checkpoint's files are what they were; say so where one is not."""
    try:
        expected = read_result(checkpoint / WHOLE)["files"]
        changed = {name for name, its in expected.items() if sha256(checkpoint / name) != its}
    except (UserError, OSError) as error:
        changed = {str(error)}
    if changed:
        what = ", ".join(sorted(changed))
        print(f"train: {checkpoint} is damaged and not used: {what}", file=sys.stderr, flush=True)
    return not changed


def keep_checkpoints(folder: Path, kept: Collection[Path]) -> None:
    """Remove all checkpoints but these; each loses its mark first, should this be killed, too.

    The Trainer's own rotation goes by time stamps, and can leave a half-removed one as the last.
    """
    for path in set(folder.glob("checkpoint-*")) - set(kept):
        (path / WHOLE).unlink(missing_ok=True)
        remove_folder(path)
