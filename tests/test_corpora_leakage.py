"""The leakage table."""

import pandas as pd

from bionerflow.config.tables import Titled
from bionerflow.corpora.leakage import leakage
from bionerflow.data.schema import Example, read_card, write_examples
from bionerflow.tables.leakage import write_leakage
from bionerflow.utils.environment import commit


def write(folder, corpus, split, *sentences):
    examples = [
        Example(f"{doc_id}:{n}", doc_id, "en", text, ())
        for n, (doc_id, text) in enumerate(sentences)
    ]
    write_examples(folder / corpus / f"{split}.parquet", examples)


def test_sentences_are_compared_without_space_and_documents_by_pubmed_id(tmp_path):
    shared = "Selegiline-induced hypotension in Parkinson's disease."
    write(tmp_path, "raw", "train", ("10192393", shared), ("10192393", "Results."))
    write(tmp_path, "raw", "test")
    write(tmp_path, "original", "train")
    write(tmp_path, "original", "test", ("P010192393", "Another sentence of it."), ("P77777", "No"))
    write(tmp_path, "iob", "train", ("train-0", "Quite another sentence here"))
    tokens = "Selegiline - induced hypotension in Parkinson ' s disease ."
    write(tmp_path, "iob", "test", ("test-0", tokens), ("test-1", "Results ."))
    corpora = {"raw": "", "original": "", "iob": "", "lost": "left out, by hand"}
    titled = Titled(title="T", caption="C")
    write_leakage(tmp_path / "leakage.csv", leakage(corpora, tmp_path), titled, tmp_path)
    counts = pd.read_csv(tmp_path / "leakage.long.csv", dtype=str, keep_default_na=False)
    train = read_card(tmp_path / "raw" / "train.parquet")["sha256"]
    test = read_card(tmp_path / "iob" / "test.parquet")["sha256"]
    hashes = counts.pop("corpus_hash").tolist()
    assert hashes[2] == f"raw/train:{train[:12]} iob/test:{test[:12]}"
    assert counts.pop("commit").tolist() == [commit()] * 4 + [""]
    assert counts.pop("environment_hash").astype(bool).tolist() == [True] * 4 + [False]
    assert hashes[-1] == ""
    assert counts.to_csv(index=False).splitlines() == [
        "train_corpus,test_corpus,test_sentences,shared_sentences,test_documents,shared_documents,reason",
        "iob,iob,1,0,,,",
        "iob,original,1,0,,,",
        "raw,iob,1,1,,,",
        "raw,original,1,0,2,1,",
        'lost,lost,,,,,"left out, by hand"',
    ]
    assert (tmp_path / "leakage.csv").read_text().splitlines() == [
        ",iob,raw,not counted",
        "iob,0,100.0,",
        "original,0,0,",
        'lost,,,"left out, by hand"',
    ]
    assert "| iob | 0 | 100.0 |  |" in (tmp_path / "leakage.md").read_text()
