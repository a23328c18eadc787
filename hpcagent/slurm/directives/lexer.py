"""The lines of a script that are for sbatch, cut into words.

As sbatch cuts them (sbatch/opt.c, _opt_batch_script and get_argument): a line belongs to sbatch if
it begins with ``#SBATCH``, the search ends at the first line that is neither blank nor a comment,
and all words of a component are one list, so that an option's text may stand on the next line.
A word ends at white space and at ``#``; quotes keep both; a backslash takes the meaning of the next
character, but for white space. ``#SBATCH hetjob`` begins the next component.

Where sbatch would pass over words in silence (behind an empty pair of quotes, behind ``hetjob``),
a fault is noted instead.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAGIC = ("#SBATCH", "#SLURM")
"""What a line for sbatch begins with; the second is taken for the first, with a complaint."""
FOREIGN = ("#PBS", "#BSUB")
"""What a line for another system begins with; sbatch translates them (sbatch/xlate.c)."""
FAR_ENOUGH = 100
"""So many lines that are no comments end the search for them."""

_MAGIC_LINE = re.compile(rf"^(?:{'|'.join(MAGIC)})", re.MULTILINE)
_SPACE = " \t\n\v\f\r"
"""isspace(3) of the C locale."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and the line that it stands on, from 1."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a line: a fault, or what its author should know."""

    line: int
    reason: str
    said: str


@dataclass(slots=True)
class Script:
    """What a script says to sbatch."""

    components: list[list[Word]] = field(default_factory=lambda: [[]])
    """The words, component by component; one list unless the job is heterogeneous."""
    separators: list[int] = field(default_factory=list)
    """The lines that begin the second component, the third..."""
    faults: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)


class _UnreadableError(ValueError):
    """A line cannot be cut into words; sbatch would end here, or drop what follows."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.reason = reason
        self.said = said


def read(text: str) -> Script:
    """Cut a script's lines for sbatch into words."""
    script, at = Script(), 0
    for number, line in enumerate(_lines(text), start=1):
        magic = next((word for word in MAGIC if line.startswith(word)), None)
        if magic is not None:
            _read_line(script, number, magic, line.removeprefix(magic))
        elif not is_comment(line):
            _look_behind(script, text, at, number)
            break
        at += len(line) + 1
    return script


def _lines(text: str) -> Iterator[str]:
    """Return the lines one by one: a script can be of megabytes, and few of them count."""
    return (line.removesuffix("\n") for line in io.StringIO(text, newline="\n"))


def _look_behind(script: Script, text: str, at: int, ended: int) -> None:
    """Tell of a line for sbatch that it does not see, behind the first command."""
    late = _MAGIC_LINE.search(text, at)
    if late is not None:
        number = text.count("\n", 0, late.start()) + 1
        said = f"is not read: the script's commands begin on line {ended}, as sbatch sees it"
        script.warnings.append(Remark(number, "DIRECTIVE_BEHIND_COMMANDS", said))


def foreign(text: str) -> int | None:
    """Return the first line that sbatch would translate from PBS or LSF."""
    others = 0
    for number, line in enumerate(_lines(text), start=1):
        if line.startswith(FOREIGN):
            return number
        others += not line.startswith("#")
        if others > FAR_ENOUGH:
            return None
    return None


def is_comment(line: str) -> bool:
    """Whether sbatch reads on behind a line that is none of its own."""
    return line.lstrip(_SPACE)[:1] in {"", "#"}


def _read_line(script: Script, number: int, magic: str, rest: str) -> None:
    if magic != MAGIC[0]:
        said = f"begins with {magic}: change it to {MAGIC[0]}"
        script.warnings.append(Remark(number, "DIRECTIVE_OLD_FORM", said))
    rest = rest.lstrip(_SPACE)
    if (separator := _SEPARATOR.match(rest)) is not None:
        _begin_component(script, number, separator[0], rest[separator.end() :].lstrip(_SPACE))
        return
    try:
        script.components[-1] += [Word(word, number) for word in _words(rest)]
    except _UnreadableError as error:
        script.faults.append(Remark(number, error.reason, error.said))


def _begin_component(script: Script, number: int, separator: str, rest: str) -> None:
    script.components.append([])
    script.separators.append(number)
    if rest[:1] not in {"", "#"}:
        said = f"has more behind {separator}, which sbatch does not read: give it its own line"
        script.faults.append(Remark(number, "DIRECTIVE_FORM", said))


# ---------------------------------------------------------------------- words

_SEPARATOR = re.compile(rf"(?:hetjob|packjob)(?=[{_SPACE}]|\Z)", re.IGNORECASE)
_PIECE = re.compile(
    rf"\\(?P<escaped>[^{_SPACE}])"
    r"|(?P<quote>[\"'])(?P<quoted>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)"
    rf"|(?P<plain>[^{_SPACE}#\"'\\]+)"
    rf"|\\(?=[{_SPACE}]|\Z)",
    re.DOTALL,
)
"""What a word is made of; a backslash before white space is nothing."""


def _words(rest: str) -> list[str]:
    """Cut what stands behind the magic word. Raises _UnreadableError."""
    words: list[str] = []
    rest = rest.lstrip(_SPACE)
    while rest and not rest.startswith("#"):
        if (separator := _SEPARATOR.match(rest)) is not None:
            said = f"has the word {separator[0]} not by itself: sbatch would not read on"
            raise _UnreadableError("DIRECTIVE_FORM", said)
        if rest.startswith(":"):
            raise _UnreadableError("DIRECTIVE_FORM", "has a ':' where an option must begin")
        word, behind = _word(rest)
        if not word and rest != "\\":
            said = "has a word without a letter, behind which sbatch would not read on"
            raise _UnreadableError("DIRECTIVE_FORM", f'{said}: write --option=""')
        words += [word] if word else []
        rest = rest[behind:].lstrip(_SPACE)
    return words


def _word(text: str) -> tuple[str, int]:
    """Read the first word; return it, and where it ends."""
    read, at = "", 0
    while (piece := _PIECE.match(text, at)) is not None:
        quoted = re.sub(r"\\(.)", r"\1", piece["quoted"] or "", flags=re.DOTALL)
        read += quoted + (piece["escaped"] or "") + (piece["plain"] or "")
        at = piece.end()
    if at < len(text) and text[at] in "\"'":
        raise _UnreadableError("DIRECTIVE_QUOTE", f"has a {text[at]} without a second one")
    return read, at
