"""The table of forms that are read and written, in the documentation.

docs/forms.md is written from this file: `python tests/test_forms.py` writes it anew.
"""

from collections.abc import Iterable

from conftest import ROOT
from test_corpora_cases import FORMS as CASES
from test_corpora_roundtrip import FILES

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.names import INPUTS, OUTPUTS
from bionerflow.config.corpora import load_corpora
from bionerflow.corpora.readers import READERS
from bionerflow.corpora.writers import WRITERS

CORPORA = load_corpora(ROOT / "config" / "corpora.yaml")
PAGE = ROOT / "docs" / "forms.md"
HEAD = """\
# Forms of annotated texts

What `bionerflow new-corpus` and `reader` in `config/corpora.yaml` read, what `bionerflow annotate`
takes as input and writes with `--to`, and with what each is checked. The table is written from the
code and its tests (`python tests/test_forms.py`).

- **read by**: the reader, as in `reader: brat`; `new-corpus` tells it by the content of the files.
- **files checked**: small files whose mentions are known, in the variants that are listed; all of
  them are read damaged, too (`python tests/fuzz_corpora.py`).
- **corpora**: the entries of `config/corpora.yaml` that the reader reads.
- **read back**: what this project writes in the form is read as the same sentences and mentions.

"""
COLUMNS = (
    *("form", "read by", "input of `annotate`", "output of `annotate`"),
    *("files checked", "corpora", "read back", "output checked with"),
)
#: Forms of the input that are no reader's.
TITLES = {"text": "plain text", "chemdner": "CHEMDNER"}


def page() -> str:
    """Return docs/forms.md."""
    rows = [row(reader) for reader in READERS]
    rows += [row(None, name) for name in sorted({*INPUTS, *OUTPUTS}) if not reader_of(name)]
    lines = [" | ".join(cells) for cells in (COLUMNS, ["---"] * len(COLUMNS), *rows)]
    return HEAD + "".join(f"| {line} |\n" for line in lines)


def reader_of(name: str) -> str | None:
    """Return the reader of a form of `annotate`, if there is one."""
    return FORMS[name].reader if name in FORMS else None


def row(reader: str | None, name: str = "") -> list[str]:
    """Return the cells of the forms of a reader, or of a form of `annotate` without one."""
    forms = [name] if name else [one for one in FORMS if reader_of(one) == reader]
    titles = [title for title, (_, read, _) in CASES.items() if read == reader and reader]
    known = [FORMS[form].title for form in forms if form in FORMS]
    title = "; ".join(titles or known) or TITLES[reader or name]
    corpora = [name for name, corpus in CORPORA.items() if reader and corpus.reader == reader]
    written = {*(form.split("_")[0] for form in WRITERS), *(one.reader for one in FORMS.values())}
    return [
        title,
        f"`{reader}`" if reader else "–",
        listed(form for form in forms if form in INPUTS),
        listed(form for form in forms if form in OUTPUTS),
        str(max(len(titles), sum(read == reader for read, _ in FILES.values())) or "–"),
        listed(corpora),
        "yes" if reader in written and reader else "–",
        "; ".join(FORMS[form].checked for form in forms if form in FORMS) or "–",
    ]


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def test_the_page_is_that_of_the_code():
    assert PAGE.read_text("utf-8") == page(), "python tests/test_forms.py writes it anew"


def test_every_form_is_in_the_table():
    text = page()
    for name in {*READERS, *INPUTS, *OUTPUTS}:
        assert f"`{name}`" in text


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
