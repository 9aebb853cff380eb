"""The papers' tables and figures, each from config/tables.yaml and the results that feed it.

`settings` is what the file may say, `define` finds a table's cells and the runs that they rest on
(both are light: the workflow imports them), `published` reads what the papers print, `fill` puts
numbers into cells, `significance` and `cases` fill the tables that look into predictions, `counts`
and `leakage` those of corpora alone, `write` writes a table's four forms, `figures` draws one.
"""
