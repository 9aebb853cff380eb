"""UIMA CAS XMI with the types of DKPro Core, as INCEpTION and UIMA read it: a file per document."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bionerflow.annotate.forms.bioc import NOT_XML
from bionerflow.annotate.forms.tokens import sentences
from bionerflow.annotate.output import contiguous, documents, folder_at, free_stem, one_text
from bionerflow.annotate.passages import Annotated
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.documents import moved

if TYPE_CHECKING:
    from cassis import Cas, TypeSystem

DKPRO = "de.tudarmstadt.ukp.dkpro.core.api"
SENTENCE = f"{DKPRO}.segmentation.type.Sentence"
TOKEN = f"{DKPRO}.segmentation.type.Token"
ENTITY = f"{DKPRO}.ner.type.NamedEntity"


def xmi(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a folder with an .xmi file per document, and the TypeSystem.xml of all.

    One document is in memory at a time. Characters that XML cannot write become spaces.
    """
    types = _type_system()
    with folder_at(out) as folder:
        types.to_xml(folder / "TypeSystem.xml")
        for id, passages in documents(annotated):
            _cas(types, passages, summary).to_xmi(Path(f"{free_stem(folder, id, '.xmi')}.xmi"))


def _type_system() -> "TypeSystem":
    from cassis import TypeSystem

    types = TypeSystem()
    for name in (SENTENCE, TOKEN, ENTITY):
        types.create_type(name=name, supertypeName="uima.tcas.Annotation")
    for feature in ("value", "identifier"):
        types.create_feature(types.get_type(ENTITY), feature, "uima.cas.String")
    return types


def _cas(types: "TypeSystem", passages: Iterable[Annotated], summary: Summary) -> "Cas":
    """Return a document as CAS; dkpro-cassis counts its offsets in UTF-16 units, as UIMA does."""
    from cassis import Cas

    cas, held = Cas(types), list(passages)
    text = "".join(one_text(held, lambda _: None))
    cas.sofa_string, cas.sofa_mime = NOT_XML.sub(" ", text), "text/plain"
    sentence_type, token_type, entity_type = map(types.get_type, (SENTENCE, TOKEN, ENTITY))
    for one in held:
        start = one.passage.start
        for sentence in sentences(one, contiguous(one, "a CAS", summary)):
            spans = [(sentence_type, sentence.span), *((token_type, t) for t in sentence.tokens)]
            cas.add_all(type(begin=start + begin, end=start + end) for type, (begin, end) in spans)
            entities = (moved(mention.entity, start) for mention, *_ in sentence.mentions)
            cas.add_all(
                entity_type(
                    begin=e.start,
                    end=e.end,
                    value=NOT_XML.sub(" ", e.type),
                    identifier="|".join(e.identifiers) or None,
                )
                for e in entities
            )
    return cas
