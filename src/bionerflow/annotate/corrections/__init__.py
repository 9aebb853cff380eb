"""Corrections of a pre-annotation: compared with it, and added as a new version of the corpus.

Written into the folder of the new version: `agreement.csv`; `disagreements.csv`, where several
people annotated the same texts; `corrections.json`, what was counted; the sentences as JSON lines;
and a configuration that compares runs before and after.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.annotate.corrections.agreement import agreement, majority
from bionerflow.annotate.corrections.experiment import newest, read_setup, write_setup
from bionerflow.annotate.corrections.texts import Texts, read_before, read_corrected
from bionerflow.annotate.corrections.version import following, new_version
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.files import write_json, write_text
from bionerflow.utils.spreadsheet import as_csv

#: Mentions on which annotators differ: where, what, and who marked it of those who saw it.
DISAGREEMENTS = ["document", "type", "text", "marked_by", "seen_by", "kept"]


def add_corrections(
    corrected: Sequence[Path],
    before: Path,
    config: Path,
    corpus: str | None = None,
    name: str | None = None,
    out: Path | None = None,
    annotator: str | None = None,
    run: str | None = None,
) -> dict[str, Any]:
    """Compare corrected texts with their pre-annotation, and write a new version of the corpus.

    Args:
        corrected: Files or folders as an annotation tool exports them; several are annotators.
        before: What `annotate` wrote, and the tool imported.
        config: The configuration that the corpus is trained with.
        corpus: The corpus, where the configuration has several.
        name: The new version's; by default notes-v2 follows notes.
        out: Its folder; by default own/{name}.
        annotator: Take this one's mentions, not those of the majority.
        run: Id or folder of a run that is trained on; its model is written into the folder.

    Returns:
        What corrections.json holds, and the `agreement` as a data frame.

    Raises:
        UserError: something cannot be read, or nothing is left to train on.
    """
    setup = read_setup(config)
    corpus = newest(setup, corpus)
    name = name or following(corpus)
    if name in setup.corpora:
        raise UserError(f"There is a corpus '{name}' already: give another --name.")
    out = out or Path("own", name)
    was, annotators = read_before(before), read_corrected(corrected)
    check_once(annotators, was)
    agreed = agreement(was, annotators)
    taken = {chosen: annotators[chosen] for chosen in chosen_of(annotators, annotator)}
    version = new_version(corpus, setup.corpora[corpus], was, taken, out)
    if run:
        merge(run, out / "model")
    added = write_setup(setup, corpus, name, version.entry, out, run)
    report = {
        "corpus": corpus,
        "version": name,
        "folder": str(out),
        "configurations": added,
        "sentences": version.sentences,
        "replaced": version.replaced,
        "held_out": version.held_out,
        "new_types": version.new_types,
        "annotators": {one: counts(texts, was) for one, texts in annotators.items()},
        "lost_before": was.lost,
    }
    write_text(out / "agreement.csv", as_csv(agreed))
    write_text(out / "disagreements.csv", as_csv(disagreements(annotators)))
    write_json(out / "corrections.json", report)
    return report | {"agreement": agreed}


def check_once(annotators: dict[str, Texts], before: Texts) -> None:
    """Refuse texts that one annotator has more often than the pre-annotation.

    Raises:
        UserError: there is such a text, as where a folder holds the folders of several people.
    """
    for annotator, texts in annotators.items():
        for key, one in texts.marked.items():
            if key[1] and key not in before.marked:
                raise UserError(
                    f"'{annotator}' has the text of {one.document.id} twice: if several people "
                    "annotated it, give the files of each as a path of its own."
                )


def chosen_of(annotators: dict[str, Texts], annotator: str | None) -> list[str]:
    """Return the annotators whose mentions are taken."""
    if annotator is not None and annotator not in annotators:
        raise UserError(f"There is no annotator '{annotator}'.{nearest(annotator, annotators)}")
    return [annotator] if annotator else list(annotators)


def counts(texts: Texts, before: Texts) -> dict[str, Any]:
    """Return what an annotator's texts count, and what of them is not compared or not read."""
    unknown = [one.document.id for key, one in texts.marked.items() if key not in before.marked]
    return {
        "texts": len(texts.marked),
        "mentions": sum(len(one.mentions) for one in texts.marked.values()),
        "not_in_pre_annotation": unknown,
        "lost": texts.lost,
        "passed_over": {what: number for what, number in texts.passed_over.items() if number},
    }


def disagreements(annotators: dict[str, Texts]) -> pd.DataFrame:
    """Return the mentions that not all annotators of a text marked (DISAGREEMENTS)."""
    rows = []
    for key in dict.fromkeys(key for texts in annotators.values() for key in texts.marked):
        sides = {one: its.marked[key] for one, its in annotators.items() if key in its.marked}
        kept = majority(key, annotators)
        for mention in sorted(set().union(*(side.mentions for side in sides.values()))):
            by = [one for one, side in sides.items() if mention in side.mentions]
            if len(by) < len(sides):
                words = " … ".join(key[0][start:end] for start, end in mention[1])
                id = next(iter(sides.values())).document.id
                row = (id, mention[0], words, " ".join(by), " ".join(sides), mention in kept)
                rows.append(row)
    return pd.DataFrame(rows, columns=DISAGREEMENTS)


def merge(run: str, folder: Path) -> None:
    """Write the model of a run with its adapter in the weights, so that it can be trained on."""
    from bionerflow.annotate.model import run_of
    from bionerflow.models.loading import ADAPTER, load_base, load_merged, load_tokenizer, save

    trained = run_of(run) / "model"
    model = load_merged(trained) if (trained / ADAPTER).is_file() else load_base(trained)
    save(model, load_tokenizer(trained), folder)
