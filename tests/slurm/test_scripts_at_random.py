"""Scripts made at random of options in all their spellings: the job is sbatch's, or there is none.

Their words are tried alone in tests/unit/slurm/directives, and the forms of their values in
test_values_like_sbatch; here are names whole and cut short, letters, quotes, values on the next
line, comments between, and components, together.
"""

import os
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slurm.test_het_jobs import HET_DIFFERS
from slurm.test_like_sbatch import SENT_DIFFERS, comparable, differences, settled
from slurm.twins import Made, Refused, Twins

from hpcagent.slurm.directives.spellings import SPELLINGS
from hpcagent.slurm.grammar.forms import Argument

VALUES: Mapping[str, Sequence[str | None]] = {
    "comment": ["two words", "it's", 'say "x"', "a#b", "back\\slash", "", "hetjob", "--time=5"],
    "account": ["physics"], "qos": ["normal"], "wckey": ["k"], "context": ["c"], "bb": ["x"],
    "time": ["5", "1:30", "1-0", "UNLIMITED", "0"], "time-min": ["5", "0:30"],
    "dependency": ["singleton", "afterany:1"], "kill-on-invalid-dep": ["yes", "NO"],
    "hold": [None], "nice": [None, "5", "+3"], "array": ["1-3", "0-7%2", "0-15:4"],
    "output": ["%j.o", "none", "o\\%j"], "error": ["e", "none"], "input": ["i", "/dev/zero"],
    "open-mode": ["append", "T"], "get-user-env": [None, "10L"], "export": ["ALL", "NONE", "A,B=2"],
    "nodes": ["1", "1-2", "-2", " 1"], "nodelist": ["node1", "node[1-2]"], "exclude": ["node2"],
    "constraint": ["fast", "fast|slow"], "contiguous": [None], "use-min-nodes": [None],
    "switches": ["1", "2@1:00"], "oversubscribe": [None], "exclusive": [None, "user"],
    "ntasks": ["1", "4", "+2"], "cpus-per-task": ["1", "2"], "ntasks-per-node": ["1", "2"],
    "tasks-per-node": ["2"], "mincpus": ["1", "4"], "overcommit": [None], "core-spec": ["1"],
    "distribution": ["block", "cyclic:block", "*:*", "nopack"], "mem": ["100", "1G", "0"],
    "mem-per-cpu": ["10M"], "mem-bind": ["local", "rank", "verbose"], "tmp": ["10", "1G"],
    "gres": ["gpu:1", "gres:gpu:tesla:1"], "gpus": ["1", "tesla:1"], "gpus-per-node": ["1"],
    "cpus-per-gpu": ["2"], "licenses": ["matlab:1"], "signal": ["USR1", "B:10@60"],
    "mail-type": ["BEGIN", "FAIL", "NONE"], "mail-user": ["x@y"], "requeue": [None],
    "no-requeue": [None], "no-kill": [None, "off"], "wait-all-nodes": ["0", "1"],
    "profile": ["none", "energy,task"], "job-name": ["a b"], "partition": ["debug", "power,debug"],
    "ignore-pbs": [None], "quiet": [None],
}  # fmt: skip
"""Of options that sbatch has since 20.11. mail-type is never END: test_het_jobs tells why."""
LETTERS = {one.long: one.short for one in SPELLINGS}
ARGUMENTS = {one.long: one.argument for one in SPELLINGS}
BETWEEN = ("", "# said", "  # said", "##SBATCH -n7", "#sbatch -n7", " #SBATCH -n7", "#SBATCH",
           "#SBATCH # x", "#SBATCH --bogus", "#SBATCH stray")  # fmt: skip
STRICTER = ("would not read on", "does not read", "holds for all components", "excludes")
"""What hpcagent says of lines of which sbatch drops something in silence."""


@st.composite
def quoted(draw: st.DrawFn, text: str) -> str:
    """A value, in one of the ways to keep it one word."""
    escaped = text.replace("\\", "\\\\")
    ways = ['"' + escaped.replace('"', '\\"') + '"']
    ways += [] if "'" in text else [f"'{escaped}'"]
    if text and not set(text) & set(" \"'#\\"):
        at = draw(st.integers(0, len(text) - 1))
        ways += [text, f'{text[:at]}"{text[at:]}"', f"{text[:at]}\\{text[at:]}"]
    return draw(st.sampled_from(ways))


@st.composite
def option(draw: st.DrawFn) -> str:
    """An option by its name, what it begins with or its letter, and its value."""
    long = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[long]))
    cut = draw(st.none() | st.integers(2, len(long)))
    names = [f"--{long[:cut]}", *([f"-{LETTERS[long]}"] if LETTERS[long] else [])]
    name = draw(st.sampled_from(names))
    if value is None:
        return name
    joints = ["="] if name.startswith("--") else [""]
    if ARGUMENTS[long] is Argument.REQUIRED:
        joints += [" ", "\t", "\n#SBATCH "]
    return f"{name}{draw(st.sampled_from(joints))}{draw(quoted(value))}"


directive = st.tuples(
    st.sampled_from(["#SBATCH ", "#SBATCH\t", "#SBATCH"]),
    st.lists(option(), min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["", "", "", " # said", "\t", " \\"]),
).map("".join)
line = st.one_of(directive, directive, directive, directive, st.sampled_from(BETWEEN))
component = st.lists(line, min_size=1, max_size=4).map("\n".join)
scripts = st.lists(component, min_size=1, max_size=2).map(
    lambda some: "\n".join(["#!/bin/sh", "\n#SBATCH hetjob\n".join(some), "true", ""])
)


@given(script=scripts)
@settings(
    max_examples=80,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_script_makes_the_job_of_sbatch_or_none(twins: Twins, script: str) -> None:
    spec = twins.spec(script=script, options={"hold": True})
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    if isinstance(mine, Refused):
        assert isinstance(theirs, Refused) or any(said in mine.said for said in STRICTER), mine
        return
    assert isinstance(theirs, Made), theirs
    for their, my in zip(parts(theirs), parts(mine), strict=True):
        assert differences(comparable(their), comparable(my), SENT_DIFFERS) == {}
        assert differences(settled(their), settled(my), HET_DIFFERS) == {}


def parts(made: Made) -> list[Made]:
    """Each component as a job of its own."""
    return [Made(made.job_id, *one) for one in made.components] or [made]
