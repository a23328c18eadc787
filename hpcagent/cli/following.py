"""``hpcagent job watch`` and ``logs``: what goes on as it happens."""

import argparse
import base64
import shutil
import sys
from typing import TYPE_CHECKING, Any

from hpcagent.cli.calling import NOT_COMPLETED, print_json, wants_json
from hpcagent.cli.tables import JOBS, table

if TYPE_CHECKING:
    from hpcagent.client import Agent

UNENDED = {"JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUSPENDED"}
ATTEMPTS = 10
"""How often a watch goes on that was cut off, before it is given up."""
CLEAR = "\x1b[H\x1b[J"
"""Cursor home, and erase what is below it (ECMA-48)."""

Job = dict[str, Any]


class Screen:
    """A table of jobs that is drawn in place."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    def draw(self) -> None:
        """Draw what fits, the newest jobs if not all do."""
        size = shutil.get_terminal_size()
        jobs = list(self.jobs.values())[-(size.lines - 2) :]
        lines = [line[: size.columns] for line in table(JOBS, jobs)]
        sys.stdout.write(CLEAR + "\n".join(lines) + "\n")
        sys.stdout.flush()


def watch(agent: "Agent", args: argparse.Namespace) -> int:
    """Follow jobs until those that were named have ended; all others until interrupted."""
    screen = Screen()
    waited = set(args.jobs)
    shown = not wants_json(args)
    for event in _events(agent, args):
        kind = next((k for k in ("snapshot", "changed", "gone") if k in event), "")
        if kind:
            job = event[kind]
            screen.jobs[job["job_id"]["id"]] = job
            if not shown:
                print_json({"event": kind, "job": job, "resume_token": event["resume_token"]})
        known = "snapshot_end" in event or kind in {"changed", "gone"}
        if shown and known:
            screen.draw()
        if waited and known and _all_ended(screen.jobs, waited):
            return _outcome(screen.jobs, waited)
    return 0


def _events(agent: "Agent", args: argparse.Namespace) -> Any:  # noqa: ANN401 - a stream of mappings
    """Yield events; go on behind the last one where the stream was cut off."""
    from hpcagent.client import AgentFailure

    request: dict[str, Any] = {"filter": job_filter(args)}
    token, left = args.resume_token, ATTEMPTS
    while True:
        try:
            for event in agent.stream("WatchJobs", {**request, "resume_token": token}):
                token, left = event["resume_token"], ATTEMPTS
                yield event
        except AgentFailure as error:
            left -= 1
            if error.code not in {"ABORTED", "UNAVAILABLE"} or not token or not left:
                raise
        else:
            return


def _ids(job: Job) -> set[str]:
    """Return all ids by which a job may have been named."""
    array, het = job.get("array") or {}, job.get("het_job") or {}
    numbers = (array.get("array_job_id"), het.get("het_job_id"))
    return {job["job_id"]["id"], *(str(number) for number in numbers if number)}


def _all_ended(jobs: dict[str, Job], waited: set[str]) -> bool:
    named = [job for job in jobs.values() if not waited.isdisjoint(_ids(job))]
    return bool(named) and all(
        job["state"] not in UNENDED and "JOB_STATE_FLAG_COMPLETING" not in job["state_flags"]
        for job in named
    )


def _outcome(jobs: dict[str, Job], waited: set[str]) -> int:
    named = (job for job in jobs.values() if not waited.isdisjoint(_ids(job)))
    return 0 if all(job["state"] == "JOB_STATE_COMPLETED" for job in named) else NOT_COMPLETED


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
    for chunk in agent.stream("ReadOutput", request):
        sys.stdout.buffer.write(base64.b64decode(chunk.get("data", "")))
        sys.stdout.buffer.flush()
        notice = chunk.get("notice", "")
        if notice in {"NOTICE_TRUNCATED", "NOTICE_ROTATED"}:
            word = notice.removeprefix("NOTICE_").lower()
            print(f"hpcagent: {chunk['path']} was {word}", file=sys.stderr)
    return 0
