# train: a base model and curated conversations -> an adapter or full weights
#
# in   results/curate/{run}/{train,dev}.parquet, the base model
# out  results/train/{run}/model/ and metrics.json; checkpoints lie in results/checkpoints/


rule train:
    input:
        lambda w: model(plan.base(w.run)),
        *data("results/curate/{run}/train", "results/curate/{run}/dev"),
        code=code("workflow/scripts/train.py"),
    output:
        model=directory("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
    log:
        "results/logs/train/{run}.log",
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        gpu=lambda w: plan.run_resources(w.run).gpus,
        mem_mb=lambda w: plan.run_resources(w.run).memory_mb,
        runtime=lambda w: plan.run_resources(w.run).runtime_min,
    params:
        base=asked(lambda w: plan.base(w.run)),
        settings=asked(lambda w: plan.run(w.run).train.dump()),
        predict=asked(lambda w: plan.validating(w.run)),
        seed=asked(lambda w: plan.run(w.run).draw),
    shell:
        "python -P workflow/scripts/train.py --conversations results/curate/{wildcards.run}"
        " --base {params.base} --settings {params.settings:q} --predict {params.predict:q}"
        " --seed {params.seed} --threads {threads} --checkpoints results/checkpoints"
        " --out results/train/{wildcards.run} 2>&1 | tee {log}"
