"""What every subcommand that calls an agent shares: how it is reached, and what failures mean."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from hpcagent.client import Agent, AgentFailure

DEFAULT_ADDRESS: Final = "unix:/run/hpcagent/hpcagent.sock"

STATUSES: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 2,
    "NOT_FOUND": 3,
    "PERMISSION_DENIED": 4,
    "UNAUTHENTICATED": 4,
    "DEADLINE_EXCEEDED": 5,
    "UNAVAILABLE": os.EX_UNAVAILABLE,
    "RESOURCE_EXHAUSTED": os.EX_TEMPFAIL,
}
"""Exit status by gRPC's code; 1 for all others."""
UNKNOWN_OUTCOME: Final = 7
NOT_COMPLETED: Final = 6

EXIT_STATUS: Final = f"""\
exit status:
   0  done
   1  failed otherwise: Slurm refused, or the job's state does not allow it
   2  wrong arguments, or a request that cannot be carried out: each fault is named
   3  no such job, or file
   4  not allowed
   5  no answer in time; nothing was changed
   {NOT_COMPLETED}  a job that was waited for did not complete
   {UNKNOWN_OUTCOME}  it may have been done: the same --request-id finds out
  {os.EX_UNAVAILABLE}  the agent, slurmctld or slurmdbd does not answer; nothing was done, try again
  {os.EX_TEMPFAIL}  too much at once, or a limit; a later attempt may succeed

environment: HPCAGENT_ADDRESS, HPCAGENT_CA, HPCAGENT_CERT, HPCAGENT_KEY: as the options.
"""

Answer: TypeAlias = dict[str, Any]


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where the agent is, and how to print."""
    group = parser.add_argument_group("connection")
    address = os.environ.get("HPCAGENT_ADDRESS", DEFAULT_ADDRESS)
    group.add_argument(
        "--address", default=address, help="unix:PATH or HOST:PORT (default: %(default)s)"
    )
    for name, words in (
        ("ca", "certificates to trust (PEM); with it the connection is TLS"),
        ("cert", "certificate to show (PEM)"),
        ("key", "its key (PEM)"),
    ):
        value = os.environ.get(f"HPCAGENT_{name.upper()}", "")
        group.add_argument(f"--{name}", default=value, metavar="FILE", help=words)
    group.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="(default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, also on a terminal")


def wants_json(args: argparse.Namespace) -> bool:
    """Whether to print JSON: where nobody reads tables, or it was asked for."""
    return bool(args.json) or not sys.stdout.isatty()


def print_json(answer: object) -> None:
    """Print an answer for programs."""
    print(json.dumps(answer, indent=2, ensure_ascii=False))


def calling(args: argparse.Namespace, do: Callable[["Agent", argparse.Namespace], int]) -> int:
    """Do something with the agent, and say what went wrong; returns the exit status."""
    from hpcagent.client import Agent, AgentFailure, CannotConnectError, Connection

    connection = Connection(args.address, args.ca, args.cert, args.key, args.timeout)
    try:
        with Agent(connection) as agent:
            return do(agent, args)
    except AgentFailure as error:
        return _say(error)
    except CannotConnectError as error:
        print(f"hpcagent: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _say(error: "AgentFailure") -> int:
    for line in error.lines():
        print(f"hpcagent: {line}", file=sys.stderr)
    if error.reason.endswith("_OUTCOME_UNKNOWN"):
        return UNKNOWN_OUTCOME
    return STATUSES.get(error.code, 1)
