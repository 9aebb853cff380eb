# tables: scores of many runs and published numbers -> the papers' tables, and the report
#
# in   results/evaluate/*.json, results/train/*/metrics.json, resources/published/
# out  results/tables/{paper}/{table}.csv, .md, .tex, .long.csv; results/report.html;
#      results/tables/format_capacity.csv, .md, .tex, of the corpora and tokenizers alone

PRIMARY = plan.config.primary_paper
SHOWN = plan.shown()


TOKENIZERS = plan.tokenizers()


localrules:
    alias,


ruleorder: format_capacity > alias


rule tables:
    input:
        evaluations=asked(lambda w: plan.evaluations(w.paper, w.table)),
        metrics=asked(lambda w: plan.metrics(w.paper, w.table)),
        published="resources/published/{paper}/{table}.csv",
        code=code("workflow/scripts/tables.py"),
    output:
        csv="results/tables/{paper}/{table}.csv",
        long="results/tables/{paper}/{table}.long.csv",
        markdown="results/tables/{paper}/{table}.md",
        latex="results/tables/{paper}/{table}.tex",
    log:
        "results/logs/tables/{paper}.{table}.log",
    conda:
        "../../environment.yml"
    params:
        definition=asked(lambda w: plan.table(w.paper, w.table).dump()),
    shell:
        "python -P workflow/scripts/tables.py --definition {params.definition:q}"
        " --evaluations {input.evaluations} --metrics {input.metrics}"
        " --published {input.published} --out {output.csv} 2>&1 | tee {log}"


rule alias:
    input:
        csv=f"results/tables/{PRIMARY}/{{table}}.csv",
        markdown=f"results/tables/{PRIMARY}/{{table}}.md",
    output:
        csv="results/tables/{table}.csv",
        markdown="results/tables/{table}.md",
    log:
        "results/logs/alias/{table}.log",
    conda:
        "../../environment.yml"
    shell:
        "cp {input.csv} {output.csv} 2> {log}; cp {input.markdown} {output.markdown} 2>> {log}"


rule format_capacity:
    input:
        *data(
            *collect(
                "results/corpora/{corpus}/test", corpus=plan.pretraining_corpora()
            )
        ),
        *[file for folder in TOKENIZERS.values() for file in model(folder)],
        code=code("workflow/scripts/format_capacity.py"),
    output:
        multiext("results/tables/format_capacity", ".csv", ".md", ".tex"),
    log:
        "results/logs/tables/format_capacity.log",
    conda:
        "../../environment.yml"
    params:
        corpora=as_json({c: plan.corpora[c].types for c in plan.pretraining_corpora()}),
        tokenizers=as_json(TOKENIZERS),
    shell:
        "python -P workflow/scripts/format_capacity.py --corpora {params.corpora:q}"
        " --examples results/corpora --tokenizers {params.tokenizers:q} --out {output[0]}"
        " 2>&1 | tee {log}"


rule report:
    input:
        *data(*map(plan.prediction_file, SHOWN)),
        tables=collect("results/tables/{name}.csv", name=plan.reported_tables()),
        evaluations=collect("results/evaluate/{id}.json", id=SHOWN),
        metrics=collect(
            "results/train/{run}/metrics.json",
            run=sorted({id.partition("+")[0] for id in SHOWN}),
        ),
        definitions=plan.config.tables,
        corpora=plan.config.corpora,
        page=multiext("src/bionerflow/report/page", ".css", ".html.j2", ".js"),
        code=code("workflow/scripts/report.py"),
    output:
        html="results/report.html",
    log:
        "results/logs/tables/report.log",
    conda:
        "../../environment.yml"
    params:
        predictions=[f"{plan.prediction_file(id)}.parquet" for id in SHOWN],
    shell:
        "python -P workflow/scripts/report.py --tables {input.tables} --gold results/corpora"
        " --evaluations {input.evaluations} --metrics {input.metrics}"
        " --predictions {params.predictions} --definitions {input.definitions}"
        " --corpora {input.corpora} --out {output.html} 2>&1 | tee {log}"
