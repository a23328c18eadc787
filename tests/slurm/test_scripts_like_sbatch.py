"""A batch script makes the same job by hpcagent as by sbatch, whatever its #SBATCH lines say.

The scripts are in the directory beside this, in the style of those that clusters see. Each goes
both ways, held; the description that is sent to slurmctld and the record that it makes of it must
be equal, as for single options in test_like_sbatch.
"""

import re
from pathlib import Path

import pytest
from slurm.test_het_jobs import HET_DIFFERS
from slurm.test_like_sbatch import RECORD_DIFFERS, SENT_DIFFERS, check_alike, differences
from slurm.twins import Made, Refused, Twins

from hpcagent.slurm.differences import IN_SCRIPTS

SCRIPTS = {path.stem: path.read_text("utf-8") for path in
           sorted(Path(__file__).with_name("scripts").glob("*.sh"))}  # fmt: skip
HELD = {"hold": True}
PATIENCE = 60
"""Seconds that may pass between the two submissions."""


def test_there_are_many_scripts() -> None:
    assert len(SCRIPTS) >= 40


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_the_same_job(twins: Twins, name: str) -> None:
    spec = twins.spec(script=SCRIPTS[name], options=HELD)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Made), mine
    check_alike(theirs, mine, HET_DIFFERS)
    for their, my in zip(theirs.components, mine.components, strict=True):
        assert differences(their[0], my[0], SENT_DIFFERS) == {}
        assert differences(their[1], my[1], HET_DIFFERS) == {}


def test_dos_line_ends_make_the_job_of_unix_line_ends(twins: Twins) -> None:
    """Which sbatch refuses; hpcagent converts them, with a warning."""
    script = SCRIPTS["mpi_openmpi"]
    spec = twins.spec(script=script, options=HELD)
    theirs = twins.by_sbatch(spec)
    mine = twins.by_hpcagent(twins.spec(script=script.replace("\n", "\r\n"), options=HELD))
    assert isinstance(mine, Made), mine
    check_alike(theirs, mine, RECORD_DIFFERS)


def test_empty_values_are_none(twins: Twins) -> None:
    """They are sent by sbatch, and slurmctld takes them for none; hpcagent sends none."""
    lines = "#SBATCH --account= --comment='' --constraint=\"\"\n#SBATCH --qos= --dependency=\n"
    spec = twins.spec(script=f"#!/bin/sh\n{lines}true\n", options=HELD)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Made), mine
    record = {name: None if value == "" else value for name, value in theirs.record.items()}
    allowed = {**RECORD_DIFFERS, "bitflags": "says that the account and the QOS are the default's"}
    assert differences(record, mine.record, allowed) == {}


def test_the_request_wins_as_the_command_line_does(twins: Twins) -> None:
    script = "#!/bin/sh\n#SBATCH -J theirs -p debug -t 5 -n 2 --exclusive -N1-2\ntrue\n"
    options = HELD | {"ntasks": 4, "oversubscribe": True}
    spec = twins.spec(script=script, options=options, name="mine", partition="power", nodes=2)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Made), mine
    check_alike(theirs, mine, RECORD_DIFFERS)


def test_a_hold_of_the_request_wins_over_a_priority_of_the_script(twins: Twins) -> None:
    spec = twins.spec(script="#!/bin/sh\n#SBATCH --priority=5\ntrue\n", options=HELD)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(mine, Made), mine
    check_alike(theirs, mine, RECORD_DIFFERS)


def test_times_count_from_now(twins: Twins) -> None:
    script = "#!/bin/sh\n#SBATCH --begin=now+2hours --deadline='now + 1 week'\ntrue\n"
    spec = twins.spec(script=script, options=HELD)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Made), mine
    for member in ("begin_time", "deadline"):
        apart = int(str(mine.sent[member])) - int(str(theirs.sent[member]))
        assert 0 <= apart < PATIENCE


REFUSED = (
    "--bogus", "-z", "--gpus-per=1", "--hold=yes", "--comment", "stray", "-", ":", "-n2 : -n3",
    '--comment="open', "--ntasks=0", "--ntasks=x", "--ntasks=-1", "-n 2x", "--nodes=2-", "-N x",
    "-N 4-2", "--time=1h", "--time=1:2:3:4", "--time=5-:", "--time-min=x", "--begin=yesterday",
    "--begin=Today", "--begin=13/01", "--begin=now+1fortnight", "--deadline=", "--mem=4Q",
    "--mem=-1", "--mem-per-cpu=G", "--tmp=1.5G", "--signal=NOPE", "--signal=USR1@70000",
    "--signal=USR1@x", "--nice=3000000000", "--priority=-1", "--switches=0", "--switches=x@5",
    "--distribution=fast", "-m plane", "-m block:block:block:block", "--cpu-freq=fast",
    "--cpu-freq=high:ondemand", "--exclusive=me", "--no-kill=maybe", "--open-mode=write",
    "--mail-type=START", "--hint=fast", "--kill-on-invalid-dep=perhaps", "--gres-flags=x",
    "--wait-all-nodes=2", "--mincpus=0", "--core-spec=-1", "--thread-spec=0", "--get-user-env=x",
    "--profile=x", "--acctg-freq=x", "--mem=1G --mem-per-cpu=1G", "--partition=", "-p nowhere",
    "--gpu-bind=x", "--gpu-freq=x", "-B x", "--nodelist=./hosts", "--uid=0", "--reservation=none",
    "--deadline=01/02/31 --begin=01/03/31", "--mem-bind=x", "--delay-boot=x", "--array=x",
    "--segment=2", "--stepmgr", "--gres=", "--gres=,", "-- -n2",
)  # fmt: skip
"""Lines that sbatch, or slurmctld behind it, refuses."""


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_sbatch_refuses_is_refused(twins: Twins, line: str) -> None:
    spec = twins.spec(script=f"#!/bin/sh\n#SBATCH {line}\ntrue\n")
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Refused), theirs
    assert isinstance(mine, Refused), mine
    assert "line 2" in mine.said or mine.slurm in theirs.said


STRICTER = {
    "--nice=high": "NUMBER_FORM",  # sbatch: 0
    "--mail-type=BEGIN,START": "UNKNOWN_VALUE",  # it passes over the second
    "--profile=tasks": "UNKNOWN_VALUE",  # it finds a word in it
    "-m block::cyclic": "DISTRIBUTION_FORM",  # it passes over the empty one
    "--signal=USR1@": "SIGNAL_FORM",  # 0
    "--switches=1@x": "TIME_FORM",  # a number that means none
    "--cpu-freq=2GHz": "CPU_FREQUENCY_FORM",  # 2 kHz
    "--time=-5": "TIME_FORM",  # a time limit below zero
    "--priority=high": "NUMBER_FORM",  # 0, and so a hold
    "--nodes=0": "OUT_OF_RANGE",  # nothing is asked for
    "--gres=none": "GRES_FORM",  # a word for steps
    "-n1\n#PBS -N theirs": "SCRIPT_HAS_FOREIGN_DIRECTIVES",  # it takes the name
    "hetjob --bogus\n#SBATCH -n2": "DIRECTIVE_FORM",  # it does not read the rest of the line
    '--comment="" "" --bogus': "DIRECTIVE_FORM",  # likewise
}
"""Lines that sbatch takes for something else than they say, and why they are refused here."""


@pytest.mark.parametrize("line", STRICTER)
def test_a_line_that_sbatch_misreads_is_refused(twins: Twins, line: str) -> None:
    spec = twins.spec(script=f"#!/bin/sh\n#SBATCH {line}\ntrue\n", options=HELD)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Refused), mine
    assert re.search(r"line [23]: ", mine.said)


def test_every_difference_that_is_told_of_is_tried() -> None:
    assert [name for name in IN_SCRIPTS if not any(name in _long(line) for line in STRICTER)] == []


def _long(line: str) -> str:
    return line.replace("-m ", "--distribution ")
