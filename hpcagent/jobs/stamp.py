"""The mark that ties a job to the request that made it.

The ``request_id`` is written into the job itself, where it outlives this daemon and can be found
again in the queue and in accounting: into ``admin_comment``, which only a privileged submitter
can set and which the job's user cannot change. After an unknown outcome, and after a restart, the
mark is what tells whether a job exists.
"""

import re

_PREFIX = "hpcagent:"
_FORM = re.compile(re.escape(_PREFIX) + r"([A-Za-z0-9._:-]{1,128})(?![A-Za-z0-9._:-])")

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What a request_id may be: it stands in a job's comment, in logs and in shells unquoted."""


def stamp(request_id: str) -> str:
    """Return the mark of ``request_id``; a job without one has no mark."""
    return _PREFIX + request_id if request_id else ""


def split(admin_comment: str) -> tuple[str, str]:
    """Return the request_id that a comment is marked with, and the comment without the mark.

    Administrators may append to the comment with ``scontrol update``, after a space or a comma:
    their words stay.
    """
    form = _FORM.match(admin_comment)
    if form is None:
        return "", admin_comment
    return form[1], admin_comment[form.end() :].strip(" \t\n,;")
