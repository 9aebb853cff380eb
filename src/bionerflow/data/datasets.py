"""Corpora and predictions as Hugging Face datasets: features, a dataset card, an upload."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from datasets import Dataset, DatasetDict, DatasetInfo, Features
from datasets.table import InMemoryTable
from huggingface_hub import DatasetCard, DatasetCardData, HfApi

from bionerflow.data.schema import EXAMPLES, PREDICTIONS, read_table
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_text

SPLITS = ("train", "dev", "test")
CARD = """\
# {title}

{description}

| split | texts | entities |
|---|---|---|
{rows}

Offsets (`entities[].spans[].start`, `end`) are half-open and count Unicode code points of `text`.
An entity with several spans is discontinuous; one inside another is nested. `entities[].text` is
the covered text, its fragments joined by one space.
"""


def corpus_dataset(folder: str | Path) -> DatasetDict:
    """Return a corpus of `results/corpora` with the splits that it has.

    Raises:
        UserError: there is no split in the folder, or one has another schema.
    """
    files = {split: Path(folder, f"{split}.parquet") for split in SPLITS}
    found = {split: _read(path, EXAMPLES) for split, path in files.items() if path.is_file()}
    if not found:
        raise UserError(f"There is no corpus in {folder}: name a folder of results/corpora.")
    return DatasetDict(found)


def predictions_dataset(path: str | Path) -> DatasetDict:
    """Return the predictions of a run, a file of `results/predict`, as the split `test`."""
    if not Path(path).is_file():
        raise UserError(f"There are no predictions at {path}: name a file of results/predict.")
    return DatasetDict({"test": _read(Path(path), PREDICTIONS)})


def _read(path: Path, schema: pa.Schema) -> Dataset:
    table = read_table(path, schema)
    info = DatasetInfo(features=Features.from_arrow_schema(schema))
    return Dataset(InMemoryTable(table), info=info)


def card(
    dataset: DatasetDict, title: str, description: str, language: list[str], licence: str
) -> DatasetCard:
    """Return the dataset card, with what the Hub needs to load the files that `save` writes.

    Args:
        dataset: What is described.
        title: Its name.
        description: Where it comes from, with its citation.
        language: Codes of ISO 639.
        licence: An identifier of the Hub, or "other", in which case `description` says which.
    """
    files = [{"split": split, "path": f"data/{split}.parquet"} for split in dataset]
    data = DatasetCardData(
        pretty_name=title,
        language=language,
        license=licence,
        task_categories=["token-classification"],
        configs=[{"config_name": "default", "data_files": files}],
    )
    rows = "\n".join(
        f"| {split} | {len(its)} | {sum(map(len, its['entities']))} |"
        for split, its in dataset.items()
    )
    body = CARD.format(title=title, description=description, rows=rows)
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{body}")


def save(dataset: DatasetDict, described: DatasetCard, folder: str | Path) -> None:
    """Write a dataset as Parquet and its card; `datasets.load_dataset(folder)` reads it."""
    for split, its in dataset.items():
        path = Path(folder, "data", f"{split}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        its.to_parquet(path)
    write_text(Path(folder, "README.md"), str(described))


def push(folder: str | Path, name: str, private: bool = True, api: HfApi | None = None) -> None:
    """Upload a folder that `save` wrote to the Hub, as the dataset `name` (OWNER/DATASET).

    Check the licence of the corpus first: many forbid redistribution.
    """
    api = api or HfApi()
    api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
    api.upload_folder(repo_id=name, folder_path=folder, repo_type="dataset")


def export(
    source: str | Path, folder: str | Path, about: Mapping[str, str], language: list[str]
) -> DatasetDict:
    """Write a corpus's folder or a file of predictions as a dataset with its card.

    Args:
        source: A folder of `results/corpora`, or a file of `results/predict`.
        folder: Where the dataset is written.
        about: `title`, `description` and `licence` of the card.
        language: Codes of ISO 639.
    """
    is_corpus = Path(source).is_dir()
    dataset = corpus_dataset(source) if is_corpus else predictions_dataset(source)
    described = card(dataset, about["title"], about["description"], language, about["licence"])
    save(dataset, described, folder)
    return dataset
