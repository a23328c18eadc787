"""``hpcagent serve``: the daemon, until SIGTERM."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

DEFAULT_CONFIG: Final = Path("/etc/hpcagent/hpcagent.toml")

DESCRIPTION: Final = """\
Serve gRPC until SIGTERM or SIGINT; the calls under way are then let end for server.drain seconds.
A second SIGTERM ends at once. SIGHUP takes up a changed slurm.conf and log.level.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``serve`` to the command line."""
    parser = subparsers.add_parser("serve", help="run the daemon", description=DESCRIPTION)
    parser.set_defaults(run=run)
    add_config(parser)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says where the settings are."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="the settings, as TOML (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the daemon; returns the exit status."""
    from hpcagent import daemon
    from hpcagent.config import ConfigError
    from hpcagent.server.listen import ListenError
    from hpcagent.slurm.scheduler import LibraryUnusableError
    from hpcagent.state import StateError

    try:
        daemon.run(args.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return os.EX_CONFIG
    except LibraryUnusableError as error:
        _say("libslurm_unusable", error)
        return os.EX_CONFIG if error.permanent else 1
    except daemon.ClientMissingError as error:
        _say("kubernetes_client_missing", error)
        return os.EX_CONFIG
    except StateError as error:
        _say("state_unusable", error)
        return 1
    except ListenError as error:
        _say("cannot_listen", error)
        return 1
    return 0


def _say(event: str, error: Exception) -> None:
    """Log why the daemon has not started, for it has got as far as to have a log."""
    import structlog

    structlog.get_logger(__name__).error(event, trouble=str(error))
