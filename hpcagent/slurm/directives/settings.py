"""What is asked for with each option, and where: the lines of a script, then the request.

sbatch reads a script first and its command line after it, and what is read later holds. The request
stands for the command line here (sbatch/opt.c, process_options_second_pass).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hpcagent.slurm.directives.getopt import Getopt, Given
from hpcagent.slurm.directives.lexer import Remark, Word
from hpcagent.slurm.directives.spellings import SPELLINGS
from hpcagent.slurm.draft import FaultError, Release
from hpcagent.slurm.grammar.forms import NOT_GIVEN, Instead

EITHER_OR: tuple[frozenset[str], ...] = (
    frozenset({"oversubscribe", "exclusive"}),
    frozenset({"gpu_bind", "tres_bind"}),
)
"""Options that sbatch keeps in one place: the one that comes later takes the other's."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, the line of the script that it is from (0: the request), and its option there."""

    value: object
    line: int = 0
    written: str = ""


@dataclass(slots=True)
class Settings:
    """The options of one component."""

    by_name: dict[str, Setting] = field(default_factory=dict)
    faults: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)

    def read(self, words: list[Word], release: Release) -> None:
        """Take what the words of a script say."""
        getopt = Getopt(words, SPELLINGS, release)
        for given in getopt.options():
            self._take_given(given)
        self.faults += getopt.faults

    def take_all(self, values: Mapping[str, object]) -> None:
        """Take what a request says; what it says twice itself is left to be refused."""
        self._make_room(values)
        if values.get("hold"):
            self.by_name.pop("priority", None)  # as the --hold of a command line (opt.c)
        self.by_name |= {name: Setting(value) for name, value in values.items()}

    def _take_given(self, given: Given) -> None:
        spelling = given.spelling
        if spelling.refused:
            self._fault(given, "OPTION_NOT_FOR_A_DAEMON", spelling.refused)
        elif spelling.idle:
            said = f"{given.written} changes nothing: {spelling.idle}"
            self.warnings.append(Remark(given.line, "OPTION_WITHOUT_EFFECT", said))
        else:
            try:
                value = _value(given)
            except FaultError as error:
                self._fault(given, error.reason, error.said)
            else:
                self._take(given, value)

    def _fault(self, given: Given, reason: str, said: str) -> None:
        self.faults.append(Remark(given.line, reason, f"{given.written} {said}"))

    def _take(self, given: Given, value: object) -> None:
        name, gather = given.spelling.target, given.spelling.grammar.gather
        if isinstance(value, Instead):
            name, value, gather = value.option, value.value, None
        before = self.by_name.get(name)
        if value is NOT_GIVEN:
            self.by_name.pop(name, None)
            return
        if gather is not None and before is not None:
            value = gather(before.value, value)
        self._put(name, Setting(value, given.line, given.written))

    def _put(self, name: str, setting: Setting) -> None:
        self._make_room([name])
        self.by_name[name] = setting

    def _make_room(self, names: Collection[str]) -> None:
        """Forget what was said with the other options of a group, since the later one holds."""
        replaced = {other for group in EITHER_OR if not group.isdisjoint(names) for other in group}
        self.by_name = {name: one for name, one in self.by_name.items() if name not in replaced}


def _value(given: Given) -> object:
    """Read an option's text; an empty one is none, where none is needed (slurm_process_option)."""
    grammar = given.spelling.grammar
    if given.text is None or (not given.text and grammar.bare is not None):
        return grammar.bare
    if "\0" in given.text:
        raise FaultError("contains a NUL character", "NUL_CHARACTER")
    return grammar.read(given.text)
