"""Every option of sbatch's command line: what its text means, or why it has no place here.

The rows of ``hpcagent.slurm.options`` come first; below stand the options that are fields of the
request itself, other spellings, and those that mean something to the sbatch program only. A test
holds them all against ``sbatch --help`` of the installed Slurm.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hpcagent.slurm.draft import FaultError, Release
from hpcagent.slurm.grammar.forms import FLAG, TEXT, Argument, Grammar, switch
from hpcagent.slurm.grammar.numbers import COUNT
from hpcagent.slurm.options import BY_NAME, OPTIONS

IN_REQUEST = ("name", "partition", "work_dir", "export")
"""What an option can be about that is a field of the request, and none of JobOptions."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """One long option, with its letter if it has one."""

    long: str
    target: str
    """The option in ``hpcagent.slurm.options``, or one of IN_REQUEST; itself if it is neither."""
    grammar: Grammar = TEXT
    short: str = ""
    since: Release | None = None
    """The first release of Slurm that has it."""
    until: Release | None = None
    """The first release of Slurm that has it no more."""
    refused: str = ""
    """Why it cannot be honoured."""
    idle: str = ""
    """Why it changes nothing of a job: sbatch takes it, and so it is taken here, with a warning."""

    @property
    def argument(self) -> Argument:
        """Whether a text belongs to it."""
        return self.grammar.argument

    def is_in(self, release: Release) -> bool:
        """Whether the sbatch of a release has it."""
        return (self.since is None or release >= self.since) and (
            self.until is None or release < self.until
        )


def _rows() -> tuple[Spelling, ...]:
    return tuple(
        Spelling(
            option.sbatch.removeprefix("--"),
            option.name,
            option.takes,
            option.short.removeprefix("-"),
            option.since,
            option.until,
        )
        for option in OPTIONS
        if option.sbatch.startswith("--") and "=" not in option.sbatch and option.name != "bbf"
    )


def _name(text: str) -> object:
    if not text:
        raise FaultError("is empty: leave it out", "EMPTY")
    return text


REQUEST_FIELDS: tuple[Spelling, ...] = (
    Spelling("job-name", "name", Grammar(_name), "J"),
    Spelling("partition", "partition", Grammar(_name), "p"),
    Spelling("chdir", "work_dir", Grammar(_name), "D"),
    Spelling("export", "export", Grammar(str)),
)
"""Options that are fields of the request."""

SCRIPT_ONLY: tuple[Spelling, ...] = (Spelling("ignore-pbs", "ignore_pbs", FLAG),)
"""Options that are about the script's other lines."""

OTHER_SPELLINGS: tuple[Spelling, ...] = (
    Spelling("no-requeue", "requeue", switch(value=False)),
    Spelling("tasks-per-node", "ntasks_per_node", COUNT),
    Spelling("cluster", "clusters", BY_NAME["clusters"].takes),
)
"""Second names."""

_FILE = "names a file on the host of sbatch, which the agent does not read"
_WHO = "says whose job it is: the request does, in user_id and group_id"
_ASIDE = "sbatch itself does nothing with it in a script"
_PRINTED = "it is about what the sbatch program prints"


def _refused(long: str, why: str, grammar: Grammar = TEXT, short: str = "") -> Spelling:
    return Spelling(long, long, grammar, short, refused=why)


def _idle(long: str, why: str, grammar: Grammar = FLAG, short: str = "") -> Spelling:
    return Spelling(long, long, grammar, short, idle=why)


NOT_FOR_A_DAEMON: tuple[Spelling, ...] = (
    _refused("uid", _WHO),
    _refused("gid", _WHO),
    _refused("test-only", "submits nothing: use validate_only or EstimateJob", FLAG),
    _refused("nodefile", f"{_FILE}: give the nodes in nodelist", short="F"),
    _refused("bbf", f"{_FILE}: give its contents in the request's bbf, or in #BB and #DW lines"),
    _refused("export-file", f"{_FILE}: give the variables in the request's environment"),
    _refused("x11", "is of srun and salloc: a batch job has no display",
             Grammar(_name, argument=Argument.OPTIONAL)),
    _refused("ntasks-per-tres", "is documented nowhere: use --ntasks-per-gpu"),
    Spelling("external", "external", FLAG, since=(25, 5, 0),
             refused="makes a job without a script, which SubmitJob does not"),
    Spelling("autocomplete", "autocomplete", TEXT, since=(23, 2, 0),
             refused="is for a shell that completes command lines"),
    _idle("wait", "the answer comes when the job is accepted; WatchJobs tells when it ends", FLAG,
          "W"),
    _idle("parsable", _PRINTED),
    _idle("quiet", f"{_PRINTED}; {_ASIDE}", FLAG, "Q"),
    _idle("verbose", f"{_PRINTED}; {_ASIDE}", FLAG, "v"),
    _idle("help", _ASIDE, FLAG, "h"),
    _idle("usage", _ASIDE),
    _idle("version", _ASIDE, FLAG, "V"),
    _idle("wrap", f"the script is there already; {_ASIDE}", TEXT),
)  # fmt: skip
"""Options of the sbatch program: refused where they would change what is done, else named."""

SPELLINGS: tuple[Spelling, ...] = (
    *_rows(), *REQUEST_FIELDS, *SCRIPT_ONLY, *OTHER_SPELLINGS, *NOT_FOR_A_DAEMON
)  # fmt: skip

GRAMMARS: Mapping[str, Grammar] = {
    **{option.name: option.takes for option in OPTIONS},
    **{spelling.target: spelling.grammar for spelling in REQUEST_FIELDS},
}
"""How the value of each option and request field is written."""
