# provenance: corpora, and results with the jobs that made them, in forms that other tools read
#
# in   results/corpora/{corpus}/, results/, Snakemake's records of jobs
# out  results/corpora/{corpus}/croissant.json;
#      results/ro-crate-metadata.json, results/workflow/: the results as a Provenance Run Crate

ABOUT = {"title", "language", "licence", "page", "citation"}
CRATE = {
    "name": f"bionerflow: {plan.config.name}",
    "description": "Tables, figures and a report, with the jobs that made them.",
    "licence": "Apache-2.0 for the workflow; what is made of a corpus has the corpus's licence.",
    "configuration": plan.config.model_dump(mode="json"),
}


# Snakemake's records are where it was started.
localrules:
    crate,


rule croissant:
    input:
        lambda w: data(*[f"results/corpora/{w.corpus}/{split}" for split in SPLITS]),
        code=code("workflow/scripts/croissant.py"),
    output:
        "results/corpora/{corpus}/croissant.json",
    log:
        "results/logs/corpora/{corpus}.croissant.log",
    conda:
        "../../environment.yml"
    params:
        about=lambda w: as_json(
            plan.corpora[w.corpus].model_dump(mode="json", include=ABOUT)
        ),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --about {params.about:q}"
        " --out {output:q} 2>&1 | tee {log:q}"


rule crate:
    input:
        targets=[
            "results/report.html",
            *collect("results/tables/{name}.csv", name=plan.every_table()),
        ],
        workflow=[
            f"{HERE}Snakefile",
            *sorted(map(str, Path(f"{HERE}workflow/rules").glob("*.smk"))),
            f"{HERE}environment.yml",
        ],
        code=code("workflow/scripts/crate.py"),
    output:
        metadata="results/ro-crate-metadata.json",
        workflow=directory("results/workflow"),
    log:
        "results/logs/crate.log",
    conda:
        "../../environment.yml"
    params:
        about=as_json(CRATE),
    shell:
        "python -P {input.code[0]:q} --targets {input.targets:q} --workflow {input.workflow:q}"
        " --about {params.about:q} --out {output.metadata:q} 2>&1 | tee {log:q}"
