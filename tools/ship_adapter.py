"""Put a run's adapter into resources/adapters, in bfloat16.

    python tools/ship_adapter.py RUN --as disease --base smollm2-135m

The run's card, its model card (results/train/{run}/README.md) and its scores come along, no text.
"""

import argparse
import shutil
import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bionerflow.models.shipped import ADAPTERS, CARD, DESCRIPTION, WEIGHTS
from bionerflow.utils.files import read_json, sha256, write_json


def main() -> None:
    """Read the arguments and write the adapter's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="id of a LoRA run in results/train")
    parser.add_argument("--as", dest="name", required=True, help="name for `annotate --model`")
    parser.add_argument("--base", required=True, help="name of the base in config/models.yaml")
    args = parser.parse_args()
    run, folder = Path("results/train", args.run), ADAPTERS / args.name
    folder.mkdir(parents=True, exist_ok=True)
    weights = load_file(run / "model" / WEIGHTS)
    half = {name: weight.to(torch.bfloat16) for name, weight in weights.items()}
    save_file(half, folder / WEIGHTS, {"format": "pt"})
    config = read_json(run / "model" / "adapter_config.json")
    write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": args.base})
    for name in (CARD, "README.md"):
        shutil.copy(run / name, folder / name)
    evaluation = read_json(f"results/evaluate/{args.run}.json")
    pooled = [s for s in evaluation["scores"] if s["corpus"] is None and s["format"] is None]
    git = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    about = {"run": args.run, "base": args.base, "sha256": sha256(folder / WEIGHTS)}
    scores = {key: pooled[0][key] for key in ("n", "strict", "relaxed", "seen", "unseen")}
    write_json(folder / DESCRIPTION, about | {"trained_at_commit": commit, "scores": scores})


if __name__ == "__main__":
    main()
