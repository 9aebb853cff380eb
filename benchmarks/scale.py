"""What a configuration's whole grid costs, by formula: conversations, tokens, GPU hours, storage.

Estimates. A training step costs 6 operations a weight and token, with an adapter 4 (no gradients of
the frozen weights), at a share of a GPU's peak; answers are bound by reading the weights once a
token and batch. Give your own rates where you have measured them: metrics.json has both.
"""

import argparse
from pathlib import Path

import yaml

from bionerflow.config.runs import Run
from bionerflow.workflow.plan import Plan

PEAK, SHARE = 312e12, 0.4  # A100, bf16; the share is an assumption
BANDWIDTH, READ = 2.0e12, 0.5  # bytes a second; the share is an assumption
PROMPT, ANSWER = 250, 40  # tokens of a conversation: an assumption
SENTENCES = 10_000  # of a training set without a limit: an assumption
WEIGHTS = {
    "qwen2.5-0.5b": 0.49e9,
    "llama-3.2-1b": 1.24e9,
    "qwen3-4b": 4.0e9,
    "qwen3-8b": 8.2e9,
    "glm4-9b": 9.4e9,
}


def main() -> None:
    """Print a row a model and what the whole comes to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"))
    plan = Plan(yaml.safe_load(parser.parse_args().config.read_text(encoding="utf-8")))
    print("| model | runs | training tokens | training h | answering h | models GB |")
    print("|---|--:|--:|--:|--:|--:|")
    for model in dict.fromkeys(run.model for run in plan.runs.values()):
        runs = [run for run in plan.runs.values() if run.model == model]
        print(row(model, runs))


def row(model: str, runs: list[Run]) -> str:
    """Return a model's row: GPU hours of one A100, and storage of the trained models."""
    weights = WEIGHTS[model]
    tokens = sum(training_tokens(run) for run in runs)
    operations = sum(training_tokens(run) * (6 if full(run) else 4) * weights for run in runs)
    answers = sum(answered(run) / run.predict.batch_size for run in runs) * ANSWER
    training = operations / (PEAK * SHARE) / 3600
    answering = answers * 2 * weights / (BANDWIDTH * READ) / 3600
    storage = sum(weights * 4 if full(run) else weights * 0.02 for run in runs) / 1e9
    numbers = f"{tokens / 1e6:,.0f} M | {training:,.1f} | {answering:,.1f} | {storage:,.0f}"
    return f"| {model} | {len(runs)} | {numbers} |"


def full(run: Run) -> bool:
    """Tell whether all weights of a run are trained."""
    return run.train.method == "full"


def training_tokens(run: Run) -> float:
    """Return the tokens of a run's training, at most."""
    limits = [
        run.curate.limits.get(corpus, run.curate.train or SENTENCES) for corpus in run.corpora
    ]
    kept = sum(limits) * len(run.formats) * run.curate.rho
    return kept * run.train.num_train_epochs * (PROMPT + ANSWER)


def answered(run: Run) -> int:
    """Return the queries that a run answers: test, and dev at each validation."""
    test = sum(
        run.predict.limits.get(corpus, run.predict.test or SENTENCES) for corpus in run.corpora
    )
    dev = (
        (run.curate.dev or 0)
        * len(run.corpora)
        * run.train.num_train_epochs
        * run.train.validations_per_epoch
    )
    return int((test + dev) * len(run.formats))


if __name__ == "__main__":
    main()
