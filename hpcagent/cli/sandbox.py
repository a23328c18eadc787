"""``hpcagent sandbox``: a private Slurm, or Kubernetes, to try hpcagent on, and to break."""

import argparse
import json
import shlex
import sys
from pathlib import Path

from hpcagent.sandbox import ControlPlane, Sandbox, SandboxError, open_any

_NOT_RUNNING = 3
"""Exit status of ``status`` when a daemon does not run, as LSB has it for a stopped service."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``sandbox`` and its verbs to the command line."""
    parser = subparsers.add_parser("sandbox", help="a private Slurm or Kubernetes in a directory")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_up(verbs)
    _add_down(verbs)
    status = verbs.add_parser("status", help="say which of its daemons run")
    env = verbs.add_parser("env", help="print what its clients need in their environment")
    for verb in (status, env):
        _add_directory(verb)
        verb.add_argument("--json", action="store_true", help="print a JSON object")


def _add_up(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = verbs.add_parser("up", help="start one and wait until its nodes are idle")
    up.add_argument("directory", type=Path, nargs="?", help="empty or new (default: a new one)")
    up.add_argument(
        "--kubernetes",
        action="store_true",
        help="start a Kubernetes, not a Slurm; the first one is built with Go, which takes minutes",
    )
    up.add_argument("--nodes", type=_count, default=2, metavar="N", help="(default: 2)")
    up.add_argument(
        "--job-submit-lua", type=Path, metavar="FILE", help="a script for job_submit/lua"
    )
    up.add_argument(
        "--names-in-jobs",
        action="store_true",
        help="let jobs know the sandbox's users, so that whoami works in them",
    )
    up.add_argument(
        "--accounting",
        action="store_true",
        help="with MariaDB and slurmdbd, accounts, users, QOS and limits",
    )
    up.add_argument(
        "--conf",
        type=_key_and_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a key of slurm.conf (repeatable)",
    )


def _add_down(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    down = verbs.add_parser("down", help="end one, its jobs included, and remove its files")
    _add_directory(down)
    down.add_argument("--keep", action="store_true", help="keep the files, to read the logs")


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, help="what `up` printed")


def _count(text: str) -> int:
    """A number of nodes; at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a cluster has at least one node")
    return number


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    verbs = {"up": _up, "down": _down, "status": _status, "env": _env}
    try:
        return verbs[args.verb](args)
    except (SandboxError, OSError) as error:
        print(f"hpcagent sandbox: {error}", file=sys.stderr)
        return 1


def _start(args: argparse.Namespace) -> Sandbox | ControlPlane:
    if not args.kubernetes:
        script = args.job_submit_lua
        return Sandbox.up(
            args.directory,
            nodes=args.nodes,
            job_submit_lua=None if script is None else script.read_text(encoding="utf-8"),
            names_in_jobs=args.names_in_jobs,
            conf=dict(args.conf),
            accounting=args.accounting,
        )
    given = (args.job_submit_lua, args.names_in_jobs, args.conf, args.accounting)
    if any(given):
        said = "--job-submit-lua, --names-in-jobs, --conf and --accounting are for Slurm only"
        raise SandboxError(said)
    return ControlPlane.up(args.directory, nodes=args.nodes)


def _up(args: argparse.Namespace) -> int:
    sandbox = _start(args)
    directory = shlex.quote(str(sandbox.directory))
    print(f"{sandbox.directory}: ready in {sandbox.ready_in:.2f} s")
    print(f'use it:   eval "$(hpcagent sandbox env {directory})"')
    print(f"end it:   hpcagent sandbox down {directory}")
    return 0


def _down(args: argparse.Namespace) -> int:
    open_any(args.directory).down(keep=args.keep)
    return 0


def _status(args: argparse.Namespace) -> int:
    daemons = open_any(args.directory).daemons
    states = {daemon.name: {"pid": daemon.pid, "state": daemon.state} for daemon in daemons}
    if args.json:
        print(json.dumps(states))
    else:
        for name, facts in states.items():
            print(f"{name:16} {facts['state']:10} {facts['pid'] or ''}".rstrip())
    all_run = all(facts["state"] == "running" for facts in states.values())
    return 0 if all_run else _NOT_RUNNING


def _env(args: argparse.Namespace) -> int:
    environment = open_any(args.directory).env
    if args.json:
        print(json.dumps(environment))
    else:
        for name, value in environment.items():
            print(f"export {name}={shlex.quote(value)}")
    return 0
