"""The papers' tables and figures, each from config/tables.yaml and the results that feed it.

`settings` is what the file may say, `sources` finds the runs that a cell rests on and `define` a
table's cells (these are light: the workflow imports them), `published` reads what the papers print,
`fill` puts numbers into cells, `significance` and `cases` fill the tables that look into
predictions, `counts` and `leakage` those of corpora alone, `write` writes a table's four forms,
`figures` draws one.
"""
