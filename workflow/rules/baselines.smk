# baselines: a dictionary, a token classifier, predictions of other programs, in place of an LLM
#
# in   results/curate/{run}/{train,dev}.parquet, an encoder, or a JSONL file of predictions
# out  what an LLM's run has: results/train/{run}/, results/predict/{run}.parquet;
#      results/cost/{run}.json, what finding took, of any run; results/train/{run}/cost.json, that
#      per sentence; results/tables/baselines.csv, all systems beside each other


ruleorder: fit_baseline > train
ruleorder: find > predict
ruleorder: find_dev > predict_dev
ruleorder: systems > alias


BASELINE = one_of(plan.baselines())


rule fit_baseline:
    input:
        lambda w: [path for folder in plan.encoders(w.run) for path in model(folder)],
        *data("results/curate/{run}/train", "results/curate/{run}/dev"),
        external=lambda w: plan.external(w.run),
        code=code("workflow/scripts/fit_baseline.py"),
    output:
        model=directory("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        card="results/train/{run}/run.json",
    log:
        "results/logs/train/{run}.log",
    wildcard_constraints:
        run=BASELINE,
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_train(w.run).cpus
    resources:
        **machine(lambda w: plan.to_train(w.run)),
    params:
        base=asked(lambda w: [f"--base={folder}" for folder in plan.encoders(w.run)]),
        external=asked(
            lambda w: [f"--predictions={file}" for file in plan.external(w.run)]
        ),
        settings=asked(lambda w: plan.run(w.run).train.dump()),
        card=asked(lambda w: plan.baseline_card(w.run)),
        seed=asked(lambda w: plan.run(w.run).draw),
    shell:
        "trap '' TERM; PYTHONSAFEPATH=1 python -m bionerflow.workflow.gpus {resources.gpu:q}"
        " $( [ {resources.gpu:q} -lt 2 ] ||"
        " echo -m torch.distributed.run --standalone --nproc-per-node {resources.gpu:q} )"
        " {input.code[0]:q} --conversations results/curate/{wildcards.run:q}"
        " {params.base:q} {params.external:q} --settings {params.settings:q}"
        " --card {params.card:q} --seed {params.seed:q} --threads {threads:q}"
        " --checkpoints results/checkpoints --out results/train/{wildcards.run:q} 2>&1 | tee {log:q}"


rule find:
    input:
        lambda w: data(*plan.rendered(w.run, "test")),
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/predict_baseline.py"),
    output:
        predictions="results/predict/{run}.parquet",
        card="results/predict/{run}.json",
        cost="results/cost/{run}.json",
    log:
        "results/logs/predict/{run}.log",
    wildcard_constraints:
        run=BASELINE,
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_answer(w.run).cpus
    resources:
        **machine(lambda w: plan.to_answer(w.run)),
    params:
        system=asked(lambda w: plan.run(w.run).system),
        queries=asked(
            lambda w: [f"{stem}.parquet" for stem in plan.rendered(w.run, "test")]
        ),
        settings=asked(lambda w: plan.finding(w.run)),
        seed=asked(lambda w: plan.run(w.run).draw),
        cost="results/cost/{run}.json",
    shell:
        "python -P -m bionerflow.workflow.gpus {resources.gpu:q} {input.code[0]:q}"
        " --system {params.system:q} --model {input.model:q} --queries {params.queries:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --threads {threads:q}"
        " --cost {params.cost:q} --out {output.predictions:q} 2>&1 | tee {log:q}"


use rule find as find_dev with:
    input:
        lambda w: data(*plan.rendered(w.run, "dev")),
        model=ancient("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/predict_baseline.py"),
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


rule cost:
    input:
        spent=lambda w: plan.spent(w.run),
        code=code("workflow/scripts/cost.py"),
    output:
        "results/train/{run}/cost.json",
    log:
        "results/logs/train/{run}.cost.log",
    conda:
        "../../environment.yml"
    params:
        constants=plan.config.footprint.dump(),
        parameters=asked(lambda w: plan.parameters(plan.run(w.run).model)),
    shell:
        "python -P {input.code[0]:q} --spent {input.spent:q} --parameters {params.parameters:q}"
        " --constants {params.constants:q} --out {output:q} 2>&1 | tee {log:q}"


rule systems:
    input:
        csv="results/tables/baselines/baselines.csv",
        markdown="results/tables/baselines/baselines.md",
    output:
        csv="results/tables/baselines.csv",
        markdown="results/tables/baselines.md",
    log:
        "results/logs/tables/baselines.log",
    conda:
        "../../environment.yml"
    shell:
        "cp {input.csv:q} {output.csv:q} 2> {log:q}; cp {input.markdown:q} {output.markdown:q} 2>> {log:q}"
