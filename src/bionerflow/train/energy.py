"""Energy as the machine counts it, read by codecarbon: processors through RAPL, GPUs through NVML.

What cannot be read is unknown: codecarbon's own estimates are left aside, as footprint has one.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bionerflow.utils.environment import is_first


@contextmanager
def measured() -> Iterator[dict[str, float | None]]:
    """Yield the kWh of `processors` and of `gpus`, known once the block has ended, else None.

    Of a job's processes the first one measures: all processors of the machine, whoever uses them,
    and the job's GPUs. A fault in measuring leaves the block alone.
    """
    used: dict[str, float | None] = {"processors": None, "gpus": None}
    tracker: Any = None
    with suppress(Exception):
        if is_first() and any(readable().values()):
            tracker = _tracker()
            tracker.start()
    try:
        yield used
    finally:
        with suppress(Exception):
            tracker.stop()
            total = tracker.final_emissions_data
            kwh = {"processors": total.cpu_energy, "gpus": total.gpu_energy}
            used |= {part: kwh[part] for part, counted in readable().items() if counted}


def readable() -> dict[str, bool]:
    """Tell which counters this process may read."""
    import torch
    from codecarbon.core.cpu import is_rapl_available
    from codecarbon.core.gpu import is_nvidia_system

    gpus = torch.cuda.is_available() and is_nvidia_system()
    return {"processors": is_rapl_available(), "gpus": gpus}


def _tracker() -> Any:
    """Return a tracker that writes nothing and reaches no network, whatever its own settings say.

    With a given carbon intensity it asks nobody for one; what it makes of it is not used.
    """
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    from codecarbon import OfflineEmissionsTracker

    return OfflineEmissionsTracker(
        output_methods=[],
        emissions_endpoint=None,
        force_carbon_intensity_g_co2e_kwh=1.0,
        allow_multiple_runs=True,
        log_level="critical",
    )
