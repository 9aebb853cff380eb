"""Normalisation, splits, downloads and settings of the stage `corpora`."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from counting import COUNTED
from reading import read

from bionerflow.config.base import parse
from bionerflow.config.corpora import SPLITS, CorpusSettings, Part, load_corpora
from bionerflow.corpora import download
from bionerflow.corpora.archives import gunzip, members
from bionerflow.corpora.download import fetch, git_blob
from bionerflow.corpora.normalise import normalise
from bionerflow.corpora.report import apart, overlaps
from bionerflow.corpora.splits import divide
from bionerflow.data.schema import Entity, Example, read_card, read_examples
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

ROOT = Path(__file__).parent.parent
TSV = "the\tO\np53\tB-G\n\nacute\tB-D\npain\tI-D\n\nnone\tO\n"


def settings(**changes) -> CorpusSettings:
    entry = {
        "title": "toy",
        "language": "en",
        "dataset": "Toy",
        "types": ["Gene", "Disease"],
        "type_map": {"G": "Gene", "D*": "Disease"},
        "licence": "CC0",
        "citation": "Nobody 2026",
        "reader": "iob",
        "files": {"a.tsv": {}},
        "splits": [{"files": ["a.tsv"], "into": {"train": 1, "dev": 1, "test": 1}}],
    }
    return parse(CorpusSettings, entry | changes, "toy")


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.tsv").write_text(TSV)
    return tmp_path / "raw"


def test_normalise_writes_splits_cards_and_report(raw, tmp_path):
    normalise("toy", settings(), raw, tmp_path / "out")
    assert list(read_examples(tmp_path / "out" / "dev.parquet")) == [
        Example("a-1:0", "a-1", "en", "acute pain", (Entity("Disease", ((0, 10),), "acute pain"),))
    ]
    assert read_card(tmp_path / "out" / "train.parquet")["types"] == {"Gene": 1}
    report = read_json(tmp_path / "out" / "report.json")
    assert (report["mentions"], report["entities"], report["lost"]) == (2, 2, 0)
    assert report["sources"]["a.tsv"]["sha256"] == hashlib.sha256(TSV.encode()).hexdigest()


def test_types_left_out_are_counted_and_unknown_ones_are_listed(raw, tmp_path):
    normalise("toy", settings(type_map={}, leave_out=["D*"]), raw, tmp_path / "out")
    report = read_json(tmp_path / "out" / "report.json")
    assert report["left_out_by_raw_type"] == {"D": 1}
    assert report["findings"]["unknown_type"] == {
        "count": 1,
        "lost": 1,
        "mentions": ["a-0:0: G 'p53'"],
    }
    assert report["mentions"] == report["entities"] + report["left_out"] + report["lost"]


def test_data_that_contradict_the_settings_are_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tB-G\tB-D\nb\tO\tI-D\n")
    toy = settings(options={"layers": [1, 2]}, splits=[{"files": ["a.tsv"], "into": "train"}])
    with pytest.raises(UserError, match="toy has 1 overlapping entities: set `nested: true`"):
        normalise("toy", toy, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out" / "train.parquet").exists()
    with_nested = toy.model_copy(update={"nested": True})
    normalise("toy", with_nested, tmp_path, tmp_path / "out")
    assert read_card(tmp_path / "out" / "train.parquet")["nested"] == 1
    assert read_card(tmp_path / "out" / "dev.parquet")["rows"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "bart"}, "no reader 'bart'. Did you mean 'brat'"),
        ({"options": {"join": "x"}}, "no option 'join'. Did you mean 'joiner'"),
        ({"splits": [{"files": ["a.tsv"], "into": {"train": 9}}]}, "the files have 3 sentences"),
    ],
)
def test_wrong_settings_are_explained(raw, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        normalise("toy", settings(**change), raw, tmp_path / "out")


def test_missing_raw_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.tsv is missing"):
        normalise("toy", settings(), tmp_path, tmp_path / "out")


def test_unknown_key_names_the_nearest():
    with pytest.raises(UserError, match=r"unknown key 'licens'\. Did you mean 'licence'"):
        settings(licens="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"splits": [{"files": ["b.tsv"], "into": "train"}]}, r"not under files: \['b.tsv'\]"),
        ({"type_map": {"G": "Protein"}}, r"not under types: \['Protein'\]"),
        ({"files": {"a.tsv": {"url": "http://x.org/a"}}}, "files.a.tsv.url"),
        (
            {"splits": [{"files": ["a.tsv"], "into": {"train": 0.5, "test": 0.3}}]},
            "the shares make 0.8, not 1",
        ),
    ],
)
def test_settings_that_contradict_themselves(change, message):
    with pytest.raises(UserError, match=message):
        settings(**change)


def entity(start: int, end: int) -> Entity:
    return Entity.at("X", [(start, end)], "")


def test_counts_of_overlapping_entities():
    entities = [entity(0, 9), entity(2, 4), entity(2, 4), entity(3, 12), entity(20, 21)]
    assert overlaps(entities) == {"nested": 2, "overlapping": 1, "same_extent": 1}


def test_entities_that_are_apart_do_not_overlap():
    extents = [entity(start, end) for start in range(4) for end in range(start + 1, 5)]
    none = {"nested": 0, "overlapping": 0, "same_extent": 0}
    for one in extents:
        for other in extents:
            ordered = sorted([one, other], key=lambda e: (e.start, -e.end))
            assert apart(ordered) == (overlaps(ordered) == none)


def examples(*documents: str) -> list[Example]:
    return [Example(f"{d}:{n}", d, "en", str(n), ()) for n, d in enumerate(documents)]


def texts(splits) -> dict[str, list[str]]:
    return {split: [example.text for example in found] for split, found in splits.items()}


def divided(found: list[Example], recipe: Part) -> dict[str, list[Example]]:
    splits: dict[str, list[Example]] = {}
    for split, example in divide("c", recipe, found, lambda: (e.doc_id for e in found)):
        splits.setdefault(split, []).append(example)
    return splits


def part(**keys) -> Part:
    return Part(files=["a"], **keys)


def test_file_order_counts():
    splits = divided(examples("a", "a", "b"), part(into={"train": 1, "test": 2}))
    assert texts(splits) == {"train": ["0"], "test": ["1", "2"]}


def test_random_split_keeps_documents_whole_and_counts_exact():
    found = examples(*(f"d{n // 2}" if n < 20 else f"s{n}" for n in range(30)))
    recipe = {"into": {"train": 21, "dev": 5, "test": 4}, "order": "random"}
    splits = divided(found, part(**recipe, seed=1))
    assert {split: len(chosen) for split, chosen in splits.items()} == recipe["into"]
    homes = [{example.doc_id for example in chosen} for chosen in splits.values()]
    assert sum(map(len, homes)) == len(set.union(*homes)) == 20
    assert texts(splits) == texts(divided(found, part(**recipe, seed=1)))
    assert texts(splits) != texts(divided(found, part(**recipe, seed=2)))


def test_random_split_by_shares_of_documents():
    into = {"train": 0.7, "dev": 0.15, "test": 0.15}
    splits = divided(examples(*map(str, range(20))), part(into=into, order="random"))
    assert {split: len(chosen) for split, chosen in splits.items()} == {
        "train": 14,
        "dev": 3,
        "test": 3,
    }


def test_split_that_whole_documents_cannot_make():
    with pytest.raises(UserError, match="no whole documents make 1 sentences of train"):
        divided(examples("a", "a"), part(into={"train": 1, "test": 1}, order="random"))


CONTENT = b"p53\tB-G\n"


def entry(**keys) -> dict[str, str]:
    base = {"corpus": "toy", "file": "a.tsv", "licence": "CC0", "page": "https://x.org/toy"}
    return base | {"sha256": hashlib.sha256(CONTENT).hexdigest()} | keys


def packed(content: bytes, member: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.mark.parametrize("name", ["toy/a.tsv", "toy/a.tsv.gz", "other/b.tsv"])
def test_mirror_is_used_first_by_path_or_checksum(tmp_path, name):
    file = tmp_path / "mirror" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(CONTENT) if name.endswith("gz") else CONTENT)
    (tmp_path / "mirror" / "MANIFEST.tsv").write_text(
        f"path\tsha256\n{name}\t{entry()['sha256']}\n"
    )
    fetch(entry(mirror="toy/a.tsv", url="https://invalid./"), tmp_path / "out", tmp_path / "mirror")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert (tmp_path / "out.sha256").read_text() == f"{entry()['sha256']}\n"


def test_file_packed_anew_by_the_mirror_is_known_by_its_own_checksum(tmp_path):
    stored = gzip.compress(CONTENT)
    (tmp_path / "a.tsv.gz").write_bytes(stored)
    own = entry(sha256="0" * 64, mirror_sha256=hashlib.sha256(stored).hexdigest(), member="x/a.tsv")
    fetch(own | {"mirror": "a.tsv"}, tmp_path / "out", tmp_path)
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_altered_file_is_refused_and_nothing_is_left(tmp_path):
    (tmp_path / "a.tsv").write_bytes(CONTENT + b"x")
    with pytest.raises(UserError) as error:
        fetch(entry(mirror="a.tsv"), tmp_path / "out" / "a.tsv", tmp_path)
    for words in ("toy, a.tsv", "not the expected file", "https://x.org/toy", "licence: CC0"):
        assert words in str(error.value)
    assert not (tmp_path / "out").exists()


def test_file_behind_a_registration_is_explained(tmp_path):
    with pytest.raises(
        UserError, match=r"cannot be fetched by a script. Get it from https://x.org"
    ):
        fetch(entry(), tmp_path / "out")


def test_manifest_does_not_lead_out_of_the_mirror(tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "MANIFEST.tsv").write_text(
        f"path\tsha256\n../secret\t{entry()['sha256']}\n"
    )
    with pytest.raises(UserError, match="cannot be fetched"):
        fetch(entry(), tmp_path / "out", tmp_path / "mirror")


def test_own_copy_comes_first(tmp_path):
    (tmp_path / "mine").write_bytes(packed(CONTENT, "x/a.tsv"))
    own = {key: value for key, value in entry().items() if key != "sha256"}
    fetch(own | {"local": str(tmp_path / "mine"), "member": "x/a.tsv"}, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    with pytest.raises(UserError, match="there is no file"):
        fetch(own | {"local": str(tmp_path / "nowhere")}, tmp_path / "out2")


def test_download_is_verified_by_git_blob_and_unpacked(tmp_path, monkeypatch):
    served = packed(CONTENT, "x/a.tsv")
    monkeypatch.setattr(download, "download", lambda entry: served)
    own = entry(url="https://x.org/a.tgz", git_blob=git_blob(served), member="x/a.tsv")
    del own["sha256"]
    fetch(own, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    with pytest.raises(UserError, match="altered"):
        fetch(own | {"git_blob": "0" * 40}, tmp_path / "out2")


def test_a_hard_link_in_an_archive_has_the_content_of_what_it_is_a_name_of():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = len(CONTENT)
        archive.addfile(info, io.BytesIO(CONTENT))
        link = tarfile.TarInfo("b.txt")
        link.type, link.linkname = tarfile.LNKTYPE, "a.txt"
        archive.addfile(link)
    assert members("x.tar", data.getvalue()) == {"a.txt": CONTENT, "b.txt": CONTENT}


def test_git_blob_is_that_of_git():
    assert git_blob(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_configuration_names_only_checksums_of_the_mirror(corpora_mirror):
    known = {
        field
        for table in ("UPSTREAM.tsv", "MANIFEST.tsv")
        for line in (corpora_mirror / table).read_text().splitlines()
        for field in line.split("\t")
    }
    corpora = load_corpora(ROOT / "config" / "corpora.yaml")
    for corpus in corpora.values():
        for source in corpus.files.values():
            checks = {source.sha256, source.git_blob, source.mirror_sha256} - {None}
            assert checks <= known
            assert not checks or not source.url or source.url in known


def test_extra_entries_read_files_of_their_form(tmp_path):
    corpora = load_corpora(ROOT / "config" / "corpora.yaml")
    tokens = (
        "-DOCSTART-\tO\n\nIL-2\tB-DNA\ngene\tI-DNA\n\nT\tB-cell_type\n\n-DOCSTART-\tO\n\nNo\tO\n"
    )
    for name in corpora["jnlpba"].files:
        (tmp_path / name).write_text(tokens)
    normalise("jnlpba", corpora["jnlpba"], tmp_path, tmp_path / "jnlpba")
    found = list(read_examples(tmp_path / "jnlpba" / "test.parquet"))
    assert [example.doc_id for example in found] == ["test-0", "test-0", "test-1"]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for trial in range(20):
            for kind in ("inc", "exc"):
                stem = f"chia/NCT{trial:08}_{kind}"
                archive.writestr(f"{stem}.txt", "Adults with severe pain\nNo fever\n")
                archive.writestr(f"{stem}.ann", CRITERIA)
    (tmp_path / "chia_without_scope.zip").write_bytes(data.getvalue())
    normalise("chia", corpora["chia"], tmp_path, tmp_path / "chia")
    report = read_json(tmp_path / "chia" / "report.json")
    assert (report["mentions"], report["entities"], report["left_out"]) == (160, 120, 40)
    assert [report["splits"][split]["documents"] for split in SPLITS] == [14, 3, 3]
    assert report["splits"]["test"]["discontinuous"] == 6


CRITERIA = (
    "T1\tPerson 0 6\tAdults\nT2\tCondition 12 23\tsevere pain\n"
    "T3\tCondition 0 6;19 23\tAdults pain\nT4\tParsing_Error 24 26\tNo\n"
)


#: Sentences and entities of train, dev and test as the mirror's README counts them, mentions
#: lost, and sentences joined because an entity goes through their border.
COUNTS = {
    "anatem": ([5861, 2118, 3830], [6946, 2139, 4616], 0, 0),
    "bc2gm": ([12574, 2519, 5038], [15197, 3061, 6325], 0, 0),
    "bc2gm_original": ([12500, 2500, 0], [15204 - 1, 3061, 0], 1, 0),
    "bc5cdr": ([4560, 4581, 4797], [9385, 9593, 9809], 0, 0),
    "bc5cdr_chem": ([4560, 4581, 4797], [5203, 5347, 5385], 0, 0),
    "bc5cdr_disease": ([4560, 4581, 4797], [4182, 4246, 4424], 0, 0),
    "bc5cdr_pubtator": (None, [9385, 9591, 9809], 0, None),
    "bc5cdr_chem_train_dev": ([4560 + 4581, 0, 4797], [5203 + 5347, 0, 5385], 0, 0),
    "biored": (None, [13351, 3533, 3535], 0, None),
    "ccks2019_as": ([4948, 1273, 2035], [6667, 1758 + 1, 3094], 0, 0),
    "chemdner": ([30753 - 1, 30769 - 1, 26436], [29478, 29526, 25351 - 4], 4, 2),
    "cmeee_v1": ([15000, 5000, 0], [61796 - 2, 20300, 0], 2, 0),
    "cmeee_v2_dev": ([4000, 500, 500], 26081, 0, 0),
    "genia": ([15023, 1669, 1854], [46164, 4371, 5511], 33, 0),
    "genia_train_dev": ([16692, 0, 1854], [46164 + 4371, 0, 5511], 33, 0),
    "ncbi_disease": ([5432, 923, 940], [5145, 787, 960], 0, 0),
    "ncbi_disease_once": ([5424, 923, 940], [5134, 787, 960], 0, 0),
    "ncbi_disease_train_dev": ([5424 + 923, 0, 940], [5134 + 787, 0, 960], 0, 0),
    "ncbi_disease_pubtator": (None, [5145, 787, 960], 0, None),
    "nlm_chem": (None, [0, 0, 11772], 0, None),
    "nlm_gene": (None, [11224, 0, 2365], 10, None),
    "pgxcorpus": ([661, 142, 142], 6761, 0, 0),
}

#: Reasons and how often they must be found.
REASONS = {
    "bc2gm_original": {"text_differs": 1},
    "ccks2019_as": {"inside_without_begin": 2, "white_space_at_edge": 108},
    "chemdner": {"empty_span": 4},
    "cmeee_v1": {"empty_span": 2},
    "genia": {"duplicate": 33},
    "genia_train_dev": {"duplicate": 33},
    "ncbi_disease_pubtator": {"white_space_differs": 1},
    "nlm_gene": {"text_differs": 10, "spelled_otherwise": 1},
    "pgxcorpus": {
        "fragments_joined": 2,
        "fragments_out_of_order": 117,
        "white_space_differs": 3423,
    },
}


@pytest.mark.parametrize("corpus", COUNTS)
def test_real_corpus_is_exact(corpus, corpora_mirror, tmp_path):
    entry = load_corpora(ROOT / "config" / "corpora.yaml")[corpus]
    for name in entry.files:
        fetch(entry.entry(name), tmp_path / "raw" / name, corpora_mirror)
    normalise(corpus, entry, tmp_path / "raw", tmp_path / "out")
    report = read_json(tmp_path / "out" / "report.json")
    raw = [(tmp_path / "raw" / name).read_bytes() for name in entry.files]
    assert report["mentions"] == sum(map(COUNTED[entry.reader], raw))
    sentences, entities, lost, joined = COUNTS[corpus]
    splits = [report["splits"][split] for split in SPLITS]
    if sentences:
        assert [split["sentences"] for split in splits] == sentences
        assert report["joined_sentences"] == joined
    counted = [split["entities"] for split in splits]
    assert (counted if isinstance(entities, list) else sum(counted)) == entities
    assert report["lost"] == lost
    assert report["mentions"] == report["entities"] + report["left_out"] + lost
    found = {reason: row["count"] for reason, row in report["findings"].items()}
    assert found == REASONS.get(corpus, {})
    ids = set()
    for split in SPLITS:
        for example in read_examples(tmp_path / "out" / f"{split}.parquet"):
            ids.add(example.id)
            for entity in example.entities:
                assert entity == Entity.at(entity.type, entity.spans, example.text)
                assert entity.type in entry.types
    assert len(ids) == sum(split["sentences"] for split in splits)


BC2GM = "bc2gm/original/train"
#: Raw files without an entry of their own: reader, options, files, mentions, lost.
RAW = [
    ("pubtator", {}, ["messy_pubtator/GNormPlus_Test.PubTator"], 4849, 3),
    ("pubtator", {}, ["messy_pubtator/tmVar3_Test.PubTator"], 4625, 0),
    ("pubtator", {}, ["bc5cdr/pubtator/CDR_sample.txt"], 925, 0),
    ("bioc", {}, ["biored/Dev.BioC.JSON"], 3533, 0),
    ("bioc", {}, ["biored/Test.BioC.XML.gz"], 3535, 0),
    ("brat", {}, ["anatem/brat.tar.gz"], 13701, 0),
    ("brat", {}, ["ncbi_disease/brat.tar.gz"], 6892, 0),
    ("iob", {"layers": [1, 2, 3, 4]}, ["genia/iob2_nested/genia.dev.iob2"], 4337, 0),
    ("bc2gm", {}, [f"{BC2GM}/train.in.gz", f"{BC2GM}/ALTGENE.eval"], 12162, 3),
    ("cmeee", {}, ["cmeee/v2/CMeEE-V2_test.json"], 0, 0),
]


@pytest.mark.parametrize(("reader", "options", "names", "mentions", "lost"), RAW)
def test_other_raw_files_are_exact(reader, options, names, mentions, lost, corpora_mirror):
    files = {name: (corpora_mirror / name).read_bytes() for name in names}
    if reader != "brat":
        files = {name.removesuffix(".gz"): gunzip(name, data) for name, data in files.items()}
    assert sum(map(COUNTED[reader], files.values())) == mentions
    reading = read(reader, files, **options)
    assert reading.mentions.total() == mentions
    assert sum(finding.lost for finding in reading.findings) == lost


def test_bioc_and_pubtator_of_one_corpus_agree(corpora_mirror):
    bioc = read("bioc", {"a": (corpora_mirror / "biored" / "Dev.BioC.JSON").read_bytes()})
    pubtator = read("pubtator", {"a": (corpora_mirror / "biored" / "Dev.PubTator").read_bytes()})

    def plain(reading):
        return {(d.id, d.text, tuple(sorted(d.entities))) for d in reading.documents}

    assert plain(bioc) == plain(pubtator)


def test_cadec_entry_reads_posts_of_its_form(tmp_path):
    posts = {f"P.{n}": ("Muscle\nache. Arm hurts!\n", ANN) for n in range(20)}
    posts["P.empty"] = ("", "")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for post, (text, annotations) in posts.items():
            archive.writestr(f"cadec/text/{post}.txt", text)
            archive.writestr(f"cadec/original/{post}.ann", annotations)
            archive.writestr(f"cadec/sct/{post}.ann", "TT1\t1 | x | 0 4\tMusc\n")
    (tmp_path / "CADEC.v2.zip").write_bytes(data.getvalue())
    entry = load_corpora(ROOT / "config" / "corpora.yaml")["cadec"]
    normalise("cadec", entry, tmp_path, tmp_path / "out")
    report = read_json(tmp_path / "out" / "report.json")
    assert [report["splits"][split]["sentences"] for split in SPLITS] == [28, 6, 6]
    assert (report["mentions"], report["entities"], report["lost"]) == (60, 40, 20)
    assert {reason: row["count"] for reason, row in report["findings"].items()} == {
        "fragments_joined": 20,
        "fragments_out_of_order": 20,
        "text_differs": 20,
    }
    first, second = list(read_examples(tmp_path / "out" / "test.parquet"))[:2]
    assert (first.text, second.text) == ("Muscle\nache.", "Arm hurts!")
    assert first.entities == (Entity.at("ADR", [(0, 11)], first.text),)
    assert second.entities == (Entity.at("Symptom", [(0, 2), (4, 9)], second.text),)


#: A mention over a line break, fragments out of order, a corrected spelling, a note.
ANN = (
    "T1\tADR 0 6;7 11\tMuscle ache\nT2\tSymptom 17 22;13 15\thurts Ar\n"
    "T3\tADR 13 16\tArms\n#1\tAnnotatorNotes T1\tno\n"
)
