# gather: the shares of several jobs -> the file that one job would have made
#
# in   results/ifd/{...}.parts/*.parquet or results/predict/{run}.parts/*.parquet
# out  results/ifd/{...}.parquet or results/predict/{run}.parquet


ruleorder: gather > ifd
ruleorder: gather > predict


rule gather:
    input:
        lambda w: data(*plan.shares_of(f"results/{w.whole}")),
        code=code("workflow/scripts/gather.py"),
    output:
        whole="results/{whole}.parquet",
        card="results/{whole}.json",
    log:
        "results/logs/gather/{whole}.log",
    wildcard_constraints:
        whole=one_of(stem.removeprefix("results/") for stem in plan.shared_out()),
    conda:
        "../../environment.yml"
    params:
        shares=lambda w: [
            f"{share}.parquet" for share in plan.shares_of(f"results/{w.whole}")
        ],
    shell:
        "python -P {input.code[0]:q} --shares {params.shares:q} --out {output.whole:q}"
        " 2>&1 | tee {log:q}"
