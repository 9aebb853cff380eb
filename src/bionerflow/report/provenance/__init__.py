"""Where things came from, in forms that other tools read.

`croissant` describes a corpus's files, `crate` a workflow's results and the run that made them.
"""
