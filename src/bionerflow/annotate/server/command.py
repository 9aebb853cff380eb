"""The options of `bionerflow serve`, apart from the code that needs PyTorch and FastAPI."""

import argparse
from pathlib import Path
from typing import Any

from bionerflow.config.engines import ENGINES
from bionerflow.utils.errors import UserError

ABOUT = """\
Answer requests for annotation: a page to paste or drop texts, and a REST interface, both without
any network. Only this machine reaches the server unless another address is allowed. /docs of the
address that is printed describes the interface.
"""
EXAMPLE = """\
example:
  bionerflow serve --model demo.smollm2-135m.conv_term.draw1
  bionerflow serve --model RUN smollm2-135m --port 8080
"""


def add_options(its: argparse.ArgumentParser) -> None:
    """Add what `serve` is told."""
    its.add_argument("--model", nargs="+", default=[], metavar="RUN",
                     help="ids or folders of runs, adapters that come with the project, or chat "
                     "models (default: these adapters and all runs in results/train)")  # fmt: skip
    its.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: 8000)")
    its.add_argument("--host", default="127.0.0.1", help="address to listen at (default: loopback)")
    its.add_argument("--allow-network", action="store_true",
                     help="let other machines in: nobody is asked for a password")  # fmt: skip
    its.add_argument("--engine", nargs="+", choices=ENGINES, default=["torch"], metavar="ENGINE",
                     help="to choose from, the usual one first: " + ", ".join(ENGINES))  # fmt: skip
    its.add_argument("--engine-settings", type=Path, metavar="FILE",
                     help="YAML: settings by engine, as under predict")  # fmt: skip
    its.add_argument("--selector", metavar="S", help="id or folder of a selector that filters")
    its.add_argument("--threshold", default="0.5",
                     help="probability from which the selector keeps a mention, or the file of a "
                     "tuned one")  # fmt: skip
    its.set_defaults(command=serve)


def serve(args: argparse.Namespace) -> None:
    """Answer requests until the process is stopped."""
    from bionerflow.select.threshold import read_threshold

    try:
        from bionerflow.annotate.server.models import Models, offered
        from bionerflow.annotate.server.run import serve as run
    except ModuleNotFoundError as error:
        raise UserError(
            f"The package {error.name} is missing: pip install 'bionerflow[serve]'."
        ) from error
    judging = (args.selector, read_threshold(args.threshold), None)
    models = Models(offered(args.model, args.engine), engines_of(args), judging)
    run(models, args.host, args.port, args.allow_network)


def engines_of(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the engines to choose from, each as keys of the settings of `predict`.

    Raises:
        UserError: the file of settings is none.
    """
    import yaml

    given: Any = {}
    if args.engine_settings:
        try:
            given = yaml.safe_load(args.engine_settings.read_text("utf-8")) or {}
        except (yaml.YAMLError, ValueError) as error:
            raise UserError(f"{args.engine_settings} is no YAML of settings: {error}") from None
    if not isinstance(given, dict) or set(given) - set(args.engine):
        raise UserError(
            f"{args.engine_settings}: its keys are to be engines given with --engine "
            f"({', '.join(args.engine)})."
        )
    return {
        name: {"engine": name} | ({name: given[name]} if name in given else {})
        for name in args.engine
    }
