"""The metrics that tables show, family by family: what they mean and what is printed for each.

The only list of them: the names that config/tables.yaml may use, the titles of rows and columns,
what fills a table, and the list in config/README.md follow from it. Light to import.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from bionerflow.utils.errors import nearest

#: What fills the cells of a table: scores and records of runs, tests of neighbouring rows, or
#: thresholds of confidence.
Filling = Literal["grid", "significance", "abstention"]
#: A metric that begins so is a place in what a run recorded: `run.settings.num_train_epochs` stands
#: in its metrics.json. The second stands for the name of the corpus that the cell is about.
RECORDED, OF_CORPUS = "run.", "{corpus}"


class Family(NamedTuple):
    """Metrics that belong together; in a table's entry, a family's name stands for all of them.

    `labels` are what is printed for each metric, in the order in which tables show them.
    """

    meaning: str
    labels: dict[str, str]
    filling: Filling = "grid"


def _numbered(prefix: str, numbers: Iterable[int], ends: dict[str, str]) -> dict[str, str]:
    """Return labels of metrics that are numbered: the number, or what `ends` says instead."""
    return {f"{prefix}{n}": str(n) for n in numbers} | {f"{prefix}{n}": ends[n] for n in ends}


def _threshold(name: str, aim: str, label: str, at: str) -> Family:
    """Return the family of what a threshold keeps that is chosen on dev for an aim."""
    labels = {"coverage": "coverage", "precision": "P", "recall": "R", "f1": "F1"}
    labels = {"threshold": f"{label} from"} | {key: text + at for key, text in labels.items()}
    return Family(
        f"threshold of confidence, chosen on dev for {aim}, the share of the test predictions that"
        " it keeps, and the strict scores of these",
        {f"{name}_{key}": text for key, text in labels.items()},
        "abstention",
    )


#: What thresholds are chosen for: the best F1 on dev, or this precision and more (percent).
PRECISIONS = (80, 90, 95)
THRESHOLDS = {
    "best_f1": _threshold("best_f1", "the best F1", "best F1", ""),
    **{
        f"p{n}": _threshold(f"p{n}", f"a precision of {n} %", f"P of {n} %", f" at {n}")
        for n in PRECISIONS
    },
}

# fmt: off
FAMILIES: dict[str, Family] = {
    "scores": Family(
        "strict micro scores: an entity is right if its type and all its spans are",
        {"precision": "P", "recall": "R", "f1": "F1"},
    ),
    "f1_interval": Family(
        "ends of the 95 % interval of F1 (bootstrap over documents)",
        {"f1_low": "interval from", "f1_high": "to"},
    ),
    "recalls": Family(
        "recall of mentions whose string no training sentence has, of nested and of discontinuous"
        " ones",
        {"unseen_recall": "unseen recall", "nested_recall": "nested recall",
         "discontinuous_recall": "discont recall"},
    ),
    "gaps": Family(
        "recall of plain entities minus that of nested (discontinuous) ones",
        {"delta_nested": "Δ Nested", "delta_discontinuous": "Δ Discont"},
    ),
    "conventions": Family(
        "F1 as other papers and scorers count (docs/evaluation.md)",
        {"surface_f1": "Surface", "relaxed_f1": "Relaxed", "uniner": "UniNER",
         "instructuie": "InstructUIE", "gollie": "GoLLIE", "iepile": "IEPile", "seqeval": "seqeval",
         "semeval_partial": "SemEval partial", "semeval_type": "SemEval type"},
    ),
    "faults": Family(
        "faults of answers per sentence: nothing could be read, a type that was not asked for, text"
        " that the sentence does not have, an answer that was cut off",
        {"unparsable": "unusable", "unknown_type": "unknown type", "not_in_text": "not in text",
         "truncated": "cut off"},
    ),
    "errors": Family(
        "number of wrong predictions by class, and of gold entities that no prediction overlaps",
        {"type": "Type", "span": "Span", "type_and_span": "Type&Span", "spurious": "Spurious",
         "missing": "Missing"},
    ),
    "deviation": Family(
        "share of the boundary errors whose start and end are together so many tokens off",
        _numbered("deviation_", range(5), {"5+": "5 or more"}),
    ),
    "shift": Family(
        "share of the boundary errors whose start is so many characters off",
        _numbered("shift_", range(-5, 6), {"-5": "-5 or less", "5": "5 or more"}),
    ),
    "depth": Family(
        "recall by the number of entities that an entity lies inside",
        {"recall_depth_0": "not inside another", "recall_depth_1": "inside one",
         "recall_depth_2+": "inside two or more"},
    ),
    "length": Family(
        "recall by the length of an entity in tokens",
        _numbered("recall_tokens_", range(1, 5), {"1": "1 token", "5+": "5 or more"}),
    ),
    "calibration": Family(
        "expected calibration error, and the accuracy of the predictions in each tenth of"
        " confidence",
        {"ece": "ECE", **{f"accuracy_{n + 1}": f"0.{n}–{(n + 1) / 10}" for n in range(10)}},
    ),
    "risk": Family(
        "area under the risk-coverage curve, and the share of wrong ones where so many percent of"
        " the predictions are kept, those of most confidence",
        {"aurc": "AURC", **{f"risk_{n}": f"{n} %" for n in range(10, 101, 10)}},
    ),
    "significance": Family(
        "difference in F1 between two rows that follow each other: with its 95 % interval, p value"
        " of a paired test, p corrected over the table, effect size, and the smallest difference"
        " that such a test finds with a power of 80 %",
        {"difference": "ΔF1", "interval": "95 % interval", "p": "p", "p_holm": "p (Holm)",
         "effect": "Cohen's d", "detectable": "Detectable"},
        "significance",
    ),
    **THRESHOLDS,
    "dev": Family("F1 on dev while the run was trained", {"run.dev_f1": "dev F1"}),
    "training": Family(
        "time, greenhouse gas and energy of training (an estimate)",
        {"run.seconds": "HH:MM:SS", "run.footprint.co2e_g": "gCO2e", "run.footprint.kwh": "kWh"},
    ),
    "settings": Family(
        "settings of training and prediction, in the order of mfner, Table 8",
        {"run.settings.num_train_epochs": "#epoch",
         "run.environment.processes": "#GPU",
         "run.settings.per_device_train_batch_size": "train batch size",
         "run.settings.gradient_accumulation_steps": "gradient accumulation",
         "run.settings.learning_rate": "learning rate",
         "run.settings.optim": "optimizer",
         "run.settings.lr_scheduler_type": "learning rate scheduler",
         "run.settings.warmup_steps": "warmup",
         "run.predict.max_new_tokens": "max new token",
         "run.settings.validations_per_epoch": "eval interval (validations per epoch)",
         "run.predict.batch_size": "eval batch size",
         "run.settings.metric": "eval metric"},
    ),
    "consistency": Family(
        "how far sampled answers agree: mean F1 of each two, share of sentences in which all name"
        " the same mentions, share of mentions that all found, calibration error of their votes",
        {"run.consistency.pairwise_f1": "F1 of pairs",
         "run.consistency.same_sentences": "same sentences",
         "run.consistency.unanimous": "unanimous",
         "run.consistency.calibration_error": "ECE of votes"},
    ),
    "cost": Family(
        "what an answer takes per sentence, and the size of the model",
        {"run.cost.seconds_per_sentence": "seconds per sentence",
         "run.cost.wh_per_sentence": "Wh per sentence",
         "run.cost.million_parameters": "million parameters",
         "run.cost.price_per_sentence": "price per sentence"},
    ),
    "ifd": Family(
        "IFD of the test sentences of the cell's corpus: how many were scored, quantiles, mean, and"
        " the share of one and more",
        {f"run.ifd.{OF_CORPUS}.{name}": label
         for name, label in {"n": "scored", "q10": "10 %", "q25": "25 %", "q50": "median",
                             "q75": "75 %", "q90": "90 %", "mean": "mean",
                             "at_least_one": "1 and more"}.items()},
    ),
}
# fmt: on
#: What is printed for each metric, and what fills its cells.
LABELS = {name: label for family in FAMILIES.values() for name, label in family.labels.items()}
FILLINGS = {name: family.filling for family in FAMILIES.values() for name in family.labels}


def expanded(names: Iterable[str]) -> list[str]:
    """Return metrics in which the members of a family stand in the place of its name.

    Raises:
        ValueError: a name is that of no metric, no family, and nothing that runs record.
    """
    found: list[str] = []
    for name in names:
        if name not in FAMILIES and name not in LABELS and not name.startswith(RECORDED):
            raise ValueError(f"unknown metric '{name}'.{nearest(name, [*FAMILIES, *LABELS])}")
        found += FAMILIES[name].labels if name in FAMILIES else [name]
    return found


def filling_of(metrics: Iterable[str]) -> Filling:
    """Return what fills a table of these metrics; one without any shows F1.

    Raises:
        ValueError: they are filled in different ways.
    """
    found = {FILLINGS.get(metric, "grid") for metric in metrics} or {"grid"}
    if len(found) > 1:
        raise ValueError(f"metrics of {' and '.join(sorted(found))} cannot share a table")
    return found.pop()
