"""``hpcagent job submit``: a script and sbatch's options in, a request out.

The options of the command line are sbatch's own, from the agent's table of them. They are written
into the script as #SBATCH lines behind its own, where they win, as with sbatch: so they are read by
the one reader that the agent has for them, and the script that runs says how it was asked for.
"""

import argparse
import os
import pwd
import re
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from hpcagent.slurm.directives import lexer
from hpcagent.slurm.directives.spellings import SPELLINGS, Spelling
from hpcagent.slurm.grammar.forms import Argument

if TYPE_CHECKING:
    from hpcagent.client import AgentFailure

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

_WHOLE_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
"""A line as the shell has it: other separators of Unicode's end none."""
_LINE: Final = re.compile(r"\bline ([0-9]+)(: |)")
"""How the agent names a line of the script (``hpcagent.slurm.directives.honour``)."""

OF_LEADER: Final = ("--chdir", "--export")
"""Options that hold for all components of a heterogeneous job, and are given once."""

TAKEN: Final = tuple(one for one in SPELLINGS if one.long not in OURS and not one.refused)


class SubmitParser(argparse.ArgumentParser):
    """Reads options as getopt_long(3) does: what need not have a text has one behind ``=`` only."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, after options without their text have been given a mark in its place."""
        found, unknown = super().parse_known_args(list(self._marked(args or ())), namespace)
        if unknown:  # else the whole program's usage would be shown
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def _marked(self, words: Sequence[str]) -> Iterator[str]:
        optional = {name for one in TAKEN if one.argument is Argument.OPTIONAL
                    for name in names(one)}  # fmt: skip
        rest = iter(words)
        for word in map(self._whole, rest):
            yield f"{word}={BARE}" if word in optional else word
            if word == "--" or not word.startswith("-") or word == "-":
                break
            action = self._option_string_actions.get(word)
            if action is not None and action.nargs is None and word not in optional:
                yield from [text for text in [next(rest, None)] if text is not None]
        yield from rest

    def _whole(self, word: str) -> str:
        """Return a long option by its whole name, as long as no two begin so."""
        name, equals, text = word.partition("=")
        known = self._option_string_actions
        if name in known or name == "--" or not name.startswith("--"):
            return word
        found = [one for one in known if one.startswith(name)]
        return f"{found[0]}{equals}{text}" if len(found) == 1 else word


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
    parser.usage = "%(prog)s [OPTION...] [FILE [ARGUMENT...]]"
    parser.add_argument_group("options of sbatch, as sbatch(1) explains them", _listed())
    for one in TAKEN:
        parser.add_argument(
            *names(one), action=_Given, dest="given", default=None, help=argparse.SUPPRESS,
            nargs=0 if one.argument is Argument.NONE else None,
        )  # fmt: skip


def _listed() -> str:
    """Return sbatch's options in two columns, as getopt_long(3) takes them."""
    shown = [_shown(one) for one in TAKEN if not one.idle]
    width = max(map(len, shown)) + 2
    return "\n".join(
        "".join(text.ljust(width) for text in shown[i : i + 2]).rstrip()
        for i in range(0, len(shown), 2)
    )


def _shown(one: Spelling) -> str:
    letter = f"-{one.short}, " if one.short else "    "
    text = {Argument.NONE: "", Argument.OPTIONAL: f"[={_word(one)}]"}
    return f"{letter}--{one.long}{text.get(one.argument, f'={_word(one)}')}"


def _word(one: Spelling) -> str:
    return one.long.replace("-", "_").upper()


def request(args: argparse.Namespace) -> tuple[dict[str, Any], "Script"]:
    """Return the request that the arguments describe. SystemExit 2: they describe none."""
    text, name = _script(args)
    defaults = [("--job-name", name), ("--chdir", str(Path.cwd()))]
    script = with_directives(text, defaults, args.given or [])
    if args.wrap is not None:
        script = Script(tuple((line, None) for line, _ in script.lines))
    asked: dict[str, Any] = {
        "script": script.text,
        "argv": args.argv,
        "environment": [f"{name}={value}" for name, value in os.environ.items()],
        "request_id": args.request_id or str(uuid.uuid4()),
        "validate_only": args.validate_only,
        **_who("user", args.uid or _caller()),
    }
    if args.gid:
        asked.update(_who("group", args.gid))
    return asked, script


def _script(args: argparse.Namespace) -> tuple[str, str]:
    """Return the script and the name of a job that has no other."""
    if args.wrap is not None:
        if args.script:
            _refuse("--wrap is instead of a script: give one of both")
        return f"#!/bin/sh\n{args.wrap}\n", "wrap"
    try:
        if args.script in {None, "-"}:
            return sys.stdin.buffer.read().decode(), "sbatch"
        return Path(args.script).read_bytes().decode(), Path(args.script).name
    except OSError as error:
        _refuse(f"{args.script}: {error.strerror}")
    except UnicodeDecodeError:
        _refuse(f"{args.script or 'the script'} is not UTF-8")


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it is sent: its lines, with the number that each has in the caller's own."""

    lines: tuple[tuple[str, int | None], ...]
    """The number of a line that the caller's has not is None."""

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(line for line, _ in self.lines)

    def retold(self, failure: "AgentFailure") -> "AgentFailure":
        """Return a failure as it is about the caller's own script and command line."""
        failure.faults = tuple(
            replace(fault, field="command line" if self._is_ours(fault.description) else "script",
                    description=self.told(fault.description))
            if fault.field == "script" else fault
            for fault in failure.faults
        )  # fmt: skip
        return failure

    def told(self, said: str) -> str:
        """Return what is said of lines with the numbers that they have in the caller's script."""
        return _LINE.sub(self._place, said)

    def _is_ours(self, said: str) -> bool:
        found = _LINE.match(said)
        return found is not None and self._number(int(found[1])) is None

    def _place(self, found: re.Match[str]) -> str:
        number = self._number(int(found[1]))
        if number is not None:
            return f"line {number}{found[2]}"
        return "" if found[2] else "the command line"

    def _number(self, sent: int) -> int | None:
        return self.lines[sent - 1][1] if sent <= len(self.lines) else sent


def with_directives(
    script: str,
    defaults: Sequence[tuple[str, str | None]],
    given: Sequence[tuple[str, str | None]],
) -> Script:
    """Write options into a script: defaults before its own #SBATCH lines, the others behind them.

    #SBATCH lines end where the first command begins (sbatch(1)). Of a heterogeneous job each
    component gets the others, but for those that hold for all of them.
    """
    own = [(line, number) for number, line in enumerate(_WHOLE_LINE.findall(script), 1)] or [
        ("", 1)
    ]
    if not own[0][0].endswith("\n"):
        own[0] = (own[0][0] + "\n", 1)
    end = next((i for i, (line, _) in enumerate(own) if not lexer.is_comment(line)), len(own))
    if end and not own[end - 1][0].endswith("\n"):
        own[end - 1] = (own[end - 1][0] + "\n", own[end - 1][1])
    start, repeated = min(end, 1), [one for one in given if one[0] not in OF_LEADER]
    made = [*own[:start], *_directives(defaults)]
    separators = lexer.read(script).separators
    for offset, component in enumerate([*(number - 1 for number in separators), end]):
        made += [*own[start:component], *_directives(repeated if offset else given)]
        start = component
    return Script((*made, *own[end:]))


def _directives(options: Sequence[tuple[str, str | None]]) -> list[tuple[str, int | None]]:
    return [(_directive(one), None) for one in options]


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
