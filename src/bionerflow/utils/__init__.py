"""What every part of the library shares: errors, files, progress, the environment record, plots."""
