"""A clock that was set back: Snakemake would not see that files were edited since.

Snakemake looks into an input file only if it is newer than the outputs. After the clock was set
back, an edited file is older than they are.
"""

import time
from pathlib import Path

from bionerflow.utils.errors import UserError

#: Where Snakemake writes a file per call.
LOGS = Path(".snakemake", "log")
#: Seconds by which the clocks of a shared disk and of a machine may differ.
TOLERANCE = 120


def check_clock(logs: Path = LOGS) -> None:
    """Compare the clock with the time stamps of earlier calls in the working directory.

    Raises:
        UserError: an earlier call lies in the future.
    """
    last, file = max(((path.stat().st_mtime, path) for path in logs.glob("*.log")), default=(0, ""))
    ahead = last - time.time()
    if ahead > TOLERANCE:
        raise UserError(
            f"The clock is {ahead / 60:.0f} minutes behind an earlier call here ({file}): what was "
            "edited since would not be noticed. Set the clock. If it was wrong before, call "
            "`find . -newermt now -exec touch -d 2000-01-01 {} +` instead: results are older than "
            "any edit then, and what did not change is not made again."
        )
