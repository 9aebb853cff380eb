"""Energy and carbon of a run, by the formula of the Green Algorithms calculator.

Lannelongue, Grealey and Inouye (2021), Advanced Science 8, 2100707: running time, times the power
of cores, GPUs and memory, times the data centre's overhead, times the grid's carbon intensity.
"""

from collections.abc import Mapping
from typing import Any

from bionerflow.config.workflow import FootprintSettings


def footprint(metrics: Mapping[str, Any], constants: FootprintSettings) -> dict[str, float | None]:
    """Return hours, kWh and g CO2e of results/train/{run}/metrics.json, an estimate.

    Processors are taken to be busy all the time, memory is the peak of the process; both as the
    calculator does where nothing else is known. Beside it, with the same overhead and carbon, what
    was measured: None if the processors or the GPU in use were not.
    """
    machine, hours = metrics["environment"], metrics["seconds"] / 3600
    watts = machine["processes"] * (
        machine["threads"] * constants.core_watts
        + (constants.gpu_watts if machine["gpu"] else 0)
        + machine["peak_memory_mb"] / 1024 * constants.memory_watts_per_gb
    )
    kwh = hours * watts * constants.overhead / 1000
    parts = metrics["measured_kwh"]
    counted = [parts["processors"], *([parts["gpus"]] if machine["gpu"] else [])]
    measured = None if None in counted else sum(counted) * constants.overhead
    return {
        "hours": hours,
        "kwh": kwh,
        "co2e_g": kwh * constants.carbon_g_per_kwh,
        "measured_kwh": measured,
        "measured_co2e_g": None if measured is None else measured * constants.carbon_g_per_kwh,
    }
