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
include: "workflow/rules/gather.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/diagnostics.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        collect("results/train/{run}/README.md", run=TRAINED),
        collect("results/figures/{run}/training.png", run=TRAINED),
