"""Options of a few words."""

import pytest
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.slurm.grammar import words
from hpcagent.slurm.grammar.forms import LIST, NOT_GIVEN, TEXT, Grammar, Instead


@pytest.mark.parametrize(
    ("grammar", "text", "value"),
    [
        (words.EXCLUSIVE, "exclusive", "JOB"),
        (words.EXCLUSIVE, "USER", "USER"),
        (words.EXCLUSIVE, "mcs", "MCS"),
        (words.EXCLUSIVE, "topo", "TOPO"),
        (words.HINT, "nomultithread", "NOMULTITHREAD"),
        (words.HINT, "Compute_Bound", "COMPUTE_BOUND"),
        (words.YES_OR_NO, "yes", True),
        (words.YES_OR_NO, "No", False),
        (words.NO_KILL, "set", True),
        (words.NO_KILL, "off", False),
        (words.MAIL_TYPE, "BEGIN", ("BEGIN",)),
        (words.MAIL_TYPE, "end,fail", ("END", "FAIL")),
        (words.MAIL_TYPE, "TIME_LIMIT_80,TIME_LIMIT_80", ("TIME_LIMIT_80",)),
        (words.MAIL_TYPE, "BEGIN,NONE,END", ("NONE",)),
        (words.PROFILE, "energy,task", ("ENERGY", "TASK")),
        (words.PROFILE, "task,all", ("ALL",)),
        (words.PROFILE, "none,all", ("NONE",)),
        (words.GRES_FLAG, "enforce-binding", ("ENFORCE_BINDING",)),
        (words.OPEN_MODE, "append", "APPEND"),
        (words.OPEN_MODE, "t", "TRUNCATE"),
        (words.OPEN_MODE, "Always", "APPEND"),
        (words.GET_USER_ENV, "10L", True),
        (words.GET_USER_ENV, "S", True),
        (words.FILE, "None", "/dev/null"),
        (words.FILE, "out.%j", "out.%j"),
        (words.HOSTS, "node[1-3],x", "node[1-3],x"),
        (LIST, "a,,b", ("a", "b")),
    ],
)
def test_a_word_is_read(grammar: Grammar, text: str, value: object) -> None:
    assert grammar.read(text) == value


@pytest.mark.parametrize(
    ("grammar", "text"),
    [
        (words.EXCLUSIVE, "me"),
        (words.HINT, "fast"),
        (words.HINT, "compute_bound,nomultithread"),
        (words.YES_OR_NO, "true"),
        (words.NO_KILL, "on"),
        (words.MAIL_TYPE, "START"),
        (words.MAIL_TYPE, "BEGIN,START"),  # sbatch passes over it
        (words.MAIL_TYPE, ""),
        (words.PROFILE, "tasks"),  # sbatch looks for "task" in it
        (words.GRES_FLAG, "bind"),
        (words.OPEN_MODE, "write"),
        (words.OPEN_MODE, ""),
        (words.REQUEUE, "yes"),
    ],
)
def test_another_word_is_refused(grammar: Grammar, text: str) -> None:
    assert refusal(grammar, text) == "UNKNOWN_VALUE"


def test_to_be_exclusive_in_oversubscribing_is_to_oversubscribe() -> None:
    assert words.EXCLUSIVE.read("oversubscribe") == Instead("oversubscribe", value=True)


def test_a_requeue_may_be_expedited() -> None:
    assert words.REQUEUE.read("expedite") == Instead("requeue_expedite", value=True)
    assert words.REQUEUE.bare is True


def test_events_of_mail_add_up() -> None:
    gather = words.MAIL_TYPE.gather
    assert gather is not None
    assert gather(("BEGIN",), ("END", "BEGIN")) == ("BEGIN", "END")
    assert gather(("BEGIN",), ("NONE",)) == ("BEGIN",)
    assert gather(("NONE",), ("NONE",)) == ("NONE",)


def test_a_file_of_nodes_is_refused() -> None:
    assert refusal(words.HOSTS, "./hosts") == "FILE_OF_SUBMIT_HOST"


def test_a_mode_of_the_user_environment_is_s_or_l() -> None:
    assert refusal(words.GET_USER_ENV, "x") == "GET_USER_ENV_FORM"


def test_an_empty_text_is_none() -> None:
    assert TEXT.read("") is LIST.read("") is LIST.read(",") is NOT_GIVEN


@pytest.mark.parametrize(
    ("grammar", "value"),
    [
        (words.EXCLUSIVE, "JOB"),
        (words.EXCLUSIVE, "USER"),
        (words.HINT, "MULTITHREAD"),
        (words.YES_OR_NO, False),
        (words.NO_KILL, False),
        (words.MAIL_TYPE, ("BEGIN", "TIME_LIMIT_90")),
        (words.PROFILE, ("ENERGY", "TASK")),
        (words.GRES_FLAG, ("DISABLE_BINDING",)),
        (words.OPEN_MODE, "TRUNCATE"),
        (LIST, ("a", "b")),
    ],
)
def test_a_written_word_is_read_as_itself(grammar: Grammar, value: object) -> None:
    assert comes_back(grammar, value)
