from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/render.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/ifd.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/gather.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/diagnostics.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        collect("results/train/{run}/README.md", run=TRAINED),
        collect("results/figures/{run}/training.png", run=TRAINED),


# Before anything is fetched or computed. (A dry run warns of files to bring: corpora.smk.)
onstart:
    if not workflow.touch:
        jobs = [
            (job.rule.name, job.wildcards_dict)
            for job in workflow.dag.needrun_jobs()
        ]
        if lines := plan.to_bring(
            its["corpus"] for rule, its in jobs if rule == "download"
        ):
            raise WorkflowError("Files must be brought by hand.", *lines)
        logger.info(str(plan.forecast(jobs)))


# Slurm says why it ended a job in the job's own log alone.
ENDED_BEFORE = slurm.logs()


onerror:
    for line in slurm.ended(ENDED_BEFORE):
        logger.error(line)
