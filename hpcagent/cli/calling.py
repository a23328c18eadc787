"""What every subcommand that calls an agent shares: how it is reached, and what failures mean."""

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hpcagent.cli.tables import plain

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
INTERRUPTED: Final = 130

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
 {INTERRUPTED}  interrupted from the keyboard

environment: HPCAGENT_ADDRESS, HPCAGENT_CA, HPCAGENT_CERT, HPCAGENT_KEY: as the options.
"""

_CONTROL: Final = re.compile(r"[\x7f-\x9f]")
"""What json leaves as it is of what a terminal may obey."""

Answer: TypeAlias = dict[str, Any]


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where the agent is, and how to print."""
    group = parser.add_argument_group("connection")
    address = os.environ.get("HPCAGENT_ADDRESS", DEFAULT_ADDRESS)
    group.add_argument(
        "--address", default=address, help="unix:PATH or HOST:PORT (default: %(default)s)"
    )
    for name, words in (
        ("ca", "certificates to trust (PEM); with any of the three the connection is TLS"),
        ("cert", "certificate to show (PEM)"),
        ("key", "its key (PEM)"),
    ):
        value = os.environ.get(f"HPCAGENT_{name.upper()}", "")
        group.add_argument(f"--{name}", default=value, metavar="FILE", help=words)
    group.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="(default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, also on a terminal")


def _seconds(text: str) -> float:
    """Return a length of time; a ValueError is argparse's to tell."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return seconds


def wants_json(args: argparse.Namespace) -> bool:
    """Whether to print JSON: where nobody reads tables, or it was asked for."""
    return bool(args.json) or not sys.stdout.isatty()


def print_json(answer: object, indent: int | None = 2) -> None:
    """Print an answer for programs; ``indent`` None: on one line."""
    text = json.dumps(answer, indent=indent, ensure_ascii=False)
    print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def calling(args: argparse.Namespace, do: Callable[["Agent", argparse.Namespace], int]) -> int:
    """Do something with the agent, and say what went wrong; returns the exit status."""
    from hpcagent.client import Agent, AgentFailure, CannotConnectError, Connection

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a locale cannot say is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    connection = Connection(args.address, args.ca, args.cert, args.key, args.timeout)
    try:
        with Agent(connection) as agent:
            status = do(agent, args)
        sys.stdout.flush()
    except AgentFailure as error:
        return say(error)
    except CannotConnectError as error:
        print(f"hpcagent: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def refused(said: str) -> int:
    """Say why arguments make no request; returns the exit status."""
    print(f"hpcagent: {said}", file=sys.stderr)
    return 2


def say(error: "AgentFailure", about: str = "") -> int:
    """Tell what went wrong, all of it; returns the exit status."""
    for line in error.lines():
        print(f"hpcagent: {plain(about + line)}", file=sys.stderr)
    if error.request_id:
        said = f"to find out, repeat it with --request-id={error.request_id}"
        print(f"hpcagent: {said}", file=sys.stderr)
        return UNKNOWN_OUTCOME
    return STATUSES.get(error.code, 1)
