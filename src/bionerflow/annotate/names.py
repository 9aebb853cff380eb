"""The names of the forms that are read and written, apart from the code that does it.

The command line and the workflow list them without importing any reader or writer.
"""

#: Forms of the input.
INPUTS = ("text", "brat", "pubtator", "bioc", "jsonl", "csv")
#: Forms of the output that are one file.
FILES = (
    "bioc", "conll", "csv", "doccano", "html", "jsonl", "label_studio", "prodigy", "pubtator",
    "spacy",
)  # fmt: skip
#: Forms of the output that are a folder with files for each document.
FOLDERS = ("brat", "webanno", "xmi")
OUTPUTS = tuple(sorted((*FILES, *FOLDERS)))
