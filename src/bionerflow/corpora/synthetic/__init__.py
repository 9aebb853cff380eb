"""The embedded synthetic sample: four corpora made from the grammars in resources/sample.

They are written in the raw forms of real corpora, so that the whole workflow runs on them
without a download. Notation and lexicons: resources/sample/README.md.
"""

from bionerflow.corpora.synthetic.generate import generate, sample_corpora
from bionerflow.corpora.synthetic.raw import write_raw

__all__ = ["generate", "sample_corpora", "write_raw"]
