"""Options of a few words. Sources: slurm_opt.c, arg_set_*; proc_args.c, parse_mail_type.

sbatch passes over words of --mail-type and --profile that it does not know, if it knows another;
here they are refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import cast

from hpcagent.slurm.grammar.forms import Argument, Grammar, Instead, fault, write_list


def _known(text: str, word: str, words: Collection[str], form: Callable[[str], str] = str) -> str:
    """Return a word that is one of these. Raises FaultError."""
    if word in words:
        return word
    raise fault(text, f"it must be one of {', '.join(map(form, words))}", "UNKNOWN_VALUE")


def one_of(words: Mapping[str, object]) -> Grammar:
    """Return the grammar of one word, in any case; the first of several for a value is written."""
    written = {value: word for word, value in reversed([*words.items()])}
    return Grammar(
        lambda text: words[_known(text, text.lower(), words)],
        lambda value: written[value],
    )


EXCLUSIVE_WORDS: Mapping[str, object] = {
    "exclusive": "JOB",
    "user": "USER",
    "mcs": "MCS",
    "topo": "TOPO",
    "oversubscribe": Instead("oversubscribe", value=True),
}
_exclusive = one_of(EXCLUSIVE_WORDS)
EXCLUSIVE = Grammar(_exclusive.read, _exclusive.write, Argument.OPTIONAL, "JOB")
"""With whom nodes are not shared; nobody, if it is not said."""

HINT = one_of(
    {word: word.upper() for word in ("compute_bound", "memory_bound", "multithread",
                                     "nomultithread")}
)  # fmt: skip
"""What the application is like."""

YES_OR_NO = one_of({"yes": True, "no": False})
"""Yes or no."""

_no_kill = one_of({"set": True, "off": False, "no": False})
NO_KILL = Grammar(_no_kill.read, _no_kill.write, Argument.OPTIONAL, bare=True)
"""On, if it is not said."""


# ---------------------------------------------------------------------- several words


def _split(text: str, words: Collection[str], *, form: Callable[[str], str] = str) -> list[str]:
    named = [form(word) for word in text.split(",") if word]
    if not named:
        raise fault(text, f"it must name some of {', '.join(words)}", "UNKNOWN_VALUE")
    return [_known(text, word, words) for word in named]


MAIL_TYPES = (
    "NONE", "BEGIN", "END", "FAIL", "REQUEUE", "ALL", "INVALID_DEPEND", "STAGE_OUT", "TIME_LIMIT",
    "TIME_LIMIT_90", "TIME_LIMIT_80", "TIME_LIMIT_50", "ARRAY_TASKS",
)  # fmt: skip


def _mail_type(text: str) -> object:
    named = _split(text, MAIL_TYPES, form=str.upper)
    return ("NONE",) if "NONE" in named else tuple(dict.fromkeys(named))


def _more_mail(before: object, now: object) -> object:
    """Return what sbatch makes of two options: it adds up, and NONE is nothing to add."""
    both = [*cast("tuple[str, ...]", before), *cast("tuple[str, ...]", now)]
    return tuple(dict.fromkeys(word for word in both if word != "NONE")) or ("NONE",)


MAIL_TYPE = Grammar(_mail_type, write_list, gather=_more_mail)
"""Events on which mail is sent. NONE takes back the words beside it."""

PROFILES = ("NONE", "ALL", "ENERGY", "TASK", "LUSTRE", "NETWORK")


def _profile(text: str) -> object:
    named = _split(text, PROFILES, form=str.upper)
    strong = next((word for word in ("NONE", "ALL") if word in named), None)
    return (strong,) if strong else tuple(dict.fromkeys(named))


PROFILE = Grammar(_profile, lambda value: write_list(value).lower())
"""What to profile. NONE is stronger than ALL, and ALL than the rest."""

GRES_FLAGS: Mapping[str, str] = {
    "disable-binding": "DISABLE_BINDING",
    "enforce-binding": "ENFORCE_BINDING",
    "multiple-tasks-per-sharing": "MULTIPLE_TASKS_PER_SHARING",
    "one-task-per-sharing": "ONE_TASK_PER_SHARING",
    "allow-task-sharing": "ALLOW_TASK_SHARING",
}


def _gres_flags(text: str) -> object:
    return tuple(GRES_FLAGS[word] for word in _split(text, GRES_FLAGS, form=str.lower))


GRES_FLAG = Grammar(_gres_flags, lambda value: write_list(value).lower().replace("_", "-"))
"""How generic resources are treated."""


# ---------------------------------------------------------------------- words of their own

_USER_ENV = re.compile(r"[0-9]*([sl].*)?", re.IGNORECASE | re.ASCII)


def _get_user_env(text: str) -> object:
    if _USER_ENV.fullmatch(text) is None:
        wanted = "it must be a time-out in seconds and a mode, S or L, for instance 10L"
        raise fault(text, wanted, "GET_USER_ENV_FORM")
    return True


GET_USER_ENV = Grammar(_get_user_env, lambda _value: "", Argument.OPTIONAL, bare=True)
"""A time-out and a mode were for Moab: sbatch reads them, and does nothing with them."""


def _open_mode(text: str) -> object:
    words = {"a": "APPEND", "t": "TRUNCATE"}
    first = text[:1].lower()
    if first not in words:
        raise fault(text, "it must be append or truncate", "UNKNOWN_VALUE")
    return words[first]


OPEN_MODE = Grammar(_open_mode, lambda value: cast("str", value).lower())
"""append or truncate; the first letter is enough."""


def _file(text: str) -> object:
    return "/dev/null" if text.lower() == "none" else text


FILE = Grammar(_file)
"""A file of the job; ``none`` is /dev/null."""


def _requeue(text: str) -> object:
    _known(text, text.lower(), ["expedite"])
    return Instead("requeue_expedite", value=True)


REQUEUE = Grammar(
    _requeue, lambda value: "" if value else "no-requeue", Argument.OPTIONAL, bare=True
)
"""``--requeue``, and since 25.11 ``--requeue=expedite``."""


def _hosts(text: str) -> object:
    if "/" in text:
        wanted = "it names a file on the host of sbatch: give the nodes themselves"
        raise fault(text, wanted, "FILE_OF_SUBMIT_HOST")
    return text


HOSTS = Grammar(_hosts)
"""A list of nodes. sbatch would read one with a slash from a file."""
