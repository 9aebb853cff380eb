# models: base models, fetched from the Hub or, for the tiny family, trained here on training texts
#
# in   config/models.yaml; for the tiny family results/corpora/*/train.parquet and their prompts
# out  results/models/{hub or the configuration's name}/{model}/ and its card


TINY = f"results/models/{plan.config.name}"


localrules:
    local_model,
    package_model,
    prefetch,


rule prefetch:
    input:
        code=code("workflow/scripts/prefetch.py"),
    output:
        folder=directory("results/models/hub/{model}"),
        card="results/models/hub/{model}.json",
    log:
        "results/logs/prefetch/{model}.log",
    wildcard_constraints:
        model=one_of(plan.model_names("hub")),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.fetching(w.model),
    shell:
        "HF_HUB_OFFLINE=0 python -P {input.code[0]} --settings {params.settings:q}"
        " --out {output.folder} 2>&1 | tee {log}"


rule package_model:
    input:
        code=code("workflow/scripts/package_model.py"),
    output:
        folder=directory("results/models/package/{model}"),
        card="results/models/package/{model}.json",
    log:
        "results/logs/package_model/{model}.log",
    wildcard_constraints:
        model=one_of(plan.model_names("package")),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.fetching(w.model),
    shell:
        "python -P {input.code[0]} --settings {params.settings:q} --out {output.folder}"
        " 2>&1 | tee {log}"


# Exchanged weights change the parameters, whatever their time stamp says.
rule local_model:
    input:
        code=code("workflow/scripts/local_model.py"),
    output:
        folder=directory("results/models/local/{model}"),
        card="results/models/local/{model}.json",
    log:
        "results/logs/local_model/{model}.log",
    wildcard_constraints:
        model=one_of(plan.model_names("local")),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.fetching(w.model),
        weights=asked(lambda w: plan.weights(w.model)),
    shell:
        "python -P {input.code[0]} --settings {params.settings:q} --out {output.folder}"
        " 2>&1 | tee {log}"


rule tokenizer:
    input:
        *data(
            *collect(
                "results/corpora/{corpus}/train", corpus=plan.pretraining_corpora()
            )
        ),
        *data(*plan.prompts()),
        code=code("workflow/scripts/tokenizer.py"),
    output:
        folder=directory(f"{TINY}/tokenizer"),
        card=f"{TINY}/tokenizer.json",
    log:
        "results/logs/models/tokenizer.log",
    conda:
        "../../environment.yml"
    params:
        corpora=plan.pretraining_corpora(),
        rendered=collect("{stem}.parquet", stem=plan.prompts()),
        vocabulary=plan.config.vocabulary,
    shell:
        "python -P {input.code[0]} --corpora {params.corpora} --examples results/corpora"
        " --rendered {params.rendered} --vocabulary {params.vocabulary} --out {output.folder}"
        " 2>&1 | tee {log}"


rule pretrain:
    input:
        *data(
            *collect(
                "results/corpora/{corpus}/train", corpus=plan.pretraining_corpora()
            )
        ),
        tokenizer=model(f"{TINY}/tokenizer"),
        code=code("workflow/scripts/pretrain.py"),
    output:
        folder=directory(f"{TINY}/{{model}}"),
        card=f"{TINY}/{{model}}.json",
    log:
        "results/logs/models/{model}.log",
    wildcard_constraints:
        model=one_of(plan.model_names("pretrain")),
    conda:
        "../../environment.yml"
    threads: lambda w: plan.resources(w.model).cpus
    resources:
        **machine(lambda w: plan.resources(w.model)),
    params:
        corpora=plan.pretraining_corpora(),
        settings=lambda w: plan.recipe(w.model),
        seed=plan.config.seed,
    shell:
        "trap '' TERM; python -P -m bionerflow.gpus {resources.gpu} {input.code[0]}"
        " --corpora {params.corpora}"
        " --examples results/corpora"
        " --tokenizer {input.tokenizer[0]} --settings {params.settings:q} --seed {params.seed}"
        " --threads {threads} --checkpoints results/checkpoints --out {output.folder}"
        " 2>&1 | tee {log}"
