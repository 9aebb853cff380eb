"""Texts of any length to mentions with offsets that are exact in the original file.

`sources` reads inputs as passages, `chunks` has them annotated piece by piece and keeps what is
done, `model` is a run of this project as an annotator, `forms` and `page` write what was found.
"""

from bionerflow.utils.modules import make_callable

make_callable(__name__)
