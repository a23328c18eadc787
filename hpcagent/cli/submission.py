"""``hpcagent job submit``: a script and sbatch's options in, a request out.

The options of the command line are sbatch's own, from the agent's table of them. They are written
into the script as #SBATCH lines behind its own, where they win, as with sbatch: so they are read by
the one reader that the agent has for them, and the script that runs says how it was asked for.
"""

import argparse
import os
import pwd
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from hpcagent.slurm.directives.spellings import SPELLINGS, Spelling
from hpcagent.slurm.grammar.forms import Argument

DESCRIPTION: Final = """\
Submit a batch job, as sbatch does: the script is read here, from FILE or from standard input, and
gets the arguments that follow it. Options are sbatch's, and win over #SBATCH lines of the script.
The job is named after the file, and starts in this directory with this environment, unless it says
otherwise.
"""

OURS: Final = ("help", "usage", "version", "quiet", "verbose", "wrap", "parsable", "wait", "uid",
               "gid", "test-only", "autocomplete", "ignore-pbs")  # fmt: skip
"""Options of the sbatch program that this one has itself, or not at all."""

BARE: Final = "\0"
"""Stands for the text of an option that was given without one."""

TAKEN: Final = tuple(one for one in SPELLINGS if one.long not in OURS and not one.refused)


class SubmitParser(argparse.ArgumentParser):
    """Reads options as getopt_long(3) does: what need not have a text has one behind ``=`` only."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, after options without their text have been given a mark in its place."""
        return super().parse_known_args(list(self._marked(args or ())), namespace)

    def _marked(self, words: Sequence[str]) -> Iterator[str]:
        optional = {name for one in TAKEN if one.argument is Argument.OPTIONAL
                    for name in names(one)}  # fmt: skip
        rest = iter(words)
        for word in rest:
            yield f"{word}={BARE}" if word in optional else word
            if word == "--" or not word.startswith("-") or word == "-":
                break
            action = self._option_string_actions.get(word)
            if action is not None and action.nargs is None and word not in optional:
                yield from [text for text in [next(rest, None)] if text is not None]
        yield from rest


class _Given(argparse.Action):
    """Keeps options in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's signature
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Take one option."""
        text = values if isinstance(values, str) else None
        given = [*(getattr(namespace, self.dest) or []), (self.option_strings[-1], text)]
        setattr(namespace, self.dest, given)


def names(spelling: Spelling) -> list[str]:
    """Return an option's letter, if it has one, and its name, as they are given."""
    letter = [f"-{spelling.short}"] if spelling.short else []
    return [*letter, f"--{spelling.long}"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add sbatch's options, and the few that are this program's own."""
    parser.add_argument("script", nargs="?", metavar="FILE", help="(default: standard input)")
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    parser.add_argument("--wrap", metavar="COMMAND", help="run a command of sh instead of a script")
    parser.add_argument("--uid", metavar="USER", help="whose job it is (default: who calls)")
    parser.add_argument("--gid", metavar="GROUP", help="(default: the user's primary group)")
    parser.add_argument("--parsable", action="store_true", help="print the number only")
    parser.add_argument(
        "--validate-only", action="store_true", help="check all that can be, and submit nothing"
    )
    parser.add_argument(
        "--request-id",
        default="",
        metavar="ID",
        help="makes a repetition harmless (default: a new UUID)",
    )
    group = parser.add_argument_group("options of sbatch", "as sbatch(1) explains them")
    for one in TAKEN:
        nargs = 0 if one.argument is Argument.NONE else None
        metavar = None if nargs == 0 else one.long.replace("-", "_").upper()
        group.add_argument(
            *names(one), action=_Given, dest="given", nargs=nargs, metavar=metavar,
            default=argparse.SUPPRESS if one.idle else None, help=argparse.SUPPRESS if one.idle
            else None,
        )  # fmt: skip


def request(args: argparse.Namespace) -> dict[str, Any]:
    """Return the request that the arguments describe. SystemExit 2: they describe none."""
    script, name = _script(args)
    defaults = [("--job-name", name), ("--chdir", str(Path.cwd()))]
    asked: dict[str, Any] = {
        "script": with_directives(script, defaults, getattr(args, "given", None) or []),
        "argv": args.argv,
        "environment": [f"{name}={value}" for name, value in os.environ.items()],
        "request_id": args.request_id or str(uuid.uuid4()),
        "validate_only": args.validate_only,
        **_who("user", args.uid or _caller()),
    }
    if args.gid:
        asked.update(_who("group", args.gid))
    return asked


def _script(args: argparse.Namespace) -> tuple[str, str]:
    """Return the script and the name of a job that has no other."""
    if args.wrap is not None:
        if args.script:
            _refuse("--wrap is instead of a script: give one of both")
        return f"#!/bin/sh\n{args.wrap}\n", "wrap"
    try:
        if args.script in {None, "-"}:
            return sys.stdin.buffer.read().decode(), "sbatch"
        return Path(args.script).read_text(encoding="utf-8"), Path(args.script).name
    except OSError as error:
        _refuse(f"{args.script}: {error.strerror}")
    except UnicodeDecodeError:
        _refuse(f"{args.script or 'the script'} is not UTF-8")


def with_directives(
    script: str,
    defaults: Sequence[tuple[str, str | None]],
    given: Sequence[tuple[str, str | None]],
) -> str:
    """Write options into a script: defaults before its own #SBATCH lines, the others behind them.

    #SBATCH lines end where the first command begins (sbatch(1)).
    """
    lines = script.splitlines(keepends=True) or [""]
    if not lines[0].endswith("\n"):
        lines[0] += "\n"
    end = next((i for i, line in enumerate(lines) if _is_command(line)), len(lines))
    return "".join(
        [lines[0], *map(_directive, defaults), *lines[1:end], *map(_directive, given), *lines[end:]]
    )


def _is_command(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _directive(option: tuple[str, str | None]) -> str:
    name, text = option
    if text is None or text == BARE:
        return f"#SBATCH {name}\n"
    if "\n" in text:
        _refuse(f"{name}: a value of several lines has no place in a script's #SBATCH line")
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'#SBATCH {name}="{quoted}"\n'


def _who(kind: str, name: str) -> Mapping[str, Any]:
    return {f"{kind}_id": int(name)} if name.isdigit() else {kind: name}


def _caller() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _refuse(said: str) -> NoReturn:
    print(f"hpcagent: {said}", file=sys.stderr)
    raise SystemExit(2)
