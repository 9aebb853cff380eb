"""Reader after writer is the identity; broken files give an error or a listed mention."""

import re
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import Read, read

from bionerflow.corpora.documents import Document
from bionerflow.corpora.writers import WRITERS
from bionerflow.data.schema import Entity, Span
from bionerflow.utils.errors import UserError

#: Letters, marks of the forms, non-BMP, combining, right-to-left and direction marks.
CHARACTERS = "aZ09 .,;|<>&\"'@#[]𠮷🧬e\u0301n\u0303סרטןالورم\u200f\u202eβ′-"
LINES = CHARACTERS + "\n"
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def entities(draw, text: str, fragments: int) -> Entity:
    """Nested, overlapping and, with more than one fragment, discontinuous entities."""
    count = draw(st.integers(1, fragments))
    cuts = st.lists(st.integers(0, len(text)), min_size=2 * count, max_size=2 * count, unique=True)
    if len(text) + 1 < 2 * count:
        cuts = st.just([0, len(text)])
    ends = sorted(draw(cuts))
    spans = list(zip(ends[::2], ends[1::2], strict=True))
    return Entity.at(draw(st.sampled_from(["Gene", "Disease"])), spans, text)


def is_tidy(entity: Entity, text: str) -> bool:
    """Tell whether no white space is at the edges of fragments, or stands alone between them."""
    pieces = [text[start:end] for start, end in entity.spans]
    gaps = [text[one.end : other.start] for one, other in pairwise(entity.spans)]
    return all(piece == piece.strip() for piece in pieces) and all(map(str.strip, gaps))


@st.composite
def documents(draw, characters: str = LINES, fragments: int = 3) -> list[Document]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        text = draw(st.text(st.sampled_from(characters), min_size=1, max_size=40))
        drawn = draw(st.lists(entities(text, fragments), max_size=5))
        kept = tuple(entity for entity in drawn if is_tidy(entity, text))
        found.append(Document(f"d{number}", text, kept))
    return found


@st.composite
def token_documents(draw) -> list[Document]:
    found = []
    token = st.text(st.sampled_from(CHARACTERS.replace(" ", "")), min_size=1, max_size=5)
    for number in range(draw(st.integers(1, 3))):
        tokens = draw(st.lists(token, min_size=1, max_size=8))
        text, kept, at = " ".join(tokens), [], 0
        while at < len(tokens):
            size = draw(st.integers(1, 3))
            start = len(" ".join([*tokens[:at], ""]))
            end = start + len(" ".join(tokens[at : at + size]))
            if draw(st.booleans()):
                kept.append(Entity.at("Gene", [(start, end)], text))
            at += size
        whole = (Span(0, len(text)),)
        found.append(Document(f"corpus-{number}", text, tuple(kept), whole))
    return found


def read_back(form: str, reader: str, written: list[Document]) -> Read:
    reading = read(reader, WRITERS[form](written))
    assert reading.mentions.total() == sum(len(document.entities) for document in written)
    assert not any(finding.lost for finding in reading.findings)
    return reading


@FAST
@given(documents())
@pytest.mark.parametrize("form", ["brat", "bioc_json", "bioc_xml"])
def test_standoff_forms(form, written):
    assert read_back(form, form.split("_")[0], written).documents == written


@FAST
@given(documents(CHARACTERS, fragments=1))
def test_pubtator(written):
    assert read_back("pubtator", "pubtator", written).documents == written


@FAST
@given(documents())
def test_jsonl(written):
    whole = [Document(d.id, d.text, d.entities, (Span(0, len(d.text)),)) for d in written]
    assert read_back("jsonl", "jsonl", whole).documents == whole


@FAST
@given(token_documents())
def test_iob(written):
    assert read_back("iob", "iob", written).documents == written


DISCONTINUOUS = Document("d", "a b c", (Entity.at("Gene", [(0, 1), (4, 5)], "a b c"),))
NESTED = Document("d", "a b", tuple(Entity.at("Gene", [s], "a b") for s in ((0, 3), (0, 1))))
PART = Document("d", "ab", (Entity.at("Gene", [(0, 1)], "ab"),))


@pytest.mark.parametrize(
    ("form", "document"),
    [
        ("pubtator", DISCONTINUOUS),
        ("pubtator", Document("d", "a\nb")),
        ("iob", DISCONTINUOUS),
        ("iob", NESTED),
        ("iob", PART),
        ("iob", Document("d", "a  b")),
    ],
)
def test_writer_refuses_what_its_form_cannot_carry(form, document):
    with pytest.raises(UserError, match=r"^d: "):
        WRITERS[form]([document])


TEXT = "Loss of p53 and β-catenin 𠮷 in colon cancer."
SPANS = [("Gene", [(8, 11)]), ("Gene", [(16, 25)]), ("Disease", [(31, 43)])]
WHOLE = Document("1", TEXT, tuple(Entity.at(type, spans, TEXT) for type, spans in SPANS))
CMEEE = (
    '[{"text": "胃癌患者", "entities": [{"start_idx": 0, "end_idx": 1, "type": "dis",'
    ' "entity": "胃癌"}]}]'
)
GENIA = (
    "<set><article><articleinfo><bibliomisc>M:1</bibliomisc></articleinfo><title><sentence>"
    '<cons sem="G#x"><cons sem="G#y">IL-2</cons> gene</cons> use</sentence></title></article></set>'
)
FILES: dict[str, tuple[str, dict[str, bytes]]] = {
    **{form: (form.split("_")[0], WRITERS[form]([WHOLE])) for form in WRITERS if form != "iob"},
    "iob": ("iob", {"a.tsv": "p53\tB-Gene\nand\tO\nβ\tB-Gene\nx\tI-Gene\n\nnone\tO\n".encode()}),
    "cmeee": ("cmeee", {"dev.json": CMEEE.encode()}),
    "cmeee_v1": ("cmeee_v1", {"dev.txt": "胃癌患者|||0    1    dis|||\n无|||\n".encode()}),
    "genia": ("genia", {"g.xml": GENIA.encode()}),
    "bc2gm": ("bc2gm", {"t.in": b"P1T0 The p53 gene\n", "G.eval": b"P1T0|3 5|p53\n"}),
    "chemdner": (
        "chemdner",
        {
            "t.abstracts.txt": "1\tLead β\tIt is lead.\n".encode(),
            "t.annotations.txt": b"1\tT\t0\t4\tLead\tTRIVIAL\n1\tA\t6\t10\tlead\tTRIVIAL\n",
            "t.borders.tsv": b"1\tT\t0:6\n1\tA\t0:11\n",
        },
    ),
    "yidu": (
        "yidu",
        {
            "t.json": '{"originalText": "胃癌", "entities": [{"label_type": "D", "start_pos": 0,'
            ' "end_pos": 2}]}\n'.encode()
        },
    ),
}


JUNK = [b"", b"\xff", b"\0", b"\t", b"\n", b"|", b"<", b'"', b"-9", b"9" * 5000]


@st.composite
def broken(draw, files: dict[str, bytes]) -> dict[str, bytes]:
    """One file cut, with other bytes, other line ends, another encoding, or other offsets."""
    name = draw(st.sampled_from(sorted(files)))
    data = files[name]
    at = draw(st.integers(0, len(data)))
    junk = draw(st.sampled_from(JUNK))
    digits = list(re.finditer(rb"\d", data))
    changed = [
        data[:at],
        data[:at] + junk + data[at:],
        data[:at] + junk + data[at + 1 :],
        data.replace(b"\n", b"\r\n"),
        data.replace(b"\n", b"\r"),
        data.replace(b"\n", b"\r\n", 1),
        data.decode().encode("utf-16"),
        data.decode().encode("gb18030"),
        b"",
    ]
    if digits:
        digit = draw(st.sampled_from(digits))
        number = str(draw(st.integers(0, 99))).encode()
        changed.append(data[: digit.start()] + number + data[digit.end() :])
    return files | {name: draw(st.sampled_from(changed))}


def read_or_told(reader: str, files: dict[str, bytes]) -> tuple[Read | None, str]:
    try:
        return read(reader, files), ""
    except UserError as error:
        return None, str(error)


@pytest.mark.parametrize("form", FILES)
@FAST
@given(data=st.data())
def test_broken_files_give_an_error_or_a_listed_mention_and_never_a_wrong_span(form, data):
    reader, files = FILES[form]
    damaged = data.draw(broken(files))
    reading, message = read_or_told(reader, damaged)
    if not reading:
        names = "|".join(map(re.escape, damaged))
        assert re.match(rf"({names}):[1-9]\d*: ", message), message
        return
    placed = [(document, entity) for document in reading.documents for entity in document.entities]
    lost = [finding for finding in reading.findings if finding.lost]
    assert reading.mentions.total() == len(placed) + len(lost)
    assert all(re.search(r":[1-9]\d*", finding.where) for finding in lost)
    for document, entity in placed:
        assert entity == Entity.at(entity.type, entity.spans, document.text)
        assert all(0 <= start < end <= len(document.text) for start, end in entity.spans)


@pytest.mark.parametrize("ends", ["\r\n", "\r", "mixed"])
@pytest.mark.parametrize("form", FILES)
def test_other_line_ends_lose_no_mention(form, ends):
    reader, files = FILES[form]
    changed = {
        name: data.replace(b"\n", b"\r\n", 1)
        if ends == "mixed"
        else data.replace(b"\n", ends.encode())
        for name, data in files.items()
    }
    reading, message = read_or_told(reader, changed)
    if not reading:
        assert ends == "\r"
        assert re.match(r"[\w.]+:1: ", message)
        return
    whole = read(reader, files)
    assert reading.mentions == whole.mentions
    assert [d.text.split() for d in reading.documents] == [d.text.split() for d in whole.documents]


@pytest.mark.parametrize("form", FILES)
def test_utf16_is_read_or_told(form):
    reader, files = FILES[form]
    for encoding in ("utf-16", "utf-16-le"):
        wide = {name: data.decode().encode(encoding) for name, data in files.items()}
        reading, message = read_or_told(reader, wide)
        if reading:
            assert form == "genia", "XML alone tells its encoding"
            assert reading.mentions == read(reader, files).mentions
        else:
            assert re.match(r"[\w.]+:\d+: not (UTF-8|XML)", message)
