"""The batch script: what sbatch checks before it submits, and slurmctld does not.

slurmctld takes a script without ``#!``, or an empty one, and the job fails on its node, long after
anyone is there to be told. Sources: sbatch.c, _get_script_buffer; slurm.conf(5), max_script_size.
"""

import re

from hpcagent.slurm.draft import Draft
from hpcagent.slurm.options import path_of

DEFAULT_MAX_SIZE = 4 << 20
"""slurm.conf's default of SchedulerParameters=max_script_size, in bytes."""

_COMMENT = re.compile(r"\s*(#|$)", re.ASCII)
"""What sbatch reads on behind; the first line that is none ends its search (opt.c)."""
_DIRECTIVE = ("#SBATCH", "#SLURM")
"""sbatch takes the second for the first, with a complaint (opt.c, _opt_batch_script)."""
_BYTE_ORDER_MARK = "\ufeff"


def check(script: str, directives: str, max_size: int, draft: Draft) -> str:
    """Return the script as Slurm shall get it. Faults and warnings go to the draft."""
    if not script.strip():
        draft.fault("script", "is empty", "SCRIPT_EMPTY")
        return script
    if "\r\n" in script:
        script = script.replace("\r\n", "\n")
        draft.warn("SCRIPT_CRLF_CONVERTED", "DOS line ends (CR LF) were converted to LF")
    if not script.startswith("#!"):
        draft.fault("script", _no_interpreter(script), "SCRIPT_NO_INTERPRETER")
    if "\0" in script:
        draft.fault("script", "contains a NUL character", "NUL_CHARACTER")
    size = len(script.encode())
    if size > max_size:
        said = f"has {size} bytes; slurm.conf's max_script_size allows {max_size}"
        draft.fault("script", said, "SCRIPT_TOO_LONG")
    if directives == "REJECT":
        _check_directives(script, draft)
    return script


def splice(script: str, max_size: int, draft: Draft) -> str:
    """Return the script with ``draft.script_lines`` behind its first line, as sbatch puts them.

    Source: run_command.c, run_command_add_to_script.
    """
    if not draft.script_lines:
        return script
    first, _, rest = script.partition("\n")
    whole = "\n".join((first, draft.script_lines.removesuffix("\n"), rest))
    size = len(whole.encode())
    if size > max_size:
        said = f"makes a script of {size} bytes; slurm.conf's max_script_size allows {max_size}"
        draft.fault(path_of("bbf"), said, "SCRIPT_TOO_LONG")
    return whole


def _no_interpreter(script: str) -> str:
    said = "does not begin with #! and the path of an interpreter, for instance #!/bin/bash"
    return f"{said}, but with a byte order mark" if script[0] == _BYTE_ORDER_MARK else said


def _check_directives(script: str, draft: Draft) -> None:
    """Refuse lines for sbatch, where a request wants none."""
    for number, line in enumerate(script.split("\n"), start=1):
        if not _COMMENT.match(line):
            return
        if line.startswith(_DIRECTIVE):
            said = f"line {number} is a line for sbatch ({line[:80]!r})"
            draft.fault("script", said, "SCRIPT_HAS_DIRECTIVES")
            return
