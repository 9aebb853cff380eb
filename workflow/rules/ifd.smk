# ifd: how much a prompt helps a weak model to write its answer
#
# in   results/render/{corpus}/train.{format}.parquet, a weak model
# out  results/ifd/{scorer}/{corpus}.{format}.{mode}.parquet. Shares of it are put together by `gather`;
#      results/ifd/{scorer}/test/..., of test sentences; results/curate/{run}/ifd.json, how these spread


rule ifd:
    input:
        lambda w: model(plan.model_folder(w.scorer)),
        *data("results/render/{corpus}/train.{format}"),
        code=code("workflow/scripts/ifd.py"),
    output:
        scores="results/ifd/{scorer}/{corpus}.{format}.{mode}.parquet",
        card="results/ifd/{scorer}/{corpus}.{format}.{mode}.json",
    log:
        "results/logs/ifd/{scorer}.{corpus}.{format}.{mode}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_score(w.scorer, w.mode).cpus
    resources:
        **machine(lambda w: plan.to_score(w.scorer, w.mode)),
    params:
        folder=lambda w: plan.model_folder(w.scorer),
        negatives=lambda w: (
            "--negatives" if plan.scores_negatives(w.scorer, w.mode) else ""
        ),
        share="1of1",
        split="train",
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q}"
        " --mode {wildcards.mode:q} --model {params.folder:q}"
        " --conversations results/render/{wildcards.corpus:q}/{params.split:q}.{wildcards.format:q}.parquet"
        " {params.negatives:q} --share {params.share:q} --checkpoints results/checkpoints"
        " --out {output.scores:q} 2>&1 | tee {log:q}"


use rule ifd as ifd_share with:
    output:
        scores="results/ifd/{scorer}/{corpus}.{format}.{mode}.parts/{share}.parquet",
        card="results/ifd/{scorer}/{corpus}.{format}.{mode}.parts/{share}.json",
    log:
        "results/logs/ifd/{scorer}.{corpus}.{format}.{mode}.{share}.log",
    wildcard_constraints:
        share=r"\d+of\d+",
    params:
        share=lambda w: w.share,


use rule ifd as ifd_test with:
    input:
        lambda w: model(plan.model_folder(w.scorer)),
        *data("results/render/{corpus}/test.{format}"),
        code=code("workflow/scripts/ifd.py"),
    output:
        scores="results/ifd/{scorer}/test/{corpus}.{format}.{mode}.parquet",
        card="results/ifd/{scorer}/test/{corpus}.{format}.{mode}.json",
    log:
        "results/logs/ifd/{scorer}.test.{corpus}.{format}.{mode}.log",
    params:
        negatives="",
        split="test",


rule ifd_spread:
    input:
        asked(lambda w: data(*plan.test_scores(w.run))),
        code=code("workflow/scripts/ifd_spread.py"),
    output:
        "results/curate/{run}/ifd.json",
    log:
        "results/logs/ifd_spread/{run}.log",
    conda:
        "../../environment.yml"
    params:
        scores=asked(lambda w: [f"{stem}.parquet" for stem in plan.test_scores(w.run)]),
    shell:
        "python -P {input.code[0]:q} --scores {params.scores:q} --out {output:q} 2>&1 | tee {log:q}"
