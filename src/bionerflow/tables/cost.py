"""What a system's answers cost per sentence, for tables that have cost beside scores."""

from collections.abc import Mapping
from typing import Any

from bionerflow.config.workflow import FootprintSettings
from bionerflow.train.footprint import footprint

UNKNOWN = ("seconds_per_sentence", "wh_per_sentence", "price_per_sentence")


def per_sentence(
    spent: Mapping[str, Any] | None, parameters: float, constants: FootprintSettings
) -> dict[str, float | None]:
    """Return seconds, watt hours and price per sentence, and millions of parameters.

    Args:
        spent: results/cost/{run}.json: seconds, sentences, usage and the machine. None: unknown.
        parameters: Of the model.
        constants: What energy is estimated with, by the formula of footprints of training.

    Returns:
        Loading the model is not counted. The price is what an endpoint takes, in the currency of
        its `input_price`; it is None where nobody is paid per token.
    """
    size = {"million_parameters": parameters / 1e6}
    if not spent or not spent["sentences"]:
        return dict.fromkeys(UNKNOWN) | size
    unmeasured = {"processors": None, "gpus": None}
    kwh = footprint({**spent, "measured_kwh": unmeasured}, constants)["kwh"]
    price, count = spent["usage"].get("cost"), spent["sentences"]
    return {
        "seconds_per_sentence": spent["seconds"] / count,
        "wh_per_sentence": 1000 * (kwh or 0) / count,
        "price_per_sentence": None if price is None else price / count,
        **size,
    }
