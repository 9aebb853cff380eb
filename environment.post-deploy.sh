#!/bin/sh
# Snakemake runs this once, in its working folder, when `--sdm conda` has made the environment of
# environment.yml: the project itself is installed apart from the packages that it needs.
set -eu
if grep -qs '^name = "bionerflow"' pyproject.toml; then
    python -m pip install --quiet --no-deps --no-build-isolation -e .
else
    echo "This folder is no clone of bionerflow: install the package into the environment." >&2
fi
