# annotate: texts of the user's own -> mentions with the offsets of the original files
#
# in   the files under `annotations` in the configuration, results/train/{run}/, a selector
# out  results/annotations/{texts}.{form}; finished chunks lie in results/checkpoints/annotations/

from bionerflow.annotate.names import FILES, FOLDERS


rule annotate_share:
    input:
        asked(lambda w: plan.texts(w.texts)),
        lambda w: [ancient(f"{folder}/model") for folder in plan.annotators(w.texts)],
        lambda w: [f"{folder}/metrics.json" for folder in plan.annotators(w.texts)],
        lambda w: f"{plan.annotators(w.texts)[0]}/run.json",
        code=code("workflow/scripts/annotate.py"),
    output:
        "results/annotations/{texts}.parts/{share}of{shares}.json",
    log:
        "results/logs/annotate/{texts}.{share}of{shares}.log",
    wildcard_constraints:
        share=r"\d+",
        shares=r"\d+",
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **machine(lambda w: plan.run_resources(plan.annotation(w.texts).run)),
    params:
        inputs=lambda w: plan.annotation(w.texts).inputs,
        settings=asked(lambda w: plan.annotating(w.texts)),
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q} share --inputs {params.inputs:q}"
        " --settings {params.settings:q} --threads {threads:q} --share {wildcards.share:q}"
        " --shares {wildcards.shares:q} --parts results/checkpoints/annotations/{wildcards.texts:q}"
        " --out {output:q} 2>&1 | tee {log:q}"


rule annotate:
    input:
        shares=lambda w: plan.shares(w.texts),
        page=multiext(
            f"{HERE}src/bionerflow/annotate/page",
            ".css",
            ".html.j2",
            ".viewer.html.j2",
            ".js",
        ),
        shared=[
            f"{HERE}src/bionerflow/report/page.css",
            f"{HERE}src/bionerflow/report/spans.js",
        ],
        code=code("workflow/scripts/annotate.py"),
    output:
        written="results/annotations/{texts}.{form}",
        report="results/annotations/{texts}.{form}.json",
    log:
        "results/logs/annotate/{texts}.{form}.log",
    wildcard_constraints:
        form="|".join(FILES),
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} write --shares {input.shares:q}"
        " --form {wildcards.form:q} --out {output.written:q} 2>&1 | tee {log:q}"


use rule annotate as annotate_folder with:
    output:
        written=directory("results/annotations/{texts}.{form}"),
        report="results/annotations/{texts}.{form}.json",
    wildcard_constraints:
        form="|".join(FOLDERS),
