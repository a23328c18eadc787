"""``hpcagent job``: jobs of an agent, from the command line."""

import argparse
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hpcagent.cli import following, submission
from hpcagent.cli.calling import (
    EXIT_STATUS,
    add_connection,
    calling,
    print_json,
    refused,
    say,
    wants_json,
)
from hpcagent.cli.tables import JOBS, details, plain, table

if TYPE_CHECKING:
    from hpcagent.client import Agent

DESCRIPTION: Final = """\
Submit jobs to an agent, look at them, and do things with them. On a terminal answers are tables;
elsewhere, or with --json, they are the messages of the contract as JSON.
"""

JOB: Final = "as 123, 123_4 or 123+1"

Doing: TypeAlias = Callable[["Agent", argparse.Namespace], int]

CONTROLS: Final[Mapping[str, tuple[str, str]]] = {
    "hold": ("HoldJob", "keep waiting jobs from starting"),
    "release": ("ReleaseJob", "let held jobs start"),
    "requeue": ("RequeueJob", "put jobs back into the queue"),
    "suspend": ("SuspendJob", "stop running jobs"),
    "resume": ("ResumeJob", "let suspended jobs go on"),
    "signal": ("SignalJob", "signal the processes of jobs"),
}
"""Verbs that take ids: the method of each, and what it does."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``job`` and its verbs to the command line."""
    parser = subparsers.add_parser(
        "job", help="submit, list, follow and end jobs of an agent", description=DESCRIPTION,
        epilog=EXIT_STATUS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(
        required=True, metavar="VERB", parser_class=submission.SubmitParser
    )
    _add_submit(verbs)
    _add_get(verbs)
    _add_list(verbs)
    cancel = _verb(verbs, "cancel", "end jobs: those named, or all that match", _cancel)
    cancel.set_defaults(method="CancelJob")
    _add_filter(cancel)
    _add_request_id(cancel)
    for verb, (method, words) in CONTROLS.items():
        control = _verb(verbs, verb, words, _control)
        control.set_defaults(method=method)
        control.add_argument("jobs", nargs="+", metavar="JOB", help=JOB)
        _add_request_id(control)
        if verb == "signal":
            control.add_argument("--signal", required=True, metavar="NAME", help="USR1, TERM...")
    _add_following(verbs)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    return calling(args, args.do)


def _verb(
    verbs: "argparse._SubParsersAction[Any]",
    name: str,
    words: str,
    do: Doing,
    **more: Any,  # noqa: ANN401
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=words, allow_abbrev=False, epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter, **more,
    )  # fmt: skip
    parser.set_defaults(do=do)
    add_connection(parser)
    return parser


def _add_submit(verbs: "argparse._SubParsersAction[Any]") -> None:
    words = "submit a batch job, with sbatch's options"
    parser = _verb(verbs, "submit", words, _submit, description=submission.DESCRIPTION)
    submission.add_options(parser)


def _add_get(verbs: "argparse._SubParsersAction[Any]") -> None:
    parser = _verb(verbs, "get", "tell all about a job", _get)
    parser.add_argument("job", metavar="JOB", help=JOB)
    parser.add_argument("--steps", action="store_true", help="with its steps, from accounting")


def _add_list(verbs: "argparse._SubParsersAction[Any]") -> None:
    parser = _verb(verbs, "list", "list jobs, the oldest first", _list)
    _add_filter(parser)
    parser.add_argument(
        "--since", type=_moment, metavar="TIME", help="submitted then or later: 2026-11-25[T07:55]"
    )
    parser.add_argument("--until", type=_moment, metavar="TIME", help="submitted before then")
    parser.add_argument(
        "--history", action="store_true",
        help="those of accounting, too: all that it has ever kept, without --since",
    )  # fmt: skip


def _add_following(verbs: "argparse._SubParsersAction[Any]") -> None:
    watch = _verb(verbs, "watch", "follow jobs; ends when those named have", following.watch)
    _add_filter(watch)
    watch.add_argument("--resume-token", default="", metavar="TOKEN", help="go on behind an event")
    logs = _verb(verbs, "logs", "print what a job writes", following.logs)
    logs.add_argument("job", metavar="JOB", help=JOB)
    logs.add_argument("-f", "--follow", action="store_true", help="until the job has ended")
    logs.add_argument("-n", "--lines", type=int, metavar="N", help="the last lines only")
    logs.add_argument("--stderr", action="store_true", help="its standard error")


def _add_request_id(parser: argparse.ArgumentParser) -> None:
    words = "makes a repetition harmless (default: a new UUID); of one job, or one filter, only"
    parser.add_argument("--request-id", default="", metavar="ID", help=words)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"{JOB} (default: all that match)")
    for name in ("user", "account", "partition", "name"):
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar=name.upper(), help="(repeatable)"
        )
    parser.add_argument(
        "--state", action="append", default=[], metavar="STATE", type=str.lower,
        choices=following.STATES, help=f"{', '.join(following.STATES)} (repeatable)",
    )  # fmt: skip


# ------------------------------------------------------------------------------- verbs


def _submit(agent: "Agent", args: argparse.Namespace) -> int:
    from hpcagent.client import AgentFailure

    request, script = submission.request(args)
    try:
        answer = agent.call("SubmitJob", request)
    except AgentFailure as error:
        raise script.retold(error) from error
    for warning in answer["warnings"]:
        warning["text"] = script.told(warning["text"])
    _warn(answer)
    number = (answer.get("job_id") or {}).get("id", "")
    if args.parsable:
        print(number)
    elif wants_json(args):
        print_json(answer)
    else:
        print(f"Submitted batch job {number}" if number else "The request is valid")
    return 0


def _get(agent: "Agent", args: argparse.Namespace) -> int:
    mask = {"read_mask": "steps"} if args.steps else {}
    job_id = {"job_id": {"id": args.job}}
    answer = agent.call("GetJob", job_id)
    if args.steps:
        answer["steps"] = agent.call("GetJob", {**job_id, **mask}).get("steps", [])
    if wants_json(args):
        print_json(answer)
    else:
        print("\n".join(details(answer)))
    return 0


def _moment(text: str) -> str:
    """Read a time of the local clock, or of another that is named; a ValueError is argparse's."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(agent: "Agent", args: argparse.Namespace) -> int:
    window = {"submitted_after": args.since, "submitted_before": args.until}
    given = {name: moment for name, moment in window.items() if moment}
    request = {
        "filter": {**following.job_filter(args), **given},
        "page_size": 1000,
        "history": args.history,
    }
    jobs: list[dict[str, Any]] = []
    token = ""
    while True:
        page = agent.call("ListJobs", {**request, "page_token": token})
        jobs += page["jobs"]
        token = page["next_page_token"]
        if not token:
            break
    if wants_json(args):
        print_json(jobs)
    else:
        print("\n".join(table(JOBS, jobs)))
    return 0


def _control(agent: "Agent", args: argparse.Namespace) -> int:
    """Do the same with each job; what fails of one keeps nothing from the others."""
    requests = [{"job_id": {"id": one}} for one in args.jobs]
    return _carry_out(agent, args, requests)


def _cancel(agent: "Agent", args: argparse.Namespace) -> int:
    """End the jobs that are named, or else those that a filter finds."""
    wanted = following.job_filter(args)
    conditions = {name: values for name, values in wanted.items() if name != "job_ids" and values}
    if not args.jobs and not conditions:
        return refused("say which: give jobs, or an option such as --user or --name")
    if args.jobs and not conditions:
        return _control(agent, args)
    return _carry_out(agent, args, [{"filter": wanted}])


def _carry_out(agent: "Agent", args: argparse.Namespace, requests: Sequence[dict[str, Any]]) -> int:
    from hpcagent.client import AgentFailure

    if args.request_id and len(requests) > 1:
        return refused("--request-id is of one job only")
    more = {"signal": args.signal} if args.method == "SignalJob" else {}
    results: list[dict[str, Any]] = []
    status = 0
    for request in requests:
        mark = {"request_id": args.request_id or str(uuid.uuid4())}
        try:
            results += agent.call(args.method, {**request, **mark, **more})["results"]
        except AgentFailure as error:
            about = f"{request['job_id']['id']}: " if len(requests) > 1 else ""
            failure = say(error, about)
            status = status or failure
    failed = _tell(results, as_json=wants_json(args))
    return status or int(failed)


def _tell(results: Sequence[dict[str, Any]], *, as_json: bool) -> bool:
    """Print what became of each job; returns whether anything failed."""
    if as_json:
        print_json(results)
    failed = False
    for result in results:
        code = (result.get("status") or {}).get("code", 0)
        failed = failed or bool(code)
        if not as_json:
            said = result["status"]["message"] if code else "done"
            print(plain(f"{result['job_id']['id']}: {said}"))
            _warn(result)
    return failed


def _warn(answer: Mapping[str, Any]) -> None:
    for warning in answer.get("warnings", []):
        said = plain(f"hpcagent: warning: {warning['text']} [{warning['name']}]")
        print(said, file=sys.stderr)
    if answer.get("message"):
        print(plain(answer["message"]), file=sys.stderr)
