# ifd: how much a prompt helps a weak model to write its answer
#
# in   results/render/{corpus}/train.{format}.parquet, a weak model
# out  results/ifd/{scorer}/{corpus}.{format}.{mode}.parquet


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
    threads: lambda w: plan.resources(w.scorer).cpus
    resources:
        gpu=lambda w: plan.resources(w.scorer).gpus,
        mem_mb=lambda w: plan.resources(w.scorer).memory_mb,
        runtime=lambda w: plan.resources(w.scorer).runtime_min,
    params:
        folder=lambda w: plan.model_folder(w.scorer),
        negatives=lambda w: (
            "--negatives" if plan.scores_negatives(w.scorer, w.mode) else ""
        ),
    shell:
        "python -P -m bionerflow.gpus {resources.gpu} {input.code[0]}"
        " --mode {wildcards.mode} --model {params.folder}"
        " --conversations results/render/{wildcards.corpus}/train.{wildcards.format}.parquet"
        " {params.negatives} --checkpoints results/checkpoints --out {output.scores} 2>&1 | tee {log}"
