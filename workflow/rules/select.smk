# select: a trained classifier keeps the predicted entities that it holds for true
#
# in   results/corpora/{corpus}/train.parquet, a base model; then results/predict/{run}.parquet
# out  results/select/{selector}/model/ and metrics.json; results/select/{run}+{selector}.parquet;
#      the selector `oracle` is gold itself, the ceiling of filtering; `confidence@{selector}` keeps as
#      many as the selector by the model's own confidence, its control;
#      results/figures/{run}+{selector}/threshold.png, .svg: precision by recall on dev;
#      checkpoints of a training lie in results/checkpoints/select/
#
# SIGTERM is for the Python process alone, which takes a checkpoint, as in `train`.


rule fit_selector:
    input:
        lambda w: model(plan.model_folder(plan.selector(w.selector)[0].base)),
        lambda w: data(
            *[f"results/corpora/{c}/train" for c in plan.selector(w.selector)[1]]
        ),
        code=code("workflow/scripts/select.py"),
    output:
        model=directory("results/select/{selector}/model"),
        metrics="results/select/{selector}/metrics.json",
    log:
        "results/logs/select/{selector}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_fit(w.selector).cpus
    resources:
        **machine(lambda w: plan.to_fit(w.selector)),
    params:
        corpora=asked(
            lambda w: [
                f"results/corpora/{c}/train.parquet"
                for c in plan.selector(w.selector)[1]
            ]
        ),
        types=asked(lambda w: plan.judged_types(w.selector)),
        base=asked(lambda w: plan.model_folder(plan.selector(w.selector)[0].base)),
        settings=asked(lambda w: plan.selector_training(w.selector)),
        seed=plan.config.seed,
    shell:
        "trap '' TERM; PYTHONSAFEPATH=1 python -m bionerflow.workflow.gpus {resources.gpu:q}"
        " $( [ {resources.gpu:q} -lt 2 ] ||"
        " echo -m torch.distributed.run --standalone --nproc-per-node {resources.gpu:q} )"
        " {input.code[0]:q} fit --corpora {params.corpora:q} --types {params.types:q}"
        " --base {params.base:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --threads {threads:q} --checkpoints results/checkpoints"
        " --out results/select/{wildcards.selector:q} 2>&1 | tee {log:q}"


rule select:
    input:
        lambda w: data(*[f"results/corpora/{c}/test" for c in plan.tested(w.run)]),
        *data("results/predict/{run}"),
        model=lambda w: ancient(f"results/select/{plan.fitted(w.selector)}/model"),
        metrics=lambda w: f"results/select/{plan.fitted(w.selector)}/metrics.json",
        tuned=lambda w: plan.tuned(w.run, w.selector),
        code=code("workflow/scripts/select.py"),
    output:
        predictions="results/select/{run}+{selector}.parquet",
        card="results/select/{run}+{selector}.json",
    log:
        "results/logs/select/{run}+{selector}.log",
    wildcard_constraints:
        selector=r"(?!oracle\.|confidence@)[^/]+",  # gold itself, and the model's own confidence
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_filter(w.run, w.selector).cpus
    resources:
        **machine(lambda w: plan.to_filter(w.run, w.selector)),
    params:
        examples=asked(
            lambda w: [f"results/corpora/{c}/test.parquet" for c in plan.tested(w.run)]
        ),
        threshold=asked(lambda w: plan.threshold(w.run, w.selector)),
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q} filter"
        " --examples {params.examples:q}"
        " --predictions results/predict/{wildcards.run:q}.parquet --selector {input.model:q}"
        " --threshold {params.threshold:q} --out {output.predictions:q} 2>&1 | tee {log:q}"


rule tune_selector:
    input:
        lambda w: data(*[f"results/corpora/{c}/dev" for c in plan.run(w.run).corpora]),
        *data("results/predict/dev/{run}"),
        model=ancient("results/select/{selector}/model"),
        metrics="results/select/{selector}/metrics.json",
        code=code("workflow/scripts/select.py"),
    output:
        "results/select/dev/{run}+{selector}.json",
    log:
        "results/logs/select/dev/{run}+{selector}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_filter(w.run, w.selector).cpus
    resources:
        **machine(lambda w: plan.to_filter(w.run, w.selector)),
    params:
        examples=asked(
            lambda w: [
                f"results/corpora/{c}/dev.parquet" for c in plan.run(w.run).corpora
            ]
        ),
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q} tune"
        " --examples {params.examples:q}"
        " --predictions results/predict/dev/{wildcards.run:q}.parquet --selector {input.model:q}"
        " --out {output:q} 2>&1 | tee {log:q}"


rule threshold:
    input:
        tuned="results/select/dev/{run}+{selector}.json",
        code=code("workflow/scripts/threshold.py"),
    output:
        png="results/figures/{run}+{selector}/threshold.png",
        svg="results/figures/{run}+{selector}/threshold.svg",
    log:
        "results/logs/select/{run}+{selector}.threshold.log",
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} --tuned {input.tuned:q}"
        " --out results/figures/{wildcards.run:q}+{wildcards.selector:q}/threshold 2>&1 | tee {log:q}"


rule filter_by_gold:
    input:
        lambda w: data(*[f"results/corpora/{c}/test" for c in plan.tested(w.run)]),
        *data("results/predict/{run}"),
        code=code("workflow/scripts/select.py"),
    output:
        predictions="results/select/{run}+oracle.parquet",
        card="results/select/{run}+oracle.json",
    log:
        "results/logs/select/{run}+oracle.log",
    conda:
        "../../environment.yml"
    params:
        examples=asked(
            lambda w: [f"results/corpora/{c}/test.parquet" for c in plan.tested(w.run)]
        ),
    shell:
        "python -P {input.code[0]:q} oracle --examples {params.examples:q}"
        " --predictions results/predict/{wildcards.run:q}.parquet --out {output.predictions:q}"
        " 2>&1 | tee {log:q}"


rule filter_by_confidence:
    input:
        *data("results/predict/{run}"),
        *data("results/select/{run}+{selector}"),
        code=code("workflow/scripts/select.py"),
    output:
        predictions="results/select/{run}+confidence@{selector}.parquet",
        card="results/select/{run}+confidence@{selector}.json",
    log:
        "results/logs/select/{run}+confidence@{selector}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} confidence"
        " --predictions results/predict/{wildcards.run:q}.parquet"
        " --selected results/select/{wildcards.run:q}+{wildcards.selector:q}.parquet"
        " --out {output.predictions:q} 2>&1 | tee {log:q}"
