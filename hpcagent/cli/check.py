"""``hpcagent check``: what keeps the daemon from working here, and what to do about it."""

import argparse
import json
from dataclasses import asdict
from typing import Final

from hpcagent.cli.serve import add_config

DESCRIPTION: Final = """\
Judge the settings and all that they rely on, without starting the daemon: slurm.conf, libslurm,
privileges, munge and slurmctld; Kubernetes clusters and the agent's rights there; the addresses to
listen on. Run it as the user that the daemon runs
as. The exit status is 78 if something must be configured or installed differently, 1 if something
else fails, and 0 if nothing does.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``check`` to the command line."""
    words = "say what keeps the daemon from working, and what to do about it"
    parser = subparsers.add_parser("check", help=words, description=DESCRIPTION)
    parser.set_defaults(run=run)
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Look at everything and print what is found; returns the exit status."""
    import structlog

    from hpcagent.cli.examination import examine, exit_status, in_words

    # What the supervisor of the worker would log is among the findings, in better words.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    findings = []
    for finding in examine(args.config):
        findings.append(finding)
        if not args.json:
            print(in_words(finding), flush=True)
    status = exit_status(findings)
    if args.json:
        print(json.dumps({"exit_status": status, "findings": [asdict(one) for one in findings]}))
    return status
