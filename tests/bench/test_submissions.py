"""How fast jobs are submitted: hpcagent, the bare library, and sbatch, in one run.

Nothing here fails because of a figure: the machine is shared. What is printed are rates, and their
ratio to the bare library in C, which is what can be compared between machines.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tree
from fix_daemon import Daemon
from google.protobuf import json_format

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import slurm_agent_pb2

SOURCE = Path(__file__).with_name("raw_submit.c")
JOBS = 400
"""For each measurement; three of each are taken in turn, and the best counts."""
ROUNDS = 3
SBATCH_JOBS = 40


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The yardstick, compiled."""
    program = tmp_path_factory.mktemp("raw") / "raw_submit"
    subprocess.run(
        ["gcc", "-O2", "-o", str(program), str(SOURCE), "-lslurm", "-lpthread"], check=True
    )
    return program


def test_submissions_per_second(private_daemon: Daemon, raw: Path) -> None:
    slurm = private_daemon.sandbox
    measured: dict[str, Callable[[], float]] = {
        "libslurm in C, 1 thread": lambda: in_c(raw, slurm, threads=1),
        "hpcagent, 1 client": lambda: through_agent(private_daemon, clients=1),
        "libslurm in C, 8 threads": lambda: in_c(raw, slurm, threads=8),
        "hpcagent, 8 clients": lambda: through_agent(private_daemon, clients=8),
        "hpcagent, 1 stream (8 at once)": lambda: through_stream(private_daemon),
        "sbatch, one after another": lambda: with_sbatch(slurm),
    }
    best = dict.fromkeys(measured, 0.0)
    for _ in range(ROUNDS):
        for name, measure in measured.items():
            best[name] = max(best[name], measure())
    print("\n\nsubmissions per second, best of", ROUNDS)
    for line in table(best):
        print(line)
    assert all(best.values())


def table(best: dict[str, float]) -> Iterator[str]:
    """Rates, and ratios to the bare library with as many threads."""
    one, eight = best["libslurm in C, 1 thread"], best["libslurm in C, 8 threads"]
    for name, rate in best.items():
        yardstick = eight if "8" in name else one
        yield f"  {name:30} {rate:7.0f}/s   {rate / yardstick:5.2f} x C"


def in_c(raw: Path, slurm: Sandbox, threads: int) -> float:
    """Submissions per second of the bare library."""
    each = JOBS // threads
    answer = subprocess.run(
        [str(raw), str(threads), str(each), "1870", "1884", "/tmp"],
        env=slurm.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return each * threads / float(answer.stdout)


def through_agent(daemon: Daemon, clients: int) -> float:
    """Submissions per second over gRPC on a unix socket."""
    request = original_request()

    def submit() -> None:
        for _ in range(JOBS // clients):
            daemon.stub.SubmitJob(request, timeout=10)

    return JOBS // clients * clients / seconds(submit, clients)


def through_stream(daemon: Daemon) -> float:
    """Submissions per second over one stream, on which the agent works on eight at once."""
    items = [
        slurm_agent_pb2.SubmitJobsRequest(item=str(number), request=original_request())
        for number in range(JOBS)
    ]
    begin = time.perf_counter()
    answers = list(daemon.stub.SubmitJobs(iter(items), timeout=60))
    elapsed = time.perf_counter() - begin
    assert all(answer.HasField("response") for answer in answers)
    return len(answers) / elapsed


def with_sbatch(slurm: Sandbox) -> float:
    """Submissions per second of sbatch, started once for each job."""
    argv = ["sbatch", "--hold", "--chdir=/tmp", "--export=NONE", "--partition=power", "--wrap=true"]

    def submit() -> None:
        for _ in range(SBATCH_JOBS):
            subprocess.run(argv, env={"PATH": "/usr/bin:/bin", **slurm.env}, check=True,
                           capture_output=True)  # fmt: skip

    return SBATCH_JOBS / seconds(submit, 1)


def seconds(work: Callable[[], None], threads: int) -> float:
    """Time that so many threads take, all doing the same work."""
    running = [threading.Thread(target=work) for _ in range(threads)]
    begin = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return time.perf_counter() - begin


def original_request() -> slurm_agent_pb2.SubmitJobRequest:
    """The original system's request, held, in a directory that is there."""
    text = (tree.ROOT / "examples" / "origin_request.json").read_text()
    request = json_format.Parse(text, slurm_agent_pb2.SubmitJobRequest())
    request.work_dir = "/tmp"
    request.options["slurm"].hold = True
    return request
