"""The papers' tables and figures, each from config/tables.yaml and the results that feed it.

`bionerflow.config.tables` is what the file may say, with the metrics of `config.metrics`. `sources`
finds the runs that a cell rests on and `define` a table's cells (these are light: the workflow
imports them), `published` reads what the papers print, `fill` puts numbers into cells,
`significance`, `abstention` and `cases` fill the tables that look into predictions, `counts`,
`leakage` and `capacity` those of corpora alone, `made` says what numbers were made of and with,
`cost` what an answer costs, `write` writes a table's four forms, `figures` draws one.
"""
