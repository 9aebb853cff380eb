"""A corpus's report in words, for who made the annotations."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bionerflow.corpora.settings import SPLITS

SHOWN = 3
REASONS = {
    "text_differs": "the mention as written is not the text at its offsets",
    "white_space_differs": "the mention differs from the text in white space alone",
    "fragments_out_of_order": "the fragments of a mention were not in the order of the text",
    "inside_without_begin": "an I- tag stands without a B- tag before it, and was taken for one",
    "empty_span": "a mention has no length",
    "outside_text": "a mention's offsets are outside of its text",
    "fragments_overlap": "the fragments of a mention overlap",
    "duplicate": "the same type stands twice at the same place",
    "no_text": "an annotation's text is missing",
    "no_annotation_file": "a text has no file of annotations",
}


def told(report: Mapping[str, Any]) -> str:
    """Return the report: what was read, what is odd, what splits share."""
    splits = report["splits"]
    rows = [
        [split, *(splits[split][key] for key in ("documents", "sentences", "entities"))]
        + [splits[split]["types"].get(type, 0) for type in report["mentions_by_raw_type"]]
        for split in SPLITS
    ]
    header = ["", "documents", "sentences", "mentions", *report["mentions_by_raw_type"]]
    table = pd.DataFrame(rows, columns=header).to_string(index=False)
    return "\n".join([table, "", *lines(report)])


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else there is to say, a line each."""
    kinds = [kind for kind, has in report["flags"].items() if has] or ["neither nested nor broken"]
    yield f"Mentions are {' and '.join(kinds)}."
    yield f"{report['lost']} of {report['mentions']} mentions could not be used."
    for reason, found in report["findings"].items():
        yield f"{found['count']} times, {found['lost']} lost: {REASONS.get(reason, reason)}"
        yield from (f"    {where}" for where in found["mentions"][:SHOWN])
    yield f"{report['repeated']} sentences occur more than once."
    for split, leak in report["leaks"].items():
        yield f"{leak.shared_sentences} of {leak.test_sentences} sentences of {split} are in train."
    for split in (split for split in SPLITS if not report["splits"][split]["entities"]):
        yield f"Warning: {split} has no mention."
