# tables: scores of many runs and published numbers -> the papers' tables and figures, the report
#
# in   results/evaluate/*.json, results/train/*/metrics.json, predictions, resources/published/
# out  results/tables/{paper}/{table}.csv, .md, .tex, .long.csv; results/report.html;
#      results/tables/format_capacity.csv, …, of the corpora and tokenizers alone;
#      results/tables/leakage.csv, …, of the corpora alone;
#      results/figures/{paper}/{figure}.png, .svg; papers/{paper}, the list of a paper's

PRIMARY = plan.config.primary_paper
SHOWN = plan.shown()
TRAINED = plan.trained()
TOKENIZERS = plan.tokenizers()


# What is at hand decides which corpora are counted, and compute nodes may not see the mirror.
localrules:
    alias,
    counts,
    figures,
    leakage,
    paper,
    tables,


ruleorder: format_capacity > alias
ruleorder: leakage > alias


rule tables:
    input:
        collect("results/tables/{name}.csv", name=plan.every_table()),
        collect("results/figures/{name}.png", name=plan.reported_figures()),


rule figures:
    input:
        collect("results/figures/{name}.png", name=plan.reported_figures()),


rule paper:
    input:
        asked(lambda w: plan.of_paper(w.paper)),
    output:
        "papers/{paper}",
    log:
        "results/logs/tables/{paper}.log",
    conda:
        "../../environment.yml"
    shell:
        "ls {input:q} > {output:q} 2> {log:q}"


rule table:
    input:
        asked(lambda w: data(*plan.looked_into(w.paper, w.table))),
        asked(lambda w: data(*plan.tuned_on(w.paper, w.table))),
        asked(lambda w: data(*plan.looked_up(w.paper, w.table))),
        evaluations=asked(lambda w: plan.evaluations(w.paper, w.table)),
        metrics=asked(lambda w: plan.metrics(w.paper, w.table)),
        published=asked(lambda w: plan.published(w.paper, w.table)),
        code=code("workflow/scripts/tables.py"),
    output:
        csv=report(
            "results/tables/{paper}/{table}.csv",
            caption="../report/table.rst",
            category="{paper}",
            labels={"table": "{table}"},
        ),
        long="results/tables/{paper}/{table}.long.csv",
        markdown="results/tables/{paper}/{table}.md",
        latex="results/tables/{paper}/{table}.tex",
    log:
        "results/logs/tables/{paper}.{table}.log",
    wildcard_constraints:
        paper=rf"(?!({one_of(plan.tables.counts)})\.)[^/]+",  # those are made by `counts`
    conda:
        "../../environment.yml"
    params:
        definition=asked(lambda w: plan.table(w.paper, w.table).dump()),
        predictions=asked(
            lambda w: [f"{f}.parquet" for f in plan.looked_into(w.paper, w.table)]
        ),
        dev=asked(lambda w: [f"{f}.parquet" for f in plan.tuned_on(w.paper, w.table)]),
    shell:
        "python -P {input.code[0]:q} --definition {params.definition:q}"
        " --evaluations {input.evaluations:q} --metrics {input.metrics:q}"
        " --predictions {params.predictions:q} --dev {params.dev:q} --gold results/corpora"
        " --published {input.published:q} --out {output.csv:q} 2>&1 | tee {log:q}"


rule figure:
    input:
        long="results/tables/{paper}/{figure}.long.csv",
        code=code("workflow/scripts/figure.py"),
    output:
        png="results/figures/{paper}/{figure}.png",
        svg=report(
            "results/figures/{paper}/{figure}.svg",
            caption="../report/figure.rst",
            category="{paper}",
            labels={"figure": "{figure}"},
        ),
    log:
        "results/logs/figures/{paper}.{figure}.log",
    wildcard_constraints:
        paper=one_of(plan.experiments),
        figure="[^/.]+",
    conda:
        "../../environment.yml"
    params:
        definition=asked(lambda w: plan.figure(w.paper, w.figure).dump()),
    shell:
        "python -P {input.code[0]:q} --definition {params.definition:q}"
        " --long {input.long:q} --out results/figures/{wildcards.paper:q}/{wildcards.figure:q}"
        " 2>&1 | tee {log:q}"


rule counts:
    input:
        reports=asked(
            lambda w: collect(
                "results/corpora/{corpus}/report.json",
                corpus=plan.at_hand.counted(plan.tables.counts[w.counts]).counted,
            )
        ),
        published=f"{HERE}resources/published/{{counts}}.csv",
        code=code("workflow/scripts/counts.py"),
    output:
        csv="results/tables/{counts}.csv",
        long="results/tables/{counts}.long.csv",
        markdown="results/tables/{counts}.md",
        latex="results/tables/{counts}.tex",
    log:
        "results/logs/counts/{counts}.log",
    wildcard_constraints:
        counts=one_of(plan.tables.counts),
    conda:
        "../../environment.yml"
    params:
        table=asked(lambda w: plan.at_hand.counted(plan.tables.counts[w.counts]).dump()),
    shell:
        "python -P {input.code[0]:q} --table {params.table:q}"
        " --reports {input.reports:q} --published {input.published:q}"
        " --out {output.csv:q} 2>&1 | tee {log:q}"


rule leakage:
    input:
        asked(lambda w: data(*plan.at_hand.compared())),
        code=code("workflow/scripts/leakage.py"),
    output:
        csv="results/tables/leakage.csv",
        long="results/tables/leakage.long.csv",
        markdown="results/tables/leakage.md",
        latex="results/tables/leakage.tex",
    log:
        "results/logs/tables/leakage.log",
    conda:
        "../../environment.yml"
    params:
        corpora=asked(lambda w: as_json(plan.at_hand.fetched())),
        titled=plan.tables.ours["leakage"].dump(),
    shell:
        "python -P {input.code[0]:q} --corpora {params.corpora:q} --titled {params.titled:q}"
        " --folder results/corpora --out {output.csv:q} 2>&1 | tee {log:q}"


rule alias:
    input:
        csv=f"results/tables/{PRIMARY}/{{table}}.csv",
        long=f"results/tables/{PRIMARY}/{{table}}.long.csv",
        markdown=f"results/tables/{PRIMARY}/{{table}}.md",
        latex=f"results/tables/{PRIMARY}/{{table}}.tex",
    output:
        csv="results/tables/{table}.csv",
        long="results/tables/{table}.long.csv",
        markdown="results/tables/{table}.md",
        latex="results/tables/{table}.tex",
    log:
        "results/logs/alias/{table}.log",
    conda:
        "../../environment.yml"
    shell:
        "cp {input:q} results/tables/ 2> {log:q}"


rule format_capacity:
    input:
        *data(*collect("results/corpora/{corpus}/test", corpus=plan.all_corpora())),
        *[file for folder in TOKENIZERS.values() for file in model(folder)],
        code=code("workflow/scripts/format_capacity.py"),
    output:
        csv="results/tables/format_capacity.csv",
        long="results/tables/format_capacity.long.csv",
        markdown="results/tables/format_capacity.md",
        latex="results/tables/format_capacity.tex",
    log:
        "results/logs/tables/format_capacity.log",
    conda:
        "../../environment.yml"
    params:
        corpora=as_json({c: plan.corpora[c].types for c in plan.all_corpora()}),
        tokenizers=as_json(TOKENIZERS),
        titled=plan.tables.ours["format_capacity"].dump(),
    shell:
        "python -P {input.code[0]:q} --corpora {params.corpora:q}"
        " --examples results/corpora --tokenizers {params.tokenizers:q}"
        " --titled {params.titled:q} --out {output.csv:q}"
        " 2>&1 | tee {log:q}"


rule report:
    input:
        *data(*map(plan.prediction_file, SHOWN)),
        tables=collect("results/tables/{name}.csv", name=plan.every_table()),
        evaluations=collect("results/evaluate/{id}.json", id=SHOWN),
        metrics=collect(
            "results/train/{run}/metrics.json",
            run=TRAINED,
        ),
        figures=collect("results/figures/{name}.png", name=plan.reported_figures()),
        definitions=plan.config.tables,
        corpora=plan.config.corpora,
        page=multiext(f"{HERE}src/bionerflow/report/page", ".css", ".html.j2", ".js"),
        spans=f"{HERE}src/bionerflow/report/spans.js",
        code=code("workflow/scripts/report.py"),
    output:
        html=report("results/report.html", caption="../report/page.rst"),
    log:
        "results/logs/tables/report.log",
    conda:
        "../../environment.yml"
    params:
        predictions=[f"{plan.prediction_file(id)}.parquet" for id in SHOWN],
        constants=plan.config.footprint.dump(),
    shell:
        "python -P {input.code[0]:q} --tables {input.tables:q} --figures {input.figures:q} --gold results/corpora"
        " --evaluations {input.evaluations:q} --metrics {input.metrics:q}"
        " --predictions {params.predictions:q} --definitions {input.definitions:q}"
        " --corpora {input.corpora:q} --constants {params.constants:q} --out {output.html:q}"
        " 2>&1 | tee {log:q}"
