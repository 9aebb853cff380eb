# render: examples -> prompts and target strings
#
# in   results/corpora/{corpus}/{split}.parquet
# out  results/render/{corpus}/{split}.{format}.parquet, a row a query
#
# The prompts' files have those of all papers and languages: what a job takes of them is a parameter,
# so that another prompt re-renders what it asks, and nothing else.


rule render:
    input:
        *data(*collect("results/corpora/{{corpus}}/{split}", split=SPLITS)),
        definitions=lambda w: plan.definitions(w.corpus),
        texts=[
            ancient(f"{HERE}src/bionerflow/formats/prompts.yaml"),
            ancient(f"{HERE}src/bionerflow/formats/instructions.yaml"),
        ],
        code=code("workflow/scripts/render.py"),
    output:
        collect("results/render/{{corpus}}/{split}.{{format}}.parquet", split=SPLITS),
        collect("results/render/{{corpus}}/{split}.{{format}}.json", split=SPLITS),
    log:
        "results/logs/render/{corpus}.{format}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.asking(w.corpus),
        said=asked(lambda w: plan.said(w.corpus, w.format)),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --format {wildcards.format:q}"
        " --settings {params.settings:q} --definitions {input.definitions:q}"
        " --examples results/corpora/{wildcards.corpus:q}"
        " --out results/render/{wildcards.corpus:q} 2>&1 | tee {log:q}"
