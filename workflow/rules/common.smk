# What all rules share: the plan behind the configuration, and how inputs are compared.
#
# A Parquet file or a model folder is an input twice: itself, whatever its time stamp says, and
# its card, which is small and therefore compared by content. So a touch re-runs nothing.


from functools import cache
from pathlib import Path

from bionerflow.workflow import dependencies, slurm
from bionerflow.workflow.clock import check_clock
from bionerflow.utils.errors import UserError
from bionerflow.utils.script import check_locale
from bionerflow.workflow.plan import Plan, as_json, leading_to
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# What leads to this repository's own files: nothing, but where the workflow is another's module.
HERE = leading_to(Path(workflow.current_basedir, "../.."))

try:
    if workflow.is_main_process:
        check_locale()
        check_clock()
        slurm.keep_to_squeue()
    else:
        slurm.pass_on_sigterm()
    plan = Plan(config, HERE)
except UserError as error:
    raise WorkflowError(str(error)) from None

SPLITS = ["train", "dev", "test"]


def one_of(names):
    """Return a wildcard's constraint: one of these names, and nothing where there is none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    corpus=one_of(plan.corpora),
    split=one_of(SPLITS),
    format="[a-z_0-9]+",
    mode="[a-z_]+",
    model=one_of(plan.models),
    scorer=one_of(plan.models),
    run=r"[^/+]+",
    selector=r"[^/+]+",
    predictions=r"[^/]+",
    paper=r"[^/]+",
    table=r"[^/.]+",
    texts=one_of(plan.config.annotations),


def code(script):
    """Return a script of this repository and what it imports, for a rule to list as input."""
    return dependencies.code(f"{HERE}{script}")


def data(*stems):
    """Return Parquet files by their paths without ending, each with its card."""
    return [ancient(f"{stem}.parquet") for stem in stems] + [
        f"{stem}.json" for stem in stems
    ]


def model(folder):
    """Return a model's folder with its card."""
    return [ancient(folder), f"{folder}.json"]


def raw(corpus):
    """Return the raw files of a corpus, each with its checksum, or the folder made for it."""
    if plan.corpora[corpus].generator:
        return model(f"results/raw/{corpus}")
    files = plan.raw(corpus)
    return [ancient(file) for file in files] + [f"{file}.sha256" for file in files]


def machine(resources):
    """Return what a job asks of its machine, from the look-up of these `Resources`."""
    return {
        "gpu": lambda w: resources(w).gpus,
        "gpu_model": asked(lambda w: plan.gpu_model(resources(w))),
        "mem_mb": lambda w: resources(w).memory_mb,
        "runtime": lambda w: resources(w).runtime_min,
    }


def asked(function):
    """Return the look-up `function`, with the user's errors told as Snakemake tells its own."""

    def look_up(wildcards):
        try:
            return function(wildcards)
        except UserError as error:
            raise WorkflowError(str(error)) from None

    return look_up


@cache
def warn(corpus):
    """Say while jobs are planned which files of a corpus the user must bring."""
    for line in plan.to_bring([corpus]):
        logger.warning(line)


def to_bring(wildcards):
    """Warn of a file that cannot be fetched; it is no input of the job that fetches it."""
    warn(wildcards.corpus)
    return []
