"""The operations that a worker knows: each a function here, named as in the call.

They take and give plain values and records, which cross a process boundary as MessagePack, and
decide nothing: what to ask and what an answer means is the daemon's business.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import msgspec

import _slurm
from hpcagent import nss, work_dir
from hpcagent.jobs.identity import Claim, Facts
from hpcagent.slurm.wire import Call, Done, Failed, Opened, Reply
from hpcagent.slurm.worker import inventory, output_file
from hpcagent.slurm.worker.tracking import Tracking

SHOWN = _slurm.SHOW_ALL | _slurm.SHOW_DETAIL | _slurm.SHOW_LOCAL
"""Every job of this cluster, with its details; not those that a federation runs elsewhere."""


def hello() -> dict[str, Any]:
    """Tell what this worker was built for and runs with, once it can work."""
    release = _slurm.header_version()  # check_library has made sure that it is the library's too
    return {"library_version": _slurm.dotted(release), "version": release}


def host() -> dict[str, Any]:
    """Tell what this worker found on its host: the library, and the slurm.conf that it read."""
    return {"library": _slurm.library_path(), "conf": _slurm.own_conf()}


def ping() -> list[_slurm.ControllerPing]:
    """Ask every configured controller whether it is there."""
    return _slurm.ping()


def cluster() -> dict[str, Any]:
    """Read slurmctld's configuration and its partitions."""
    return {"conf": _slurm.load_conf(), "partitions": _slurm.load_partitions()}


def resolve(claim: Mapping[str, Any]) -> Facts:
    """Ask NSS who a claim means."""
    return nss.look_up(Claim(**claim))


def names(uids: Sequence[int], gids: Sequence[int]) -> dict[str, Any]:
    """Ask NSS for names."""
    return {"users": nss.user_names(list(uids)), "groups": nss.group_names(list(gids))}


def submit(members: Mapping[str, Any]) -> _slurm.SubmitReply:
    """Submit a batch job: members of job_desc_msg_t in, slurmctld's answer out."""
    return _slurm.submit_batch_job(members)


def submit_het(components: Sequence[Mapping[str, Any]]) -> _slurm.SubmitReply:
    """Submit a heterogeneous job: the members of each component, the leader first."""
    return _slurm.submit_batch_het_job(components)


def will_run(members: Mapping[str, Any]) -> _slurm.WillRun:
    """Ask when and where a job would start."""
    return _slurm.job_will_run2(members)


def job(job_id: int, members: Sequence[str]) -> list[dict[str, Any]]:
    """Load the records of one job: several for an array."""
    return _worded(_slurm.load_job(job_id, members=members, flags=SHOWN))


def jobs(
    members: Sequence[str],
    keep: Mapping[str, Any],
    after: Sequence[int] | None,
    limit: int | None,
    user: int | None = None,
) -> _slurm.JobPage:
    """Load a page of the jobs to keep; with ``user``, slurmctld sends that user's jobs only."""
    chosen: dict[str, Any] = {
        "members": members,
        "keep": msgspec.convert(keep, _slurm.JobFilter),
        "after": (after[0], after[1]) if after else None,
        "limit": limit,
        "flags": SHOWN,
    }
    page = _slurm.load_jobs(**chosen) if user is None else _slurm.load_job_user(user, **chosen)
    _worded(page.jobs)
    return page


def changes(members: Sequence[str], answer: str) -> dict[str, Any]:
    """Tell how the queue differs from what an earlier answer told; see ``tracking``."""
    with _tracking_lock:
        tracking = _trackings.setdefault(tuple(members), Tracking(members, SHOWN))
    told = tracking.look(answer)
    _worded(told["changed"])
    return told


_trackings: dict[tuple[str, ...], Tracking] = {}
_tracking_lock = threading.Lock()


def _worded(records: list[_slurm.Record]) -> list[_slurm.Record]:
    """Add Slurm's word for each record's reason: the numbers differ from release to release."""
    for record in records:
        record["state_reason_name"] = _slurm.reason_word(cast("int", record["state_reason"]))
    return records


def kill(
    job_id: str, signal: int, flags: int, identity: Mapping[str, Any] | None
) -> list[_slurm.TaskReply]:
    """Signal or end a job, as its user."""
    with _acting_as(identity):
        _slurm.kill_job2(job_id, signal, flags)
    return [_slurm.TaskReply("")]  # of an array, too, there is one answer


def suspend(job_id: str, identity: Mapping[str, Any] | None) -> list[_slurm.TaskReply]:
    """Suspend a job."""
    with _acting_as(identity):
        return _slurm.suspend2(job_id)


def resume(job_id: str, identity: Mapping[str, Any] | None) -> list[_slurm.TaskReply]:
    """Let a suspended job go on."""
    with _acting_as(identity):
        return _slurm.resume2(job_id)


def requeue(job_id: str, flags: int, identity: Mapping[str, Any] | None) -> list[_slurm.TaskReply]:
    """Put a job back into the queue."""
    with _acting_as(identity):
        return _slurm.requeue2(job_id, flags)


def update(
    job_id: str, members: Mapping[str, Any], identity: Mapping[str, Any] | None
) -> list[_slurm.TaskReply]:
    """Change members of a job."""
    with _acting_as(identity):
        return _slurm.update_job2({**members, "job_id_str": job_id})


def make_work_dir(
    path: str, mode: int, roots: Sequence[str], identity: Mapping[str, Any], *, parents: bool
) -> bool:
    """Make a working directory, as its user; tell whether it was not there before."""
    with _acting_as(identity):
        return work_dir.make(path, mode, roots, parents=parents)


def open_output(path: str, identity: Mapping[str, Any]) -> Opened:
    """Open a file that a job wrote, as its user; the open file goes to the daemon."""
    with _acting_as(identity):
        return Opened(output_file.open_output(path))


class CannotActError(Exception):
    """The agent cannot take a user's identity: it lacks the privilege."""


@contextmanager
def _acting_as(identity: Mapping[str, Any] | None) -> Iterator[None]:
    """Be this user inside the block; None: the agent itself."""
    with ExitStack() as stack:
        try:
            if identity is not None:
                stack.enter_context(
                    _slurm.acting_as(identity["uid"], identity["gid"], identity["groups"])
                )
        except OSError as error:  # not to be taken for one of what is done as the user
            raise CannotActError(error.strerror) from error
        yield


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    operation.__name__: operation
    for operation in (
        hello, host, ping, cluster, resolve, names, submit, job, jobs, changes, make_work_dir,
        open_output, kill, suspend, resume, requeue, update, *inventory.OPERATIONS,
        submit_het, will_run,
    )
}  # fmt: skip


def answer(call: Call) -> Reply:
    """Do what a call asks for; every failure becomes a reply, for the thread must live on."""
    try:
        return Done(OPERATIONS[call.operation](**call.arguments))
    except Exception as error:  # noqa: BLE001 - told to the daemon, which logs a defect as one
        return _failure(error)


def _failure(error: Exception) -> Failed:
    match error:
        case _slurm.NoReply():
            failed = Failed("no_reply", error.text, error.code, error.said)
        case _slurm.AccountingError():
            failed = Failed("accounting", error.text, error.code, error.said)
        case _slurm.SlurmError():
            failed = Failed("slurm", error.text, error.code, error.said)
        case _slurm.MemberError():
            failed = Failed("member", error.message, said=error.member)
        case CannotActError():
            failed = Failed("identity", str(error))
        case OSError():
            path = str(error.filename or "")
            failed = Failed("os", error.strerror or str(error), error.errno or 0, path)
        case _:
            failed = Failed("bug", f"{type(error).__name__}: {error}")
    return failed
