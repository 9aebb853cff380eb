"""What clusters do to a training: they end it, start it twice, and have no room for it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import TrainerCallback

from bionerflow.utils.environment import is_first
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import lacks_room, lock


class Stop(TrainerCallback):
    """Asked by SIGTERM: a checkpoint after the step at hand, and no further step."""

    asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM for the time of a block; raise UserError at its end if it came."""
        before = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
        if self.asked:
            raise UserError(
                "Stopped by SIGTERM after a checkpoint: the next start goes on from it."
            )

    def _ask(self, *_: Any) -> None:
        self.asked = True

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say from which step a training goes on."""
        if state.global_step:
            print(f"train: goes on from step {state.global_step}", file=sys.stderr, flush=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let the trainer write a checkpoint and end."""
        if self._anywhere(args):
            control.should_save = control.should_training_stop = True

    def _anywhere(self, args: Any) -> bool:
        """Tell whether any process of the training was asked: all end after the same step."""
        if torch.distributed.is_initialized():
            asked = torch.tensor(int(self.asked), device=args.device)
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
            self.asked = bool(asked)
        return self.asked


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of checkpoints for one job; raise UserError where another holds it.

    Of a job's processes the first does so.
    """
    if not is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        if not lock(file.fileno(), folder / ".lock"):
            raise UserError(
                f"Another job writes the checkpoints in {folder}: let it end, or cancel it, and"
                " start again."
            )
        yield


@contextmanager
def enough_room(folder: Path) -> Iterator[None]:
    """Tell of a disk that is full, or of a quota that is used up, and what to do."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not lacks_room(error):
            raise
        raise UserError(
            f"There is no room left for the checkpoints in {folder}: the disk is full, or a quota"
            " is used up. Make room and start again: it goes on from the last whole checkpoint."
        ) from error
