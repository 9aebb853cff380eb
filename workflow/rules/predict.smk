# predict: a run's model answers the test sentences, or dev sentences where a threshold is tuned
#
# in   results/train/{run}/model, results/render/{corpus}/test.{format}.parquet
# out  results/predict/{run}.parquet, a row per corpus, format and sentence; what is answered lies in
#      results/checkpoints/predict/ until all is. Shares of it are put together by `gather`;
#      results/models/ct2/{run}, the merged model as CTranslate2 reads it, where that engine answers;
#      results/cost/{run}.json, what answering took;
#      results/predict/sampled/{run}.{n}.parquet, answers whose tokens are drawn by chance;
#      results/tables/engines.csv, every engine that is here beside the others, with one run's model

# As in Wang et al. (ICLR 2023), whose samplings vote.
TEMPERATURE = 0.7


rule ctranslate2:
    input:
        lambda w: data(f"results/curate/{w.run}/dev"),
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/convert.py"),
    output:
        folder=directory("results/models/ct2/{run}"),
        card="results/models/ct2/{run}.json",
    log:
        "results/logs/ctranslate2/{run}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_answer(w.run).cpus
    resources:
        mem_mb=lambda w: plan.to_answer(w.run).memory_mb,
        runtime=lambda w: plan.to_answer(w.run).runtime_min,
    params:
        settings=asked(lambda w: plan.converting(w.run)),
        dev="results/curate/{run}/dev.parquet",
    shell:
        "python -P {input.code[0]:q} --model {input.model:q} --queries {params.dev:q}"
        " --settings {params.settings:q} --threads {threads:q} --out {output.folder:q}"
        " 2>&1 | tee {log:q}"


rule predict:
    input:
        lambda w: data(*plan.rendered(w.run, "test"), *plan.examples(w.run)),
        converted=lambda w: [
            path for folder in plan.converted(w.run) for path in model(folder)
        ],
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/predict.py"),
    output:
        predictions="results/predict/{run}.parquet",
        card="results/predict/{run}.json",
        cost="results/cost/{run}.json",
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
        examples=asked(lambda w: [f"{stem}.parquet" for stem in plan.examples(w.run)]),
        converted=asked(lambda w: [f"--converted={f}" for f in plan.converted(w.run)]),
        python=asked(lambda w: plan.interpreter(w.run)),
        cost="results/cost/{run}.json",
        sampled=[],
    shell:
        "{params.python:q} -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q}"
        " --model {input.model:q} {params.converted:q} --queries {params.queries:q}"
        " --examples {params.examples:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --threads {threads:q}"
        " --share {params.share:q} {params.sampled:q} --cost {params.cost:q}"
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
        cost=[],


use rule predict as predict_dev with:
    input:
        lambda w: data(*plan.rendered(w.run, "dev"), *plan.examples(w.run)),
        converted=lambda w: [
            path for folder in plan.converted(w.run) for path in model(folder)
        ],
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
        cost=[],


# Each sampling draws its tokens by another seed.
use rule predict as predict_sampled with:
    output:
        predictions="results/predict/sampled/{run}.{sampling}.parquet",
        card="results/predict/sampled/{run}.{sampling}.json",
    log:
        "results/logs/predict/sampled/{run}.{sampling}.log",
    wildcard_constraints:
        sampling=r"\d+",
    params:
        sampled=lambda w: [f"--sampling={w.sampling}", f"--temperature={TEMPERATURE}"],
        cost=[],


rule engines:
    input:
        lambda w: data(*plan.rendered(plan.beside_engines(), "test")),
        lambda w: ancient(f"results/train/{plan.beside_engines()}/model"),
        lambda w: f"results/train/{plan.beside_engines()}/metrics.json",
        code=code("workflow/scripts/engines.py"),
    output:
        table="results/tables/engines.csv",
    log:
        "results/logs/tables/engines.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_answer(plan.beside_engines()).cpus
    resources:
        **machine(lambda w: plan.to_answer(plan.beside_engines())),
    params:
        run=asked(lambda w: plan.beside_engines()),
        queries=asked(
            lambda w: [
                f"{stem}.parquet"
                for stem in plan.rendered(plan.beside_engines(), "test")
            ]
        ),
        settings=asked(lambda w: plan.answering(plan.beside_engines())),
        seed=asked(lambda w: plan.run(plan.beside_engines()).draw),
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q}"
        " --model results/train/{params.run:q}/model --queries {params.queries:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --threads {threads:q}"
        " --out {output.table:q} 2>&1 | tee {log:q}"


ruleorder: engines > alias
