"""Jobs to submit in tests."""

import os
from pathlib import Path
from typing import Any

from hpcagent.sandbox import Sandbox

USER, GROUP = 1870, 1884
ALICE, HPC = 2001, 2100

SCRIPT = "#!/bin/sh\nexec sleep 600\n"


def job(**members: object) -> dict[str, Any]:
    """The members of a small job of nobody in particular; the arguments add to them or replace."""
    return {
        "script": SCRIPT,
        "environment": ["PATH=/usr/bin:/bin"],
        "work_dir": "/tmp",
        "std_out": "/dev/null",
        "min_nodes": 1,
        "max_nodes": 1,
        "name": "native",
        **members,
    }


def job_of(uid: int, gid: int, **members: object) -> dict[str, Any]:
    """The same for root to submit in a user's name."""
    return job(user_id=uid, group_id=gid, **members)


def held(uid: int = USER, gid: int = GROUP, **members: object) -> dict[str, Any]:
    """The same, never to start."""
    return job_of(uid, gid, priority=0, **members)


def fifo(sandbox: Sandbox, uid: int) -> Path:
    """A FIFO that this user's job can open; reading it waits until the job has written."""
    home = next(user.home for user in sandbox.users if user.uid == uid)
    path = Path(home, f"fifo-{os.urandom(4).hex()}")
    os.mkfifo(path)
    path.chmod(0o622)
    return path
