# corpora: raw files, as distributed -> one Parquet file a corpus and split
#
# in   the addresses in config/corpora.yaml, a mirror of them, or resources/sample
# out  results/raw/{corpus}/, results/corpora/{corpus}/{split}.parquet and report.json


plan.announce()


localrules:
    download,


rule sample:
    input:
        code=code("workflow/scripts/sample.py"),
        grammar=asked(lambda w: plan.grammar(w.corpus)),
    output:
        folder=directory("results/raw/{corpus}"),
        card="results/raw/{corpus}.json",
    log:
        "results/logs/sample/{corpus}.log",
    wildcard_constraints:
        corpus=one_of(plan.names(generated=True)),
    conda:
        "../../environment.yml"
    params:
        seed=plan.config.seed,
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --seed {params.seed:q}"
        " --out {output.folder:q} 2>&1 | tee {log:q}"


rule download:
    input:
        asked(to_bring),
        code=code("workflow/scripts/download.py"),
    output:
        file="results/raw/{corpus}/{file}",
        checksum="results/raw/{corpus}/{file}.sha256",
    log:
        "results/logs/download/{corpus}.{file}.log",
    wildcard_constraints:
        corpus=one_of(plan.names(generated=False)),
        file=r"[^/]+(?<!\.sha256)",
    retries: 2
    conda:
        "../../environment.yml"
    params:
        entry=asked(lambda w: plan.pinned(w.corpus, w.file)),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q} --entry {params.entry:q}"
        " --out {output.file:q} 2>&1 | tee {log:q}"


rule corpora:
    input:
        lambda w: raw(w.corpus),
        code=code("workflow/scripts/corpora.py"),
    output:
        collect("results/corpora/{{corpus}}/{split}.parquet", split=SPLITS),
        collect("results/corpora/{{corpus}}/{split}.json", split=SPLITS),
        report="results/corpora/{corpus}/report.json",
    log:
        "results/logs/corpora/{corpus}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: plan.reading(w.corpus),
    shell:
        "python -P {input.code[0]:q} --corpus {wildcards.corpus:q}"
        " --settings {params.settings:q} --raw results/raw/{wildcards.corpus:q}"
        " --out results/corpora/{wildcards.corpus:q} 2>&1 | tee {log:q}"
