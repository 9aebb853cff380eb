# evaluate: predictions and gold -> counts, scores, intervals, error classes
#
# in   results/predict/{run}.parquet or results/select/{run}+{selector}.parquet, gold, training set
# out  results/evaluate/{predictions}.json; results/measured/{predictions}.jsonl, without text


rule evaluate:
    input:
        lambda w: data(*plan.evaluated(w.predictions)),
        code=code("workflow/scripts/evaluate.py"),
    output:
        scores="results/evaluate/{predictions}.json",
    log:
        "results/logs/evaluate/{predictions}.log",
    conda:
        "../../environment.yml"
    params:
        predictions=asked(lambda w: f"{plan.prediction_file(w.predictions)}.parquet"),
        train=asked(
            lambda w: f"results/curate/{w.predictions.partition('+')[0]}/train.parquet"
        ),
    shell:
        "python -P {input.code[0]:q} --predictions {params.predictions:q}"
        " --gold results/corpora --train {params.train:q} --out {output.scores:q} 2>&1 | tee {log:q}"


rule keep:
    input:
        lambda w: data(*plan.evaluated(w.predictions)),
        evaluation="results/evaluate/{predictions}.json",
        metrics=lambda w: f"results/train/{w.predictions.partition('+')[0]}/metrics.json",
        code=code("workflow/scripts/keep.py"),
    output:
        "results/measured/{predictions}.jsonl",
    log:
        "results/logs/keep/{predictions}.log",
    conda:
        "../../environment.yml"
    params:
        predictions=asked(lambda w: f"{plan.prediction_file(w.predictions)}.parquet"),
    shell:
        "python -P {input.code[0]:q} --predictions {params.predictions:q}"
        " --evaluation {input.evaluation:q} --metrics {input.metrics:q} --out {output:q}"
        " 2>&1 | tee {log:q}"


rule restore:
    input:
        lambda w: data(
            *[
                f"results/corpora/{corpus}/test"
                for corpus in plan.tested(w.predictions.partition("+")[0])
            ]
        ),
        kept=lambda w: plan.place("resources", "measured", f"{w.predictions}.jsonl"),
        code=code("workflow/scripts/restore.py"),
    output:
        predictions="results/measured/{predictions}.parquet",
        card="results/measured/{predictions}.json",
    log:
        "results/logs/restore/{predictions}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -P {input.code[0]:q} --kept {input.kept:q} --gold results/corpora"
        " --out {output.predictions:q} 2>&1 | tee {log:q}"
