# train: a base model and curated conversations -> an adapter or full weights
#
# in   results/curate/{run}/{train,dev}.parquet, the base model
# out  results/train/{run}/model/, metrics.json, run.json; checkpoints lie in results/checkpoints/;
#      results/figures/{run}/training.png, .svg; results/train/{run}/footprint.json, README.md
#
# SIGTERM is for the Python process alone, which takes a checkpoint: `tee` and the shell stay.


rule train:
    input:
        lambda w: model(plan.base(w.run)),
        *data("results/curate/{run}/train", "results/curate/{run}/dev"),
        lambda w: plan.counted(w.run),
        code=code("workflow/scripts/train.py"),
    output:
        model=directory("results/train/{run}/model"),
        metrics="results/train/{run}/metrics.json",
        card="results/train/{run}/run.json",
    log:
        "results/logs/train/{run}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: plan.to_train(w.run).cpus
    resources:
        **machine(lambda w: plan.to_train(w.run)),
    params:
        base=asked(lambda w: plan.base(w.run)),
        settings=asked(lambda w: plan.run(w.run).train.dump()),
        predict=asked(lambda w: plan.validating(w.run)),
        card=asked(lambda w: plan.run_card(w.run)),
        seed=asked(lambda w: plan.run(w.run).draw),
    shell:
        "trap '' TERM; PYTHONSAFEPATH=1 python -m bionerflow.workflow.gpus {resources.gpu:q}"
        " $( [ {resources.gpu:q} -lt 2 ] ||"
        " echo -m torch.distributed.run --standalone --nproc-per-node {resources.gpu:q} )"
        " {input.code[0]:q} --conversations results/curate/{wildcards.run:q}"
        " --base {params.base:q} --settings {params.settings:q} --predict {params.predict:q}"
        " --card {params.card:q} --seed {params.seed:q} --threads {threads:q}"
        " --checkpoints results/checkpoints --out results/train/{wildcards.run:q} 2>&1 | tee {log:q}"


rule training:
    input:
        metrics="results/train/{run}/metrics.json",
        code=code("workflow/scripts/training.py"),
    output:
        png="results/figures/{run}/training.png",
        svg="results/figures/{run}/training.svg",
        footprint="results/train/{run}/footprint.json",
    log:
        "results/logs/train/{run}.training.log",
    conda:
        "../../environment.yml"
    params:
        constants=plan.config.footprint.dump(),
    shell:
        "python -P {input.code[0]:q} --metrics {input.metrics:q}"
        " --constants {params.constants:q} --footprint {output.footprint:q}"
        " --figures {output.png:q} {output.svg:q} 2>&1 | tee {log:q}"


rule card:
    input:
        metrics="results/train/{run}/metrics.json",
        footprint="results/train/{run}/footprint.json",
        evaluation="results/evaluate/{run}.json",
        code=code("workflow/scripts/card.py"),
    output:
        card="results/train/{run}/README.md",
    log:
        "results/logs/train/{run}.card.log",
    conda:
        "../../environment.yml"
    params:
        about=asked(lambda w: plan.about(w.run)),
    shell:
        "python -P {input.code[0]:q} --about {params.about:q} --metrics {input.metrics:q}"
        " --footprint {input.footprint:q} --evaluation {input.evaluation:q} --out {output.card:q}"
        " 2>&1 | tee {log:q}"
