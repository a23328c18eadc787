"""Words into options, as getopt_long(3) sees them with sbatch's table.

Long options with ``=`` or with their text behind them, abbreviated as long as no two options begin
so; short ones, bundled, with their text joined or behind them. It does not reorder: a word that
belongs to no option is a fault, as to sbatch (opt.c, _opt_batch_script).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hpcagent.slurm.directives.lexer import Remark, Word
from hpcagent.slurm.directives.spellings import Spelling
from hpcagent.slurm.draft import Release, dotted
from hpcagent.slurm.grammar.forms import Argument

MOST_NAMED = 10
"""So many options at most are named of those that an abbreviation can mean."""


@dataclass(frozen=True, slots=True)
class Given:
    """An option as it was given."""

    spelling: Spelling
    text: str | None
    line: int
    written: str
    """As it stands in the script, without its text: ``--time`` or ``-t``."""


class Getopt:
    """Reads the words of one component. Faults are noted, and the reading goes on."""

    def __init__(self, words: Sequence[Word], known: Sequence[Spelling], release: Release) -> None:
        self.faults: list[Remark] = []
        self._words = list(words)
        self._long = {spelling.long: spelling for spelling in known}
        self._short = {spelling.short: spelling for spelling in known if spelling.short}
        self._release = release

    def options(self) -> Iterator[Given]:
        """Return the options in their order."""
        while self._words:
            word = self._words.pop(0)
            if word.text == "--":
                self._end(word)
            elif word.text.startswith("--"):
                yield from self._long_option(word)
            elif word.text.startswith("-") and word.text != "-":
                yield from self._short_options(word)
            else:
                said = f"has {word.text[:80]!r}, which belongs to no option"
                self._fault(word.line, "DIRECTIVE_FORM", said)

    def _end(self, word: Word) -> None:
        """Note that options must not follow their end; they are read none the less."""
        if self._words:
            said = f"has -- before {self._words[0].text[:80]!r}: sbatch reads no option behind it"
            self._fault(word.line, "DIRECTIVE_FORM", said)

    def _fault(self, line: int, reason: str, said: str) -> None:
        self.faults.append(Remark(line, reason, said))

    def _long_option(self, word: Word) -> Iterator[Given]:
        name, equals, text = word.text.removeprefix("--").partition("=")
        spelling = self._find(name, word.line)
        if spelling is None:
            self._pass_over(equals)
            return
        written = f"--{spelling.long}"
        if equals and spelling.argument is Argument.NONE:
            self._fault(word.line, "OPTION_TAKES_NO_VALUE", f"{written} takes no value")
            return
        yield from self._with_text(spelling, text if equals else None, word.line, written)

    def _short_options(self, word: Word) -> Iterator[Given]:
        letters = word.text.removeprefix("-")
        while letters:
            letter, letters = letters[0], letters[1:]
            spelling = self._short.get(letter)
            written = f"-{letter}"
            if spelling is None:
                said = f"has {written}, which is no option of sbatch"
                self._fault(word.line, "UNKNOWN_OPTION", said)
                self._pass_over(letters)
                return
            if spelling.argument is Argument.NONE:
                yield Given(spelling, None, word.line, written)
                continue
            yield from self._with_text(spelling, letters or None, word.line, written)
            return

    def _with_text(
        self, spelling: Spelling, text: str | None, line: int, written: str
    ) -> Iterator[Given]:
        """Return the option with its text, from the next word if it needs one."""
        if text is None and spelling.argument is Argument.REQUIRED:
            if not self._words:
                self._fault(line, "OPTION_NEEDS_VALUE", f"{written} needs a value")
                return
            text = self._words.pop(0).text
        yield Given(spelling, text, line, written)

    def _find(self, name: str, line: int) -> Spelling | None:
        """Return the option of this name, or the only one that begins so."""
        known = {long: one for long, one in self._long.items() if one.is_in(self._release)}
        if name in known:
            return known[name]
        if name in self._long:
            self._not_here(self._long[name], line)
            return None
        found = {long: one for long, one in known.items() if long.startswith(name)}
        if len({(one.argument, one.target) for one in found.values()}) == 1:
            return next(iter(found.values()))
        if found:
            self._fault(line, "OPTION_AMBIGUOUS", f"has --{name}, which can mean {_some(found)}")
        else:
            said = f"has --{name[:80]}, which is no option of sbatch"
            self._fault(line, "UNKNOWN_OPTION", said)
        return None

    def _not_here(self, spelling: Spelling, line: int) -> None:
        """Note an option that another release has."""
        here = dotted(self._release)
        if spelling.since is not None and self._release < spelling.since:
            said = f"has --{spelling.long}, which came with Slurm {dotted(spelling.since)}"
            self._fault(line, "SLURM_TOO_OLD", f"{said}; this one is {here}")
        elif spelling.until is not None:
            said = f"has --{spelling.long}, which is gone since Slurm {dotted(spelling.until)}"
            self._fault(line, "SLURM_TOO_NEW", f"{said}; this one is {here}")

    def _pass_over(self, text: str) -> None:
        """Pass over what can only be the text of an option that is not known."""
        if not text and self._words and not self._words[0].text.startswith("-"):
            self._words.pop(0)


def _some(names: Collection[str]) -> str:
    """Name the options, but not all of sbatch's."""
    named = ", ".join(f"--{name}" for name in list(names)[:MOST_NAMED])
    return f"{named} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else named
