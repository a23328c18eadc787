"""The command line: arguments in, calls out. One module for each subcommand, with two functions.

``add_parser`` describes its arguments and costs nothing to import; ``run`` does the work, imports
what that needs, and returns the exit status.
"""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from hpcagent.cli import check, cluster, job, sandbox, serve

SUBCOMMANDS: Final = (serve, check, sandbox, job, cluster)

EPILOG: Final = """\
exit status: 0 done; 1 failed; 2 wrong arguments; 78 the configuration is refused
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status."""
    args = _parser().parse_args(arguments)
    status: int = args.run(args)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hpcagent",
        description="A gRPC daemon that submits and follows jobs on one Slurm cluster.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"hpcagent {version('hpcagent')}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for subcommand in SUBCOMMANDS:
        subcommand.add_parser(subparsers)
    return parser
