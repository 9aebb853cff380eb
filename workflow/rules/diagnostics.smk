# diagnostics: what is to be known of corpora, gold and scores beside the tables
#
# in   results/corpora/{corpus}/, results/predict/, results/evaluate/
# out  results/diagnostics/{corpus}.json, .md, .html: scale, labels, overlap of training and test;
#      results/diagnostics/{corpus}.label_errors.csv: gold that several systems contradict;
#      results/diagnostics/{run}.abstention.json: thresholds chosen on dev, reported on test;
#      results/diagnostics/{run}.consistency.json: how far five samplings of a run agree;
#      results/diagnostics/schemes.csv: ranks by the strictest and the most lenient scheme

DIAGNOSED = sorted({corpus for run in TRAINED for corpus in plan.tested(run)})
SAMPLINGS = 5


localrules:
    diagnostics,


rule diagnostics:
    input:
        collect("results/diagnostics/{corpus}.html", corpus=DIAGNOSED),
        collect(
            "results/diagnostics/{corpus}.label_errors.csv",
            corpus=[corpus for corpus in DIAGNOSED if len(plan.systems(corpus)) > 1],
        ),
        "results/diagnostics/schemes.csv",


rule corpus_diagnostics:
    input:
        lambda w: data(*[f"results/corpora/{w.corpus}/{split}" for split in SPLITS]),
        page=f"{HERE}src/bionerflow/evaluate/diagnostics.html.j2",
        style=f"{HERE}src/bionerflow/report/page.css",
        code=code("workflow/scripts/diagnostics.py"),
    output:
        json="results/diagnostics/{corpus}.json",
        markdown="results/diagnostics/{corpus}.md",
        html=report(
            "results/diagnostics/{corpus}.html",
            caption="../report/page.rst",
            category="diagnostics",
            labels={"corpus": "{corpus}"},
        ),
    log:
        "results/logs/diagnostics/{corpus}.log",
    conda:
        "../../environment.yml"
    params:
        metadata=lambda w: as_json(plan.metadata(w.corpus)),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --metadata {params.metadata:q}"
        " --folder results/corpora/{wildcards.corpus:q} --out {output.json:q} 2>&1 | tee {log:q}"


rule label_errors:
    input:
        lambda w: data(
            *[file for files in plan.systems(w.corpus).values() for file in files]
        ),
        lambda w: data(f"results/corpora/{w.corpus}/test"),
        code=code("workflow/scripts/label_errors.py"),
    output:
        csv="results/diagnostics/{corpus}.label_errors.csv",
    log:
        "results/logs/diagnostics/{corpus}.label_errors.log",
    conda:
        "../../environment.yml"
    params:
        systems=lambda w: as_json(
            {
                name: [f"{file}.parquet" for file in files]
                for name, files in plan.systems(w.corpus).items()
            }
        ),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --systems {params.systems:q}"
        " --gold results/corpora --out {output.csv:q} 2>&1 | tee {log:q}"


rule abstention:
    input:
        lambda w: data(f"results/predict/{w.run}", f"results/predict/dev/{w.run}"),
        lambda w: data(
            *[
                f"results/corpora/{corpus}/{split}"
                for corpus in plan.tested(w.run)
                for split in ("dev", "test")
            ]
        ),
        code=code("workflow/scripts/abstention.py"),
    output:
        json="results/diagnostics/{run}.abstention.json",
    log:
        "results/logs/diagnostics/{run}.abstention.log",
    wildcard_constraints:
        run=one_of(plan.runs),
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} --dev results/predict/dev/{wildcards.run:q}.parquet"
        " --test results/predict/{wildcards.run:q}.parquet --gold results/corpora"
        " --out {output.json:q} 2>&1 | tee {log:q}"


rule consistency:
    input:
        lambda w: data(
            *collect(
                "results/predict/sampled/{run}.{n}",
                run=w.run,
                n=range(1, SAMPLINGS + 1),
            )
        ),
        lambda w: data(*[f"results/corpora/{c}/test" for c in plan.tested(w.run)]),
        code=code("workflow/scripts/consistency.py"),
    output:
        json="results/diagnostics/{run}.consistency.json",
    log:
        "results/logs/diagnostics/{run}.consistency.log",
    wildcard_constraints:
        run=one_of(id for id, its in plan.runs.items() if its.system == "llm"),
    conda:
        "../../environment.yml"
    params:
        predictions=lambda w: collect(
            "results/predict/sampled/{run}.{n}.parquet",
            run=w.run,
            n=range(1, SAMPLINGS + 1),
        ),
    shell:
        "python -P {input.code[0]:q} --predictions {params.predictions:q} --gold results/corpora"
        " --out {output.json:q} 2>&1 | tee {log:q}"


rule schemes:
    input:
        evaluations=collect("results/evaluate/{id}.json", id=SHOWN),
        code=code("workflow/scripts/schemes.py"),
    output:
        csv="results/diagnostics/schemes.csv",
    log:
        "results/logs/diagnostics/schemes.log",
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} --evaluations {input.evaluations:q} --out {output.csv:q}"
        " 2>&1 | tee {log:q}"
