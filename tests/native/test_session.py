import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from native.child import Child, Died, Raised
from native.jobs import USER, held

from hpcagent.sandbox import Sandbox

Preload = Callable[[str], str]


@pytest.fixture
def preload(tmp_path: Path) -> Preload:
    """Compiles C functions that stand before libslurm's own; gives the library's path."""

    def compiled(source: str) -> str:
        library = tmp_path / "before.so"
        compiler = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", str(library)]
        subprocess.run(compiler, input=source, text=True, check=True)
        return str(library)

    return compiled


def test_the_library_is_of_the_release_of_the_header(offline: Child) -> None:
    offline.call("check_library")
    assert Path(offline.call("library_path")).name.startswith("libslurm.so")


def test_a_library_of_another_release_is_named_with_both_versions(preload: Preload) -> None:
    other = preload("long slurm_api_version(void) { return 36 << 16; }")
    with Child({"LD_PRELOAD": other}) as child, pytest.raises(Raised) as refused:
        child.call("check_library")
    assert refused.value.kind == "LibraryError"
    assert refused.value.attributes["loaded"] == 36
    assert "built for Slurm 2" in refused.value.text
    assert refused.value.text.endswith(f"but {other} is libslurm.so.36 of Slurm 20.11")


@pytest.mark.parametrize(
    ("header", "api", "together"),
    [
        ([22, 5, 8], 38, True),
        ([22, 5, 2], 38, True),
        ([22, 5, 8], 39, False),
        ([99, 5, 0], 200, True),  # newer than what is known here, both
        ([99, 5, 0], 45, False),
    ],
)
def test_a_header_and_a_library_belong_together_by_their_release(
    offline: Child, header: list[int], api: int, together: bool
) -> None:
    assert offline.call("native.probes.version:together", header, api) is together


SILENCE = """
int slurm_submit_batch_job(void *desc, void **reply) { *reply = 0; return 0; }
int slurm_load_jobs(long since, void **reply, short flags) { *reply = 0; return 0; }
int slurm_load_job_user(void **reply, int uid, short flags) { *reply = 0; return 0; }
int slurm_load_ctl_conf(long since, void **reply) { *reply = 0; return 0; }
"""


def test_success_without_an_answer_is_an_unknown_outcome(
    sandbox: Sandbox, preload: Preload
) -> None:
    before = f"{sandbox.env['LD_PRELOAD']}:{preload(SILENCE)}"
    calls: dict[str, list[object]] = {
        "submit_batch_job": [held()],
        "load_jobs": [],
        "load_job_user": [USER],
        "load_conf": [],
    }
    with Child({**sandbox.env, "LD_PRELOAD": before}) as child:
        child.call("init", str(sandbox.conf))
        for function, arguments in calls.items():
            with pytest.raises(Raised) as unknown:
                child.call(function, *arguments)
            assert unknown.value.kind == "NoReply"


def test_a_configuration_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with Child() as child, pytest.raises(Raised, match="FileNotFoundError"):
        child.call("init", str(tmp_path / "slurm.conf"))


def test_a_second_start_is_refused(native: Child, sandbox: Sandbox) -> None:
    with pytest.raises(Raised, match="RuntimeError"):
        native.call("init", str(sandbox.conf))


@pytest.mark.parametrize(
    "function", ["load_conf", "load_jobs", "load_partitions", "own_conf", "ping"]
)
def test_a_call_before_the_start_is_refused(offline: Child, function: str) -> None:
    with pytest.raises(Raised, match="RuntimeError"):
        offline.call(function)


def test_a_library_that_ends_the_process_says_why_on_stderr(tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=c\nSlurmctldHost=localhost\nNoSuchKey=1\n")
    with Child() as child, pytest.raises(Died) as died:
        child.call("init", str(conf))
    assert died.value.status == 1
    assert "NoSuchKey" in died.value.stderr
    assert "fatal: " in died.value.stderr


def test_the_configuration_is_slurmctlds(native: Child, sandbox: Sandbox) -> None:
    conf = native.call("load_conf")
    major, minor, _ = native.call("header_version")
    assert conf["version"].startswith(f"{major}.{minor:02}.")
    assert conf["slurm_conf"] == str(sandbox.conf)
    assert conf["control_cnt"] == len(conf["control_machine"]) == 1
    assert "job_comp_pass" not in conf


def test_the_configuration_that_was_read_is_told_without_slurmctld(
    private_sandbox: Sandbox,
) -> None:
    private_sandbox.slurmctld.stop()
    with Child(private_sandbox.env) as child:
        child.call("init")
        conf = child.call("own_conf")
    assert conf["slurm_conf"] == str(private_sandbox.conf)
    assert conf["authinfo"] == f"socket={private_sandbox.munge_socket}"
    assert conf["control_machine"]
    assert "job_comp_pass" not in conf


def test_a_controller_that_is_up_answers(native: Child) -> None:
    (answer,) = native.call("ping")
    assert (answer["index"], answer["code"], answer["text"]) == (0, 0, "")
    assert answer["host"]


def test_a_controller_that_is_down_is_an_answer_too(private_sandbox: Sandbox) -> None:
    with Child(private_sandbox.env) as child:
        child.call("init", str(private_sandbox.conf))
        private_sandbox.slurmctld.stop()
        (answer,) = child.call("ping")
        assert answer["code"] > 0
        assert answer["text"]
        assert child.end() == "", "libslurm wrote to stderr"


def test_partitions_are_read(native: Child) -> None:
    partitions = native.call("load_partitions", members=["name", "max_time"])
    assert {"name": "short", "max_time": 1} in partitions
