"""Distributions, frequencies, signals and switches."""

import pytest
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.jobs.spec import CpuFrequency, Distribution, JobSignal, MemoryUpdate, Switches
from hpcagent.slurm.grammar.placement import (
    CPU_FREQ,
    DISTRIBUTION,
    MEM_UPDATE,
    SIGNAL,
    SWITCHES,
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("block", Distribution("BLOCK")),
        ("Cyclic:Block", Distribution("CYCLIC", "BLOCK")),
        ("block:fcyclic:cyclic", Distribution("BLOCK", "FCYCLIC", "CYCLIC")),
        ("*", Distribution("BLOCK")),
        ("*:*:*", Distribution("BLOCK", "CYCLIC", "CYCLIC")),
        ("cyclic:block:*", Distribution("CYCLIC", "BLOCK", "BLOCK")),
        ("plane=4", Distribution("PLANE", plane_size=4)),
        ("arbitrary", Distribution("ARBITRARY")),
        ("hostfile", Distribution("ARBITRARY")),
        ("pack", Distribution(pack=True)),
        ("block,NoPack", Distribution("BLOCK", pack=False)),
    ],
)
def test_a_distribution_has_three_levels_and_a_flag(text: str, wanted: Distribution) -> None:
    assert DISTRIBUTION.read(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", ",pack", "fcyclic", "block:x", "block:block:block:block", "arbitrary:block", "plane",
     "plane=0x", "plane=4,pack", "block,", "block,pack,nopack", "block::cyclic"],
)  # fmt: skip
def test_another_distribution_is_refused(text: str) -> None:
    assert refusal(DISTRIBUTION, text) == "DISTRIBUTION_FORM"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2000000", CpuFrequency(max=2000000)),
        ("high", CpuFrequency(max="HIGH")),
        ("him1", CpuFrequency(max="HIGHM1")),
        ("low-medium", CpuFrequency("LOW", "MEDIUM")),
        ("1000000-2000000:OnDemand", CpuFrequency(1000000, 2000000, "ONDEMAND")),
        ("performance", CpuFrequency(governor="PERFORMANCE")),
        ("low-high:PowerSave", CpuFrequency("LOW", "HIGH", "POWERSAVE")),
    ],
)
def test_a_frequency_has_bounds_and_a_governor(text: str, wanted: CpuFrequency) -> None:
    assert CPU_FREQ.read(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "0", "fast", "low-", "-high", "high:ondemand", "ondemand:ondemand", "low-high:", "2GHz",
     "low-high:fast", "ondemand-high"],
)  # fmt: skip
def test_another_frequency_is_refused(text: str) -> None:
    assert refusal(CPU_FREQ, text) == "CPU_FREQUENCY_FORM"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("USR1", JobSignal("USR1")),
        ("sigterm", JobSignal("SIGTERM")),
        ("10@300", JobSignal("10", 300)),
        ("B:USR1@120", JobSignal("USR1", 120, batch=True)),
        ("R:INT", JobSignal("INT", reservation=True)),
        ("RB:INT", JobSignal("INT", batch=True, reservation=True)),
        ("br:INT@0", JobSignal("INT", 0, batch=True, reservation=True)),
        ("BUSR1", JobSignal("USR1", batch=True)),
    ],
)
def test_a_signal_has_a_target_and_a_time(text: str, wanted: JobSignal) -> None:
    assert SIGNAL.read(text) == wanted


@pytest.mark.parametrize("text", ["", "@60", "USR1@", "USR1@x", "USR1@-1", "X:USR1", "USR1:B"])
def test_another_signal_is_refused(text: str) -> None:
    assert refusal(SIGNAL, text) == "SIGNAL_FORM"


def test_the_time_of_a_signal_has_sixteen_bits() -> None:
    assert refusal(SIGNAL, "USR1@65536") == "OUT_OF_RANGE"


def test_switches_may_have_a_time() -> None:
    assert SWITCHES.read("2") == Switches(2)
    assert SWITCHES.read("1@2:00:00") == Switches(1, 7200)
    assert SWITCHES.read("1@10") == Switches(1, 600)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "NUMBER_FORM"), ("0", "OUT_OF_RANGE"), ("1@", "TIME_FORM"), ("1@UNLIMITED", "TIME_FORM")],
)
def test_other_switches_are_refused(text: str, reason: str) -> None:
    assert refusal(SWITCHES, text) == reason


def test_memory_shrinks_to_a_margin_after_a_time() -> None:
    assert MEM_UPDATE.read("20@1:30:00") == MemoryUpdate(20, 5400)
    assert refusal(MEM_UPDATE, "20") == refusal(MEM_UPDATE, "x@1") == "MEM_UPDATE_FORM"
    assert refusal(MEM_UPDATE, "20@UNLIMITED") == "TIME_FORM"


def test_what_is_written_is_read_as_itself() -> None:
    assert comes_back(MEM_UPDATE, MemoryUpdate(20, 90))
    assert comes_back(DISTRIBUTION, Distribution("CYCLIC", "FCYCLIC", "BLOCK", pack=True))
    assert comes_back(DISTRIBUTION, Distribution("PLANE", plane_size=3))
    assert comes_back(DISTRIBUTION, Distribution(pack=False))
    assert comes_back(CPU_FREQ, CpuFrequency("LOW", 2000000, "USERSPACE"))
    assert comes_back(CPU_FREQ, CpuFrequency(governor="CONSERVATIVE"))
    assert comes_back(SIGNAL, JobSignal("USR1", 90, batch=True, reservation=True))
    assert comes_back(SWITCHES, Switches(3, 90))
