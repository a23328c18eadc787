"""Every switch of the policy allows what it names, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from fix_daemon import running
from server.refusals import refusal
from slurm.caller import Caller, Fields, calling
from slurm_commands import command, submit

from hpcagent.sandbox import Sandbox

JIANGLI, ALICE = 1870, 2001


@dataclass(frozen=True)
class Switch:
    """A setting, what it allows, and what is told without it."""

    setting: str
    value: object
    reason: str
    fields: Fields = field(default_factory=dict)
    options: Fields = field(default_factory=dict)
    shown: str = ""
    """What scontrol shows of a job that has it."""


SWITCHES = (
    Switch(
        "allow_priority", True, "PRIORITY_NOT_ALLOWED",
        options={"priority": 4242}, shown="Priority=4242 ",
    ),
    Switch(
        "allow_negative_nice", True, "NEGATIVE_NICE_NOT_ALLOWED",
        options={"nice": -5}, shown="Nice=-5 ",
    ),
    Switch("allow_reboot", True, "REBOOT_NOT_ALLOWED", options={"reboot": True}, shown="Reboot=1 "),
    Switch(
        "root_only_partitions", ["rootonly"], "ROOT_ONLY_PARTITION",
        fields={"partition": "rootonly"}, shown="Partition=rootonly ",
    ),
)  # fmt: skip
LATER = {"begin": "2033-05-18T03:33:20Z"}
"""No job shall start, and one that is held would have no priority."""


@pytest.fixture(scope="module", params=SWITCHES, ids=[switch.setting for switch in SWITCHES])
def on(request: pytest.FixtureRequest) -> Switch:
    """The one switch that is on."""
    switch: Switch = request.param
    return switch


@pytest.fixture(scope="module")
def lenient(sandbox: Sandbox, on: Switch) -> Iterator[Caller]:
    """A caller of a daemon with that switch."""
    with running(sandbox, {"policy": {on.setting: on.value}}) as daemon:
        daemon.wait_until_serving()
        with calling(daemon.stub) as caller:
            yield caller


def ask(caller: Caller, switch: Switch) -> str:
    """Submit what a switch allows."""
    return caller.submit(switch.fields, {**LATER, **switch.options}).job_id.id


def test_what_is_switched_on_reaches_slurmctld(
    sandbox: Sandbox, lenient: Caller, on: Switch
) -> None:
    job = ask(lenient, on)
    assert on.shown in command(sandbox, "scontrol", "--oneliner", "show", "job", job).stdout


def test_what_is_switched_off_is_refused(lenient: Caller, on: Switch) -> None:
    for switch in SWITCHES:
        if switch is not on:
            told = refusal(lambda: ask(lenient, switch))  # noqa: B023
            assert (told.code.name, told.reason) == ("PERMISSION_DENIED", switch.reason)


def test_no_switch_serves_root(lenient: Caller) -> None:
    root = {"user_id": 0, "user": None, "group_id": None, "group": None}
    assert refusal(lambda: lenient.submit(root)).reason == "USER_NOT_SERVED"


# ------------------------------------------------------------------------------ min_uid


@pytest.fixture(scope="module")
def picky(sandbox: Sandbox) -> Iterator[Caller]:
    """A caller of a daemon that serves alice and bob only."""
    with running(sandbox, {"policy": {"min_uid": ALICE}}) as daemon:
        daemon.wait_until_serving()
        with calling(daemon.stub) as caller:
            yield caller


def test_a_user_below_min_uid_is_not_served(picky: Caller) -> None:
    told = refusal(picky.submit)
    assert (told.code.name, told.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
    assert told.violations == {"user_id": "USER_NOT_SERVED"}
    assert f"{ALICE} to" in told.message


def test_the_user_of_min_uid_is_served(picky: Caller) -> None:
    asked = {"user_id": ALICE, "user": None, "group_id": None, "group": None}
    assert picky.get(picky.hold(asked)).user_id == ALICE


def test_a_job_of_a_user_below_min_uid_is_told_but_not_cancelled(
    sandbox: Sandbox, picky: Caller
) -> None:
    job = str(submit(sandbox, "true", "--hold", f"--uid={JIANGLI}"))
    assert picky.get(job).user_id == JIANGLI
    told = refusal(lambda: picky.cancel(job))
    assert (told.code.name, told.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
