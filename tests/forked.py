"""Processes for tests, forked from a clean one that has imported what they need.

A fork of the test's own process can hang: it has lost the threads of pools that earlier tests used.
"""

import multiprocessing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["bionerflow.train.finetune", "peft", "tiny", "trl"])
Process = CONTEXT.Process
