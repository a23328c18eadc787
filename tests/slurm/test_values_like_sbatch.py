"""What stands behind an option is read as sbatch reads it, for texts in every form and near them.

Each text goes both ways, on an `#SBATCH` line of a held job; both refuse it, or the descriptions
that are sent are equal.
"""

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slurm.test_like_sbatch import SENT_DIFFERS, comparable, differences
from slurm.twins import Made, Refused, Twins

small = st.integers(0, 120).map(str) | st.sampled_from(["", "x", "007"])
numbers = small | st.just("2147483648")


def joined(*parts: "st.SearchStrategy[str]") -> "st.SearchStrategy[str]":
    """Texts in a row."""
    return st.tuples(*parts).map("".join)


def a(text: str) -> "st.SearchStrategy[str]":
    """The characters of a text, one of them or none."""
    return st.sampled_from(["", *text])


def words(*texts: str) -> "st.SearchStrategy[str]":
    """One of these texts."""
    return st.sampled_from(texts)


levels = words("block", "cyclic", "fcyclic", "*", "Block", "x")
VALUES: dict[str, st.SearchStrategy[str]] = {
    "--time": st.tuples(small, words("", "-", ":"), st.lists(small, max_size=3).map(":".join)).map(
        lambda parts: "".join(parts) if parts[1] else parts[0]
    ),
    "--nodes": joined(numbers, a("kKmM "), a("-"), numbers, a("kM")),
    "--mem": joined(a("+- "), small, a("kKmMgGtTpP"), a("Bb")),
    "--ntasks": joined(a("+- "), numbers, a(" kx")),
    "--nice": joined(a("+"), st.integers(0, 1 << 32).map(str)),
    "--begin": joined(
        words("", "today ", "tomorrow-", "2031-01-02", "01/02/31", "010231", "1.2.31", "02/31/31"),
        words("", "T", " ", "-"),
        words("", "00:00", "9:05", "23:59:59", "12:00am", "12:30 PM", "13:00pm", "24:00", "noon",
              "fika", "Teatime", "9:5", "uts1795613420"),
    ),
    "--signal": joined(
        words("", "B:", "R:", "RB:", "b", "BR"),
        words("USR1", "sigterm", "10", "0", "INT ", "NOPE", ""),
        words("", "@0", "@60", "@65533", "@65536"),
    ),
    "--distribution": joined(levels, words("", ":"), levels, words("", ":"), levels,
                             words("", ",pack", ",NoPack", ",x")),
    "--gres": joined(
        words("gpu", "gres:gpu", "GPU"), words("", ":tesla", ":volta"), words("", ":1", ":2", ":x")
    ),
    "--cpu-freq": joined(
        words("low", "HIGH", "highm1", "him1", "medium", "1000", "x", "0"),
        words("", "-"), words("", "high", "2000", "lo", "m"),
        words("", ":ondemand", ":OnDemandx", ":x", ":performance"),
    ),
    "--switches": joined(numbers, words("", "@5", "@1:00", "@0")),
    "--mail-type": st.lists(words("BEGIN", "end", "ALL", "NONE", "TIME_LIMIT_80"), min_size=1)
    .map(",".join),
    "--profile": st.lists(words("all", "None", "energy", "TASK"), min_size=1).map(",".join),
    "--exclusive": words("", "user", "MCS", "exclusive", "oversubscribe", "x"),
    "--extra-node-info": st.lists(
        words("", "*", "1", "2-3", "1k", "x", "0"), min_size=1, max_size=3
    ).map(":".join),
}  # fmt: skip


def is_misread(option: str, text: str) -> bool:
    """Whether sbatch takes a text for something else than it says, and hpcagent refuses it."""
    match option:
        case "--time":
            return text.startswith("-")
        case "--cpu-freq":  # a number with more behind it is the number to sbatch
            return re.search(r"[0-9][a-z]", text, re.IGNORECASE) is not None
        case "--distribution":
            return "::" in text or text.startswith(":") or ":," in text or text.endswith(":")
        case "--nodes" | "--ntasks" | "--switches" | "--extra-node-info" | "--time-min":
            wraps = re.search(r"[0-9]{4,}[kKmM]", text) is not None  # sbatch's int does
            return wraps or any(int(word) not in range(1, 1 << 31) for word in digits(text))
        case _:
            return False


def digits(text: str) -> list[str]:
    return "".join(one if one.isdigit() else " " for one in text).split()


@pytest.mark.parametrize("option", VALUES)
@given(data=st.data())
@settings(
    max_examples=12,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_value_means_the_same(twins: Twins, option: str, data: st.DataObject) -> None:
    text = data.draw(VALUES[option])
    script = f"#!/bin/sh\n#SBATCH --hold\n#SBATCH {option}='{text}'\ntrue\n"
    spec = twins.spec(script=script)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    if isinstance(theirs, Made) and isinstance(mine, Made):
        assert differences(comparable(theirs), comparable(mine), SENT_DIFFERS) == {}
    elif isinstance(mine, Made):
        pytest.fail(f"{text!r}: {theirs}")
    else:
        assert isinstance(theirs, Refused) or is_misread(option, text), mine
