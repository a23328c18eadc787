"""Why a job's working directory was not made, as its caller is told, whatever the backend."""

import errno

from hpcagent.jobs.errors import AgentError, Forbidden, InvalidRequest, Kind, Refused, Violation

MAX_MODE = 0o7777
"""All mode bits of a directory."""

_WORDS = {
    errno.ELOOP: ("is a symbolic link, which is not followed here", "WORK_DIR_SYMLINK"),
    errno.ENOTDIR: ("is no directory", "WORK_DIR_NOT_A_DIRECTORY"),
    errno.ENOENT: (
        "does not exist; {parents} makes it below the agent's work_dir_roots only",
        "WORK_DIR_PARENT_MISSING",
    ),
    errno.ENAMETOOLONG: ("is too long a name for its file system", "WORK_DIR_NAME_TOO_LONG"),
    errno.EACCES: ("cannot be entered or written by the user", "WORK_DIR_NOT_ALLOWED"),
    errno.EPERM: ("cannot be made by the user", "WORK_DIR_NOT_ALLOWED"),
}
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


def refusal(number: int, text: str, path: str, *, field: str, parents: str) -> AgentError:
    """Return what the system's refusal means.

    ``path`` is as far as the component that failed, ``field`` what the request calls the directory,
    ``parents`` the field that asks for its parents.
    """
    said, reason = _WORDS.get(number, (text, "WORK_DIR_NOT_MADE"))
    said = f"{path} {said.format(parents=parents)}"
    violation = Violation(field, said, reason)
    if number in _NOT_ALLOWED:
        return Forbidden(said, reason=reason, violations=[violation])
    if number in _WORDS:
        return InvalidRequest([violation])
    return Refused(
        f"the working directory could not be made: {said}",
        kind=Kind.FAILED_PRECONDITION,
        reason=reason,
        violations=[violation],
    )


def cannot_act(text: str) -> AgentError:
    """Return the refusal of an agent that may not take a user's identity."""
    said = f"the agent lacks the privilege to act for the user: {text}"
    return Refused(said, kind=Kind.FAILED_PRECONDITION, reason="CANNOT_ACT_AS_USER")
