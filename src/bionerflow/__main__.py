"""`python -m bionerflow` is the command `bionerflow`."""

from bionerflow.cli import main

main()
