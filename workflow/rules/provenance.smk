# provenance: corpora in a form that other tools read
#
# in   results/corpora/{corpus}/
# out  results/corpora/{corpus}/croissant.json

ABOUT = {"title", "language", "licence", "page", "citation"}


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
