"""Used by every part of the library: errors, files, progress, the environment record, plots."""
