"""``hpcagent job watch`` and ``logs``: what goes on as it happens."""

import argparse
import base64
import shutil
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from hpcagent.cli.calling import NOT_COMPLETED, print_json, wants_json
from hpcagent.cli.tables import JOBS, cut, plain, table
from hpcagent.cli.waiting import Job, Waiting, key

if TYPE_CHECKING:
    from hpcagent.client import Agent

STATES: Final = (
    "pending", "running", "suspended", "completed", "cancelled", "failed", "timeout", "node_fail",
    "preempted", "boot_fail", "deadline", "out_of_memory", "unknown",
)  # fmt: skip
"""The contract's JobState, in lower case."""
ATTEMPTS: Final = 30
"""How often what was cut off is tried again, one after the other, before it is given up."""
PAUSE: Final = 1.0
"""Seconds between two attempts: as long as an agent needs to start again, with some more."""
CLEAR: Final = "\x1b[H\x1b[J"
"""Cursor home, and erase what is below it (ECMA-48)."""
CUT_OFF: Final = frozenset({"ABORTED", "UNAVAILABLE"})
"""gRPC's codes of a stream that can go on."""


class Screen:
    """A table of jobs that is drawn in place."""

    def __init__(self) -> None:
        self.jobs: dict[object, Job] = {}

    def draw(self) -> None:
        """Draw what fits, the newest jobs if not all do."""
        size = shutil.get_terminal_size()
        jobs = list(self.jobs.values())[-max(size.lines - 2, 1) :]
        lines = [cut(line, size.columns) for line in table(JOBS, jobs)]
        sys.stdout.write(CLEAR + "\n".join(lines) + "\n")
        sys.stdout.flush()


def watch(agent: "Agent", args: argparse.Namespace) -> int:
    """Follow jobs until those that were named have ended; all others until interrupted."""
    screen, waiting = Screen(), Waiting(args.jobs)
    shown = not wants_json(args)
    begun = False
    for event in _events(agent, args):
        for kind, job in _told(event):
            _take(job, screen, waiting, gone=kind == "gone")
            if not shown:
                _print_event(kind, job, event)
        # A watch that is resumed has no snapshot.
        if not begun and ("snapshot_end" in event or args.resume_token):
            begun = True
            for job in _asked_for(agent, waiting):
                _take(job, screen, waiting, gone=False)
                if not shown:
                    _print_event("snapshot", job, event)
        if shown and begun and "bookmark" not in event:
            screen.draw()
        if begun and waiting.over():
            return 0 if waiting.completed() else NOT_COMPLETED
    return 0


def _told(event: dict[str, Any]) -> Iterator[tuple[str, Job]]:
    return ((kind, event[kind]) for kind in ("snapshot", "changed", "gone") if kind in event)


def _print_event(kind: str, job: Job, event: dict[str, Any]) -> None:
    """Print what happened for programs, on a line of its own, at once."""
    print_json({"event": kind, "job": job, "resume_token": event["resume_token"]}, indent=None)
    sys.stdout.flush()


def _take(job: Job, screen: Screen, waiting: Waiting, *, gone: bool) -> None:
    """Take a job up. Of those that nobody waits for, what is gone is forgotten."""
    if waiting.named:
        waiting.add(job)
    if gone and not waiting.named:
        screen.jobs.pop(key(job), None)
    else:
        screen.jobs[key(job)] = job


def _asked_for(agent: "Agent", waiting: Waiting) -> Iterator[Job]:
    """Yield jobs of which no event tells: they ended long ago. AgentFailure: they never were."""
    for name in waiting.unknown():
        job = agent.call("GetJob", {"job_id": {"id": name}})
        waiting.rename(name, job)
        yield job


def _events(agent: "Agent", args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield events; go on behind the last one where the stream was cut off."""
    request: dict[str, Any] = {"filter": job_filter(args), "resume_token": args.resume_token}
    for event in _unbroken(agent, "WatchJobs", request):
        request["resume_token"] = event["resume_token"]
        yield event


def _unbroken(agent: "Agent", method: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield answers; ask again where they were cut off, for what the request then says."""
    from hpcagent.client import AgentFailure

    left = 0
    while True:
        try:
            for answer in agent.stream(method, request):
                left = ATTEMPTS
                yield answer
        except AgentFailure as error:
            if error.code not in CUT_OFF or not left:
                raise
            left -= 1
            time.sleep(PAUSE)
        else:
            return


def job_filter(args: argparse.Namespace) -> dict[str, Any]:
    """Return the filter that the arguments describe."""
    return {
        "job_ids": [{"id": one} for one in args.jobs],
        "users": args.user,
        "accounts": args.account,
        "partitions": args.partition,
        "names": args.name,
        "states": [f"JOB_STATE_{one.upper()}" for one in args.state],
    }


def logs(agent: "Agent", args: argparse.Namespace) -> int:
    """Print what a job writes, byte by byte."""
    request = {
        "job_id": {"id": args.job},
        "stream": "OUTPUT_STREAM_STDERR" if args.stderr else "OUTPUT_STREAM_STDOUT",
        "follow": args.follow,
        **({} if args.lines is None else {"lines": args.lines}),
    }
    path = ""
    for chunk in _unbroken(agent, "ReadOutput", request):
        path = chunk["path"] or path
        notice = chunk["notice"]
        if notice in {"NOTICE_TRUNCATED", "NOTICE_ROTATED"}:
            word = notice.removeprefix("NOTICE_").lower()
            print(f"hpcagent: {plain(path)} was {word}", file=sys.stderr)
        data = base64.b64decode(chunk["data"])
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        request.pop("lines", None)
        request["offset"] = int(chunk["offset"]) + len(data)
    return 0
