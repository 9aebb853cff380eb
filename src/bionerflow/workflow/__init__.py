"""What the Snakemake rules call: the plan behind them, their code inputs, GPU locks."""
