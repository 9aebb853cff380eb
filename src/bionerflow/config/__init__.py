"""What the configuration may say: typed, validated, and expanded into runs.

Light to import: the workflow parses it again in each cluster job.
"""
