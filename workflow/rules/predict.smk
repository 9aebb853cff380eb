# predict: a run's model answers the test sentences, or dev sentences where a threshold is tuned
#
# in   results/train/{run}/model, results/render/{corpus}/test.{format}.parquet
# out  results/predict/{run}.parquet, a row a corpus, format and sentence; what is answered lies in
#      results/checkpoints/predict/ until all is. Shares of it are put together by `gather`.


rule predict:
    input:
        lambda w: data(*plan.rendered(w.run, "test")),
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/predict.py"),
    output:
        predictions="results/predict/{run}.parquet",
        card="results/predict/{run}.json",
    log:
        "results/logs/predict/{run}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_answer(w.run).cpus
    resources:
        **machine(lambda w: plan.to_answer(w.run)),
    params:
        queries=asked(
            lambda w: [f"{stem}.parquet" for stem in plan.rendered(w.run, "test")]
        ),
        settings=asked(lambda w: plan.answering(w.run)),
        seed=asked(lambda w: plan.run(w.run).draw),
        share="1of1",
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q}"
        " --model {input.model:q} --queries {params.queries:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --threads {threads:q}"
        " --share {params.share:q}"
        " --checkpoints results/checkpoints/predict --out {output.predictions:q} 2>&1 | tee {log:q}"


use rule predict as predict_share with:
    output:
        predictions="results/predict/{run}.parts/{share}.parquet",
        card="results/predict/{run}.parts/{share}.json",
    log:
        "results/logs/predict/{run}.{share}.log",
    wildcard_constraints:
        share=r"\d+of\d+",
    params:
        share=lambda w: w.share,


use rule predict as predict_dev with:
    input:
        lambda w: data(*plan.rendered(w.run, "dev")),
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/predict.py"),
    output:
        predictions="results/predict/dev/{run}.parquet",
        card="results/predict/dev/{run}.json",
    log:
        "results/logs/predict/dev/{run}.log",
    params:
        queries=asked(
            lambda w: [f"{stem}.parquet" for stem in plan.rendered(w.run, "dev")]
        ),
