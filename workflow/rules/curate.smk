# curate: rendered conversations -> the training and dev set of a run
#
# in   results/render/{corpus}/{train,dev}.{format}.parquet, results/ifd/... where a run asks for it
# out  results/curate/{run}/{train,dev,kept}.parquet, results/figures/curated/{run}.svg, .csv


rule curate:
    input:
        lambda w: data(*plan.rendered(w.run, "train", "dev"), *plan.scores(w.run)),
        code=code("workflow/scripts/curate.py"),
    output:
        collect("results/curate/{{run}}/{part}.parquet", part=["train", "dev", "kept"]),
        collect("results/curate/{{run}}/{part}.json", part=["train", "dev", "kept"]),
    log:
        "results/logs/curate/{run}.log",
    conda:
        "../../environment.yml"
    params:
        corpora=asked(lambda w: plan.carried(w.run)),
        formats=asked(lambda w: ",".join(plan.run(w.run).formats)),
        settings=asked(lambda w: plan.curating(w.run)),
        draw=asked(lambda w: plan.run(w.run).draw),
        scores=asked(lambda w: [f"{stem}.parquet" for stem in plan.scores(w.run)]),
    shell:
        "python -P {input.code[0]:q} --rendered results/render --corpora {params.corpora:q}"
        " --formats {params.formats:q} --settings {params.settings:q} --draw {params.draw:q}"
        " --scores {params.scores:q} --out results/curate/{wildcards.run:q} 2>&1 | tee {log:q}"


rule curated:
    input:
        *data("results/curate/{run}/kept"),
        code=code("workflow/scripts/curated.py"),
    output:
        figure="results/figures/curated/{run}.svg",
        examples="results/figures/curated/{run}.csv",
    log:
        "results/logs/curated/{run}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} --kept results/curate/{wildcards.run:q}/kept.parquet"
        " --figure {output.figure:q} --examples {output.examples:q} 2>&1 | tee {log:q}"
