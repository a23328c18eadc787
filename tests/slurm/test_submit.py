"""What becomes of a good request: the job that slurmctld has, and the answer."""

import time
from pathlib import Path

import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.caller import Caller, Fields, fresh, request
from slurm_commands import command, wait_until

from hpcagent.v1.job_pb2 import (
    JOB_REASON_CATEGORY_PARTITION,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_PENDING,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import SubmitJobResponse

USER = "nscc-gz_jiangli"
HELD = {"hold": True}
ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": None}


@pytest.fixture
def work_dir(daemon: Daemon) -> Path:
    """Where the original user may have a directory made."""
    home = next(user.home for user in daemon.sandbox.users if user.name == USER)
    return Path(home, fresh("work"))


def shown(daemon: Daemon, job: JobId) -> dict[str, str]:
    """What scontrol tells of a job."""
    words = command(daemon.sandbox, "scontrol", "--oneliner", "show", "job", job.id).stdout.split()
    return dict(word.partition("=")[::2] for word in words)


# ------------------------------------------------------------------------------ the job


def test_the_original_request_becomes_its_users_job(
    daemon: Daemon, caller: Caller, work_dir: Path
) -> None:
    asked = {"work_dir": str(work_dir), "create_work_dir": {}}
    job = caller.submit(asked).job_id
    told = shown(daemon, job)
    assert (told["UserId"], told["GroupId"]) == (f"{USER}(1870)", "nscc-gz(1884)")
    assert (told["Partition"], told["NumNodes"]) == ("power", "1-1")
    assert told["JobName"] == "simpleHpcJ-2162247"
    assert told["WorkDir"] == str(work_dir)
    assert told["Comment"] == request().options["slurm"].comment
    output = work_dir / f"slurm-{job.id}.out"
    wait_until(output.exists, "the job starts")
    wait_until(lambda: "HOME=/WORK/nscc-gz_jiangli\n" in output.read_text(), "the job runs")
    assert (output.stat().st_uid, output.stat().st_gid) == (1870, 1884)
    caller.cancel(job)


def test_a_job_is_given_what_the_request_gives_it(caller: Caller, work_dir: Path) -> None:
    work_dir.mkdir()
    work_dir.chmod(0o777)
    asked = {
        "name": "given",
        "work_dir": str(work_dir),
        "script": '#!/bin/sh\necho "$@"\ncat\nenv\numask >&2\nid -u >&2\nid -G >&2\npwd >&2\n',
        "argv": ["one", "two words", ""],
        "environment": ["A=1", "A=2", "B=x=y", "PATH=/usr/bin:/bin"],
    }
    files = {"output": "%x.out", "error": "err/%j", "input": "in", "umask": 0o27}
    (work_dir / "in").write_text("from stdin\n")
    (work_dir / "err").mkdir(mode=0o777)
    (work_dir / "err").chmod(0o777)
    job = caller.submit(asked, files).job_id
    caller.wait(job, JOB_STATE_COMPLETED)
    out = (work_dir / "given.out").read_text().splitlines()
    err = (work_dir / "err" / job.id).read_text().splitlines()
    assert out[:2] == ["one two words ", "from stdin"]
    assert {"A=2", "B=x=y", "SLURM_JOB_NAME=given", f"SLURM_SUBMIT_DIR={work_dir}"} < set(out)
    assert f"SLURM_JOB_ID={job.id}" in out
    assert err == ["0027", "1870", "1884", str(work_dir)]


@pytest.mark.parametrize(
    ("given", "partition", "uid", "gid"),
    [
        ({"user": "alice"}, "power", 2001, 2001),
        ({"user_id": 2001}, "power", 2001, 2001),
        ({"user": "alice", "group": "hpc"}, "restricted", 2001, 2100),
        ({"user_id": 2002, "group_id": 2100}, "restricted", 2002, 2100),
        ({"user": "bob", "user_id": 2002, "group": "hpc", "group_id": 2100}, "power", 2002, 2100),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_user_and_group_can_be_given_by_name_by_number_or_both(
    given: Fields, partition: str, uid: int, gid: int, caller: Caller
) -> None:
    nobody = dict.fromkeys(ALICE)
    job = caller.get(caller.hold({**nobody, **given, "partition": partition}))
    assert (job.user_id, job.group_id) == (uid, gid)


def test_a_script_with_dos_line_ends_runs_all_the_same(caller: Caller) -> None:
    script = {"script": "#!/bin/sh\r\nexit 3\r\n"}
    answer = caller.submit(script, {"output": "/dev/null"})
    assert [warning.name for warning in answer.warnings] == ["SCRIPT_CRLF_CONVERTED"]
    assert caller.wait(answer.job_id, JOB_STATE_FAILED).exit_status.code == 3


# ------------------------------------------------------------------------------ the answer


def test_the_answer_has_the_job_id_and_when_it_was_given(caller: Caller) -> None:
    before = time.time()
    answer = caller.submit(options=HELD)
    assert before <= answer.submit_time.ToNanoseconds() / 1e9 <= time.time()
    assert answer.job_id == caller.get(answer.job_id).job_id
    assert answer.job_id.id == str(answer.job_id.job_id)
    assert answer.job_id.cluster == "sandbox"
    assert not answer.replayed


def test_that_a_job_is_held_is_a_warning(caller: Caller) -> None:
    (warning,) = caller.submit(options=HELD).warnings
    assert (warning.name, warning.code) == ("ESLURM_JOB_HELD", 2042)
    assert warning.text == "Job is in held state, pending scheduler release"


def test_that_a_job_is_too_large_for_its_partition_is_a_warning(caller: Caller) -> None:
    answer = caller.submit({"nodes": 3})
    assert [one.name for one in answer.warnings] == ["ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE"]
    job = caller.get(answer.job_id)
    assert job.state == JOB_STATE_PENDING
    assert job.reason.category == JOB_REASON_CATEGORY_PARTITION


def test_a_partition_that_is_down_takes_jobs_and_says_why_they_wait(caller: Caller) -> None:
    """As with sbatch: slurmctld answers with no code (22.05 job_mgr.c, job_allocate)."""
    answer = caller.submit({"partition": "down"})
    assert not answer.warnings
    job = caller.get(answer.job_id)
    assert (job.state, job.reason.name) == (JOB_STATE_PENDING, "PartitionDown")


def test_a_dependency_on_a_job_that_is_gone_is_met(caller: Caller) -> None:
    """As with sbatch: slurmctld forgets a job after MinJobAge, and how it ended."""
    job = caller.run("exit 0", dependency={"expression": "afterok:4000000"})
    assert caller.wait(job, JOB_STATE_COMPLETED).dependency == ""


def digest(caller: Caller, fields: Fields, **options: object) -> str:
    """Ask, without a job, for the digest of a request."""
    return caller.submit({"validate_only": True, **fields}, options).request_digest


def test_equal_requests_have_equal_digests(caller: Caller) -> None:
    alike: list[Fields] = [{}, {"request_id": fresh("one")}, {"request_id": fresh("two")}]
    submitted = caller.submit(options=HELD).request_digest
    assert {digest(caller, fields, **HELD) for fields in alike} == {submitted}
    assert submitted.removeprefix("sha256:").isalnum()


def test_different_requests_have_different_digests(caller: Caller) -> None:
    changes: list[Fields] = [
        {},
        {"name": "other"},
        {"script": "#!/bin/sh\n"},
        {"environment": []},
        {"environment": ["A=1", "B=2"]},
        {"environment": ["B=2", "A=1"]},
        {"argv": ["a b"]},
        {"argv": ["a", "b"]},
        {"nodes": 2},
        {"work_dir": "/"},
        {"create_work_dir": {}},
        {"create_work_dir": {"mode": 0o750}},
        {"directives": "DIRECTIVES_IGNORE"},
        {"user": None},
    ]
    digests = [digest(caller, fields) for fields in changes]
    digests += [digest(caller, {}, time={"value": "60s"}), digest(caller, {}, **HELD)]
    assert len(set(digests)) == len(digests)


def test_a_trial_makes_no_job_and_no_directory(caller: Caller, work_dir: Path) -> None:
    name = fresh("trial")
    trial = {"name": name, "validate_only": True, "request_id": name}
    made = {"work_dir": str(work_dir), "create_work_dir": {}}
    answer = caller.submit(trial | made | {"script": "#!/bin/sh\r\n"})
    assert [warning.name for warning in answer.warnings] == ["SCRIPT_CRLF_CONVERTED"]
    assert not answer.HasField("job_id")
    assert caller.ids(names=[name]) == []
    assert not work_dir.exists()


# ------------------------------------------------------------------------------ request_id


def submitted(caller: Caller, request_id: str, **options: object) -> SubmitJobResponse:
    """Submit a held job under a request_id."""
    return caller.submit({"request_id": request_id}, {**HELD, **options})


def test_a_job_is_found_again_by_its_request_id(daemon: Daemon, caller: Caller) -> None:
    mark = fresh("found")
    answer = submitted(caller, mark)
    job = caller.made_by(mark)
    assert answer.request_id == job.request_id == mark
    assert job.job_id == answer.job_id
    assert job.admin_comment == ""
    assert shown(daemon, answer.job_id)["AdminComment"] == f"hpcagent:{mark}"
    assert caller.ids(request_ids=[mark]) == [answer.job_id.id]


def test_a_request_id_is_not_taken_for_one_that_begins_like_it(caller: Caller) -> None:
    mark = fresh("part")
    longer = [submitted(caller, f"{mark}{digit}").job_id.id for digit in range(3)]
    answer = submitted(caller, mark)
    assert caller.made_by(mark).job_id == answer.job_id
    assert caller.ids(request_ids=[mark]) == [answer.job_id.id]
    assert caller.ids(request_ids=[f"{mark}0", f"{mark}2"]) == [longer[0], longer[2]]


def test_an_array_is_found_by_its_request_id(caller: Caller) -> None:
    mark = fresh("array")
    answer = submitted(caller, mark, array="0-3")
    assert caller.made_by(mark).job_id == answer.job_id


def test_a_job_that_was_given_no_request_id_has_none(caller: Caller) -> None:
    answer = caller.submit(options=HELD)
    assert (answer.request_id, caller.get(answer.job_id).request_id) == ("", "")


def test_a_request_that_was_refused_has_made_no_job(caller: Caller) -> None:
    """Though slurmctld keeps a record of it, with its mark."""
    mark = fresh("refused")
    impossible = request({"request_id": mark}, {"gres": [{"name": "gpu", "type": "volta"}]})
    told = refusal(lambda: caller.stub.SubmitJob(impossible))
    assert told.reason == "ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE"
    assert [kept.reason.name for kept in caller.jobs(request_ids=[mark])] == ["BadConstraints"]
    assert refusal(lambda: caller.made_by(mark)).reason == "JOB_NOT_FOUND"
    answer = submitted(caller, mark)
    assert caller.made_by(mark).job_id == answer.job_id


def test_an_unknown_request_id_is_not_found(caller: Caller) -> None:
    told = refusal(lambda: caller.made_by(fresh("unknown")))
    assert (told.code.name, told.reason) == ("NOT_FOUND", "JOB_NOT_FOUND")
