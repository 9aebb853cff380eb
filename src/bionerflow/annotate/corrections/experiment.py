"""What compares runs before and after corrections: configurations, models, tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bionerflow.annotate.corrections.version import parted
from bionerflow.config.base import load, parse
from bionerflow.config.corpora import CorpusSettings, load_corpora
from bionerflow.config.experiments import Experiment
from bionerflow.config.models import Models, known_models
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.files import write_text

CAPTION = """\
Strict micro scores over typed character spans on the test set of {corpus}, which no version of the
corpus is trained on. A configuration that ends in {version} is trained on the corrections, too{on}.
"""
TRAINED_ON = ", and the one that ends in -on began with the run {run}"


class Setup(NamedTuple):
    """A configuration that a corpus is trained with: its values, experiment and corpora."""

    config: dict[str, Any]
    paper: str
    experiment: Experiment
    corpora: dict[str, CorpusSettings]


def read_setup(path: Path) -> Setup:
    """Read a configuration, such as `new-corpus` writes it, with the files that it names.

    Raises:
        UserError: it is not there, has not one experiment, or names what is not there.
    """
    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no configuration file {path}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("experiments"), dict):
        raise UserError(f"{path} names no experiment: give the config.yaml of `new-corpus`.")
    experiments = config["experiments"]
    paper = config.get("primary_paper") or next(iter(experiments))
    if paper not in experiments:
        raise UserError(f"{path}: there is no experiment '{paper}'.{nearest(paper, experiments)}")
    said = experiments[paper]
    experiment = load(Experiment, said) if isinstance(said, str) else parse(Experiment, said, paper)
    corpora = load_corpora(config.get("corpora", "config/corpora.yaml"))
    return Setup(config, paper, experiment, corpora)


def newest(setup: Setup, corpus: str | None) -> str:
    """Return the corpus that is corrected: the given one, or the newest version of the only one.

    Raises:
        UserError: there are several, or there is none of this name.
    """
    trained = [c for n in setup.experiment.configurations for c in setup.experiment.trained_on(n)]
    names = list(dict.fromkeys([*setup.experiment.corpora, *trained]))
    if corpus is None and len({parted(name)[0] for name in names}) > 1:
        raise UserError(f"Name the corpus that was corrected by --corpus: {', '.join(names)}.")
    corpus = corpus or max(names, key=lambda name: parted(name)[1])
    if corpus not in names:
        raise UserError(f"The experiment has no corpus '{corpus}'.{nearest(corpus, names)}")
    return corpus


def write_setup(
    setup: Setup, corpus: str, name: str, entry: Mapping[str, Any], out: Path, run: str | None
) -> list[str]:
    """Write the configuration of a new version into `out`; return its configurations.

    Runs on the earlier version keep their ids, so that they are not trained again.

    Args:
        setup: What the earlier version was trained with.
        corpus: The earlier version.
        name: The new version.
        entry: Its entry.
        out: The folder of the new version.
        run: A run that is trained on, whose model lies in `out`/model, if any.
    """
    before = [
        n for n in setup.experiment.configurations if corpus in setup.experiment.trained_on(n)
    ]
    added = configurations(setup.experiment, before, corpus, name, run)
    experiment = setup.experiment.model_dump(mode="json", exclude_defaults=True)
    experiment["configurations"] |= added
    used = setup.experiment.with_unseen().corpora
    entries = {
        one: setup.corpora[one].model_dump(mode="json", exclude_defaults=True) for one in used
    }
    config = {**setup.config, "corpora": f"{out}/corpora.yaml", "tables": f"{out}/tables.yaml"}
    config["experiments"] = {setup.paper: f"{out}/experiment.yaml"}
    files: dict[str, Any] = {
        "corpora.yaml": {"corpora": {**entries, name: dict(entry)}},
        "experiment.yaml": experiment,
        "tables.yaml": tables(setup, [*before, *added], parted(corpus)[0], name, run),
    }
    if run:
        config["own_models"] = {**config.get("own_models", {}), trained(name): start(setup, out)}
    for file, value in {**files, "config.yaml": config}.items():
        write_text(out / file, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    return list(added)


def configurations(
    experiment: Experiment, before: list[str], corpus: str, name: str, run: str | None
) -> dict[str, Any]:
    """Return the configurations that are trained on a new version, tested on the first one too."""
    version, first = f"v{parted(name)[1]}", parted(corpus)[0]
    added: dict[str, Any] = {}
    for configuration in before:
        change = experiment.configurations[configuration].model_dump(exclude_defaults=True)
        trained_on = experiment.trained_on(configuration)
        change["corpora"] = [name if one == corpus else one for one in trained_on]
        change["unseen"] = list(dict.fromkeys([*change.get("unseen", []), first]))
        predict = change.get("predict", {})
        limits = {**experiment.base.predict.limits, **predict.get("limits", {}), name: 1}
        change["predict"] = {**predict, "limits": limits}  # its test set is that of `first`
        key = f"{parted(configuration)[0]}-{version}"
        added[key] = change
        if run:
            added[f"{key}-on"] = {**change, "models": [trained(name)]}
    return added


def trained(name: str) -> str:
    """Return what a model is called that a new version is trained on with."""
    return f"{name}-start"


def start(setup: Setup, out: Path) -> dict[str, Any]:
    """Return the entry of the model in `out`/model, which is like the experiment's first."""
    file, own = setup.config.get("models"), {"models": setup.config.get("own_models", {})}
    known = load(Models, file).models if file else known_models()
    base = (known | parse(Models, own, "own_models").models)[setup.experiment.models[0]]
    resources = base.resources.model_dump(exclude_defaults=True)
    entry = {"source": "local", "path": f"{out}/model", "licence": base.licence}
    return {**entry, "resources": resources}


def tables(
    setup: Setup, shown: list[str], first: str, name: str, run: str | None
) -> dict[str, Any]:
    """Return the tables: scores before and after, and whether neighbouring rows differ."""
    on = TRAINED_ON.format(run=run) if run else ""
    texts = {"caption": CAPTION.format(corpus=first, version=f"-v{parted(name)[1]}", on=on)}
    from_base = [one for one in shown if not one.endswith("-on")]
    rows: list[dict[str, Any]] = [
        {"configuration": from_base, "model": setup.experiment.models},
        {"configuration": [one for one in shown if one.endswith("-on")], "model": [trained(name)]},
    ]
    common = {**texts, "where": {"corpus": first}, "unit": "fraction"}
    scores: dict[str, Any] = {
        "title": "Before and after corrections",
        "rows": rows if run else rows[:1],
        "columns": {"metric": ["precision", "recall", "f1"]},
    }
    tested: dict[str, Any] = {
        "title": "Differences by corrections",
        "rows": {"configuration": from_base},
        "columns": {"metric": ["significance"]},
    }
    return {
        "tables": {
            f"{setup.paper}/corrections": scores | common,
            f"{setup.paper}/corrections_significance": tested | common,
        },
    }
