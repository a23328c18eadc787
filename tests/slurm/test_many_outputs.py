"""Following many outputs at once: no byte is lost, none comes twice."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fix_daemon import running
from slurm.caller import Caller, calling
from slurm_commands import command

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import OutputChunk, ReadOutputRequest

SHORT, LONG = (20, 1 << 20), (100, 10 << 20)
"""How many jobs there are, and how many bytes each writes."""
LINE = 64
TIMEOUT = 600.0

WRITE = """
seq -f %055.0f 1 {lines} | sed "s/^/$(printf %07d $SLURM_JOB_ID)-/" | dd bs=9973 2>/dev/null
"""
"""Lines of 64 bytes that tell job and place, in pieces that end within lines."""


def test_followers_hear_every_byte_once_of_every_job(private_sandbox: Sandbox, soak: bool) -> None:
    count, size = LONG if soak else SHORT
    home = next(user.home for user in private_sandbox.users if user.uid == 1870)
    with (
        running(private_sandbox, {"slurm": {"watch_interval": 0.5}}) as daemon,
        calling(daemon.stub) as caller,
        ThreadPoolExecutor(count) as pool,
    ):
        script = WRITE.format(lines=size // LINE)
        fields = {"work_dir": home}
        jobs = [caller.run(script, fields, output="out-%j", hold=True) for _ in range(count)]
        began = time.monotonic()
        following = [pool.submit(follow, caller, job) for job in jobs]
        ids = ",".join(job.id for job in jobs)
        command(private_sandbox, "scontrol", "release", ids)
        heard = [future.result(TIMEOUT) for future in following]
        seconds = time.monotonic() - began
        caller.made.clear()
    print(f"\n{count} outputs of {size / 2**20:.0f} MiB followed at once, in {seconds:.1f} s")
    for job, (places, digest) in zip(jobs, heard, strict=True):
        written = Path(home, f"out-{job.id}").read_bytes()
        assert len(written) == size
        assert places == size
        assert digest == hashlib.sha256(written).hexdigest()
    assert len({digest for _, digest in heard}) == count


def follow(caller: Caller, job: job_pb2.JobId) -> tuple[int, str]:
    """Read an output to its end: how many bytes, each in its place, and their digest."""
    request = ReadOutputRequest(job_id=job, follow=True)
    place, digest = 0, hashlib.sha256()
    last = OutputChunk()
    for last in caller.stub.ReadOutput(request, timeout=TIMEOUT):
        assert last.offset == place
        place += len(last.data)
        digest.update(last.data)
    assert last.notice == OutputChunk.NOTICE_END
    return place, digest.hexdigest()
