"""What was found of corrections, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SHOWN = 3  # of a list


def told(report: Mapping[str, Any]) -> str:
    """Return the report of `add_corrections` as text for the console."""
    return "\n".join(lines(report))


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines."""
    yield report["agreement"].round(3).to_string(index=False, na_rep="-")
    yield ""
    for annotator, its in report["annotators"].items():
        yield f"{annotator}: {its['texts']} texts with {its['mentions']} mentions."
        yield from listed("mentions cannot be read", its["lost"])
        yield from listed("texts are not in the pre-annotation", its["not_in_pre_annotation"])
        for what, number in its["passed_over"].items():
            yield f"  {number} {what} were passed over."
    yield from listed("mentions of the pre-annotation cannot be read", report["lost_before"])
    yield from listed("texts are left out, as dev or test holds them", report["held_out"])
    yield from listed("types are new to the corpus", report["new_types"])
    yield (
        f"{report['version']}: {report['sentences']} corrected sentences are added to the training "
        f"set of {report['corpus']}, in place of {report['replaced']} that were in it."
    )
    folder = report["folder"]
    yield f"\nWritten to {folder}. To train {', '.join(report['configurations'])} and compare:"
    yield (
        f"  snakemake results/tables/corrections.csv --cores 2 --configfile {folder}/config.yaml"
    )


def listed(what: str, found: Sequence[str]) -> Iterator[str]:
    """Yield a line with the first of what was found, if anything was."""
    if found:
        more = ", …" if len(found) > SHOWN else ""
        yield f"  {len(found)} {what}: {', '.join(found[:SHOWN])}{more}"
