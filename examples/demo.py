"""A scheduler's day with hpcagent, in a minute: ``make demo``.

Starts a private Slurm and the daemon, sends the request of the original system over gRPC, follows
the job to its end, shows what a cancellation and a refusal look like, and leaves nothing behind.
The same daemon renders the original's Deployment and, where Kubernetes has been built here
(``make control-plane``), runs it. Read from ``main`` on: everything between ``watching`` and
``show_output`` is what a scheduler does.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeAlias

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kubernetes import client, config

from hpcagent.sandbox import ControlPlane, Sandbox, SandboxError
from hpcagent.sandbox.controlplane.build import is_built
from hpcagent.v1.job_pb2 import Job, JobId, JobState, JobStateFlag
from hpcagent.v1.job_requests_pb2 import (
    CancelJobRequest,
    JobEvent,
    JobFilter,
    ReadOutputRequest,
    SubmitJobResponse,
    WatchJobsRequest,
)
from hpcagent.v1.k8s_agent_pb2 import SubmitTaskRequest, Workload
from hpcagent.v1.k8s_agent_pb2_grpc import K8sAgentStub
from hpcagent.v1.slurm_agent_pb2 import CreateWorkDir, SubmitJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

REQUEST = Path(__file__).with_name("origin_request.json")
TASK = Path(__file__).with_name("origin_task.json")
SITE = Path(__file__).with_name("kubernetes.toml")
AnyStub: TypeAlias = SlurmAgentStub | K8sAgentStub
AnyRequest: TypeAlias = SubmitJobRequest | SubmitTaskRequest
"""Both services answer alike."""
PATIENCE = 60.0
"""Seconds that any one step may take."""
WAITING = {JobState.JOB_STATE_PENDING}
UNDER_WAY = {JobState.JOB_STATE_PENDING, JobState.JOB_STATE_RUNNING}
COMPLETING = JobStateFlag.JOB_STATE_FLAG_COMPLETING
"""The job has ended, but its node still cleans up."""


def main() -> int:
    """Run the demo; the exit status tells whether every step went as it should."""
    try:
        with (
            sandbox() as slurm,
            home_for_jobs() as root,
            control_plane() as kubeconfig,
            daemon(slurm, root, kubeconfig) as channel,
        ):
            run(SlurmAgentStub(channel))
            run_task(K8sAgentStub(channel), create=kubeconfig is not None)
    except (DemoError, SandboxError, grpc.RpcError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def run(stub: SlurmAgentStub) -> None:
    """Do what a scheduler does: submit, follow, cancel, and be refused."""
    request = json_format.Parse(REQUEST.read_text(), SubmitJobRequest())
    request = for_this_user(request)

    step("The original system's request, word for word, is submitted, runs, and is cancelled")
    with watching(stub, request) as events:
        job_id = submit(stub, request)
        follow(events, until_not=WAITING)
        cancel(stub, job_id)
        expect(follow(events, until_not=UNDER_WAY), JobState.JOB_STATE_CANCELLED)

    step("The same with `sleep 1` in place of `sleep 3600` runs to its end")
    request.script = request.script.replace("sleep 3600", "sleep 1")
    with watching(stub, request) as events:
        job_id = submit(stub, request)
        expect(follow(events, until_not=UNDER_WAY), JobState.JOB_STATE_COMPLETED)
        show_output(stub, job_id)

    step("A partition that does not exist is refused in slurmctld's own words")
    request.partition = "no-such-partition"
    be_refused(stub, request)


def run_task(stub: K8sAgentStub, *, create: bool) -> None:
    """Do the same with a staged task: look at its manifest, and create it where that can be."""
    task = json_format.Parse(TASK.read_text(), SubmitTaskRequest())
    step("The original system's staged task is rendered as the Deployment of its documentation")
    rendered = stub.RenderJob(task, timeout=PATIENCE)
    for line in rendered.manifest.splitlines():
        print(f"      | {line}")
    if not create:
        say("not created: Kubernetes is not built here; `make control-plane` does it")
        return
    step("It is created on a private Kubernetes, runs, and is cancelled")
    with watching(stub, task) as events:
        job_id = submit_task(stub, task)
        expect(follow(events, until_not=WAITING), JobState.JOB_STATE_RUNNING)
        cancel(stub, job_id)
        expect(follow(events, until_not=UNDER_WAY), JobState.JOB_STATE_CANCELLED)

    step("A task that ends is a Job of Kubernetes, and its log is its output")
    task.workload = Workload.WORKLOAD_JOB
    task.task.plan.id = f"w{uuid.uuid4()}"
    task.task.plan.command[:] = ["sh", "-c", "echo $$USER is in $$CWD; sleep 1; echo done"]
    with watching(stub, task) as events:
        job_id = submit_task(stub, task)
        expect(follow(events, until_not=UNDER_WAY), JobState.JOB_STATE_COMPLETED)
        show_output(stub, job_id)
        cancel(stub, job_id)


# ---------------------------------------------------------------------- a scheduler's calls


@contextlib.contextmanager
def watching(stub: AnyStub, request: AnyRequest) -> Iterator[Iterator[JobEvent]]:
    """Watch for the job that a request will make: from here on, none of its states is missed."""
    request.request_id = str(uuid.uuid4())
    wanted = WatchJobsRequest(filter=JobFilter(request_ids=[request.request_id]))
    events = stub.WatchJobs(wanted, timeout=PATIENCE)
    try:
        while not next(events).HasField("snapshot_end"):
            pass
        yield events
    finally:
        events.cancel()


def submit(stub: SlurmAgentStub, request: SubmitJobRequest) -> JobId:
    """Submit a job; its working directory is made first."""
    request.create_work_dir.CopyFrom(CreateWorkDir(parents=True))
    return told(stub.SubmitJob(request, timeout=PATIENCE))


def submit_task(stub: K8sAgentStub, task: SubmitTaskRequest) -> JobId:
    """Submit a task."""
    return told(stub.SubmitJob(task, timeout=PATIENCE))


def told(answer: SubmitJobResponse) -> JobId:
    """Tell what became of a submission."""
    say(f"SubmitJob:  job {answer.job_id.id} on cluster {answer.job_id.cluster}")
    for warning in answer.warnings:
        say(f"  warning {warning.name}: {warning.text}")
    return answer.job_id


def follow(events: Iterator[JobEvent], until_not: set[JobState.ValueType]) -> Job:
    """Follow a watched job until its state is none of ``until_not``; tell each change."""
    before = ""
    for event in events:
        if not (event.HasField("changed") or event.HasField("gone")):
            continue
        gone = event.HasField("gone")  # Kubernetes keeps nothing of what was deleted
        job = event.gone if gone else event.changed
        if (words := described(job) + (", and gone" if gone else "")) != before:
            say(f"WatchJobs:  job {job.job_id.id} is {words}")
            before = words
        if gone or (job.state not in until_not and COMPLETING not in job.state_flags):
            return job
    raise DemoError(f"the watch has ended; last, the job was {before}")


def described(job: Job) -> str:
    """Tell a job's state, why it is in it, and where."""
    state = JobState.Name(job.state).removeprefix("JOB_STATE_")
    reason = f" ({job.reason.name})" if job.reason.name else ""
    return state + reason + (f" on {job.node_list}" if job.node_list else "")


def cancel(stub: AnyStub, job_id: JobId) -> None:
    """Cancel a job, as its user."""
    stub.CancelJob(CancelJobRequest(job_id=job_id, reason="demo"), timeout=PATIENCE)
    say(f"CancelJob:  job {job_id.id}")


def be_refused(stub: SlurmAgentStub, request: SubmitJobRequest) -> None:
    """Submit what cannot be accepted, and tell what a scheduler learns from the answer."""
    try:
        answer = stub.SubmitJob(request, timeout=PATIENCE)
    except grpc.RpcError as error:
        say(f"SubmitJob:  {error.code().name}: {error.details()}")
        for detail in rpc_status.from_call(error).details:  # type: ignore[no-untyped-call]
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                say(f"  reason {info.reason}, domain {info.domain}, errno {info.metadata['errno']}")
        return
    raise DemoError(f"the request was accepted as job {answer.job_id.id}")


def expect(job: Job, state: JobState.ValueType) -> None:
    """Check how a job ended, and tell it."""
    if job.HasField("exit_status"):
        status = job.exit_status
        say(f"            exit code {status.code}, signal {status.signal}")
    if job.state != state:
        raise DemoError(f"it should have been {JobState.Name(state)}")


def show_output(stub: AnyStub, job_id: JobId) -> None:
    """Print all that a job wrote, without the environment that its sandbox gave it."""
    request = ReadOutputRequest(job_id=job_id, follow=True)
    chunks = list(stub.ReadOutput(request, timeout=PATIENCE))
    say(f"ReadOutput: {chunks[0].path}")
    for line in b"".join(chunk.data for chunk in chunks).decode().splitlines():
        if not line.startswith(("SLURM_", "LD_PRELOAD", "NSS_WRAPPER")):
            print(f"      | {line}")


# ---------------------------------------------------------------------- what it runs on


@contextlib.contextmanager
def sandbox() -> Iterator[Sandbox]:
    """Start a private Slurm whose users, the request's among them, exist nowhere else."""
    step("A private munged, slurmctld and two slurmd start on loopback")
    with Sandbox.up(names_in_jobs=True) as slurm:
        say(f"ready in {slurm.ready_in:.1f} s; users: {', '.join(u.name for u in slurm.users)}")
        yield slurm


@contextlib.contextmanager
def home_for_jobs() -> Iterator[Path]:
    """Give the request's user a home below the root of the request's working directory.

    Only what was not there before is made, and that is removed again.
    """
    request = json_format.Parse(REQUEST.read_text(), SubmitJobRequest())
    home = Path(*Path(request.work_dir).parts[:3])
    if os.geteuid() != 0:
        with tempfile.TemporaryDirectory(prefix="hpcagent-demo-") as scratch:
            os.environ["HPCAGENT_DEMO_HOME"] = scratch
            yield Path(scratch)
        return
    made = [path for path in (home.parent, home) if not path.exists()]
    for path in made:
        path.mkdir(mode=0o755)
    if home in made:
        os.chown(home, request.user_id, request.group_id)
    try:
        yield home.parent
    finally:
        if made:
            shutil.rmtree(made[0])


def for_this_user(request: SubmitJobRequest) -> SubmitJobRequest:
    """Only root can run another user's job: anyone else's demo runs jobs of that person."""
    if os.geteuid() == 0:
        return request
    say("not root: the job runs as yourself, in a directory of your own")
    request.user_id, request.group_id = os.geteuid(), os.getegid()
    request.user = request.group = ""
    request.work_dir = os.environ["HPCAGENT_DEMO_HOME"] + request.work_dir
    return request


@contextlib.contextmanager
def control_plane() -> Iterator[Path | None]:
    """Start a private Kubernetes whose nodes are the task's partition; None: it is not built."""
    if not is_built():
        yield None
        return
    step("A private Kubernetes starts on loopback, with two nodes that run commands as processes")
    with ControlPlane.up() as plane:
        settings = client.Configuration()
        config.load_kube_config(str(plane.kubeconfig), client_configuration=settings)
        with client.ApiClient(settings) as api:
            for number in (1, 2):
                label = {"metadata": {"labels": {"partition": "power"}}}
                client.CoreV1Api(api).patch_node(f"node{number}", label)
        say(f"ready in {plane.ready_in:.1f} s")
        yield plane.kubeconfig


def kubernetes_settings(kubeconfig: Path | None) -> str:
    """The original site's profile, and a cluster; one that is not there can be rendered for."""
    where = f'kubeconfig = "{kubeconfig}"' if kubeconfig else 'server = "https://none.invalid"'
    return f"{SITE.read_text()}\n[kubernetes.clusters.tianhe2h]\n{where}\n"


@contextlib.contextmanager
def daemon(slurm: Sandbox, root: Path, kubeconfig: Path | None) -> Iterator[grpc.Channel]:
    """Start ``hpcagent serve`` against the sandboxes; stop it as systemd would."""
    step("hpcagent serve")
    home = Path(tempfile.mkdtemp(prefix="hpcagent-demo-"))
    file, address, log = home / "hpcagent.toml", home / "hpcagent.sock", home / "log"
    file.write_text(
        f'[server]\nunix = "{address}"\n'
        f'[slurm]\nconf = "{slurm.conf}"\nwork_dir_roots = ["{root}"]\n'
        f"[policy]\nmin_uid = {min(1000, os.geteuid() or 1000)}\n"
        f"{kubernetes_settings(kubeconfig)}"
    )
    with Ready(home / "notify.sock") as ready, log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - this Python, our own module, no shell
            [sys.executable, "-m", "hpcagent.cli", "serve", "--config", str(file)],
            env={**os.environ, **slurm.env, "NOTIFY_SOCKET": ready.path},
            stderr=stderr,
        )
        try:
            ready.wait(process)
            say(f"serves SlurmAgent and K8sAgent on unix:{address}, pid {process.pid}")
            with grpc.insecure_channel(f"unix:{address}") as channel:
                yield channel
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=PATIENCE)
    step(f"SIGTERM: the daemon has drained and ended with exit status {status}")
    if status != 0:
        raise DemoError(f"the daemon did not end well:\n{log.read_text()}")
    shutil.rmtree(home)


class Ready:
    """A socket on which the daemon says READY=1, as it would to systemd."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        """Listen."""
        self._socket.bind(self.path)
        self._socket.settimeout(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._socket.close()

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the daemon is ready; DemoError if it ends before."""
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self._socket.recv(4096):
                    return
        raise DemoError(f"the daemon did not become ready (exit status {process.poll()})")


class DemoError(Exception):
    """A step did not go as it should."""


def step(words: str) -> None:
    """Begin a step of the story."""
    print(f"\n== {words}", flush=True)


def say(words: str) -> None:
    """Tell what happened."""
    print(f"   {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
