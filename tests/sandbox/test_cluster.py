"""The cluster has what clients must cope with: users, partitions, features, GPUs, plugins."""

import os
import subprocess
from pathlib import Path

import pytest
from slurm_commands import command, job_state, submit, wait_until

from hpcagent.sandbox import Sandbox

REFUSE_OR_GREET = """
function slurm_job_submit(job_desc, part_list, submit_uid)
    slurm.log_user("the site has a word to say")
    if job_desc.name == "unwelcome" then return slurm.ERROR end
    return slurm.SUCCESS
end

function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
    return slurm.SUCCESS
end
"""


def output(sandbox: Sandbox, script: str, *options: str) -> str:
    """What a job of the original request's user writes, taken when the job has completed."""
    file = Path(sandbox.users[0].home) / f"out-{os.urandom(4).hex()}"
    user = ("--uid=1870", "--gid=1884")
    job = submit(sandbox, script, *user, f"--output={file}", "--export=NONE", *options)
    wait_until(lambda: job_state(sandbox, job) == "COMPLETED", f"job {job} completes")
    return file.read_text()


def refusal(sandbox: Sandbox, *options: str) -> str:
    """Why sbatch did not submit a job."""
    run = command(sandbox, "sbatch", *options, "--wrap=true", check=False)
    assert run.returncode != 0
    return run.stderr


def test_a_job_of_the_original_user_runs_and_completes(sandbox: Sandbox) -> None:
    answer = output(sandbox, "id -u; id -g; pwd; echo $HOME", f"--chdir={sandbox.users[0].home}")
    assert answer.split() == ["1870", "1884", sandbox.users[0].home, sandbox.users[0].home]


def test_a_job_has_the_environment_that_a_plain_cluster_gives(sandbox: Sandbox) -> None:
    names = {line.partition("=")[0] for line in output(sandbox, "env").splitlines()}
    assert "SLURM_JOB_ID" in names
    assert not {name for name in names if name.startswith(("LD_", "NSS_", "HPCAGENT"))}


def test_slurm_knows_the_users_and_groups_by_name(sandbox: Sandbox) -> None:
    job = submit(sandbox, "true", "--hold", "--uid=1870", "--gid=1884")
    shown = command(sandbox, "scontrol", "show", "job", str(job)).stdout
    assert "UserId=nscc-gz_jiangli(1870) GroupId=nscc-gz(1884)" in shown


def test_each_kind_of_partition_is_there(sandbox: Sandbox) -> None:
    shown = command(sandbox, "scontrol", "--oneliner", "show", "partition").stdout.splitlines()
    partitions = {line.split()[0].removeprefix("PartitionName="): line for line in shown}
    assert "Default=YES" in partitions["power"]
    assert "RootOnly=YES" in partitions["rootonly"]
    assert "State=DOWN" in partitions["down"]
    assert "AllowGroups=hpc" in partitions["restricted"]
    assert "MaxTime=00:01:00" in partitions["short"]
    assert "MaxTime=00:30:00" in partitions["debug"]


def test_a_partition_is_limited_to_a_group(sandbox: Sandbox) -> None:
    of_alice = ("--uid=2001", "--gid=2001", "--partition=restricted", "--hold")
    assert job_state(sandbox, submit(sandbox, "true", *of_alice)) == "PENDING"
    of_jiangli = ("--uid=1870", "--gid=1884", "--partition=restricted", "--hold")
    assert "User's group not permitted to use this partition" in refusal(sandbox, *of_jiangli)


def test_nodes_differ_in_features(sandbox: Sandbox) -> None:
    assert output(sandbox, "echo $SLURMD_NODENAME", "--constraint=slow").strip() == "node2"
    assert output(sandbox, "echo $SLURMD_NODENAME", "--constraint=avx512").strip() == "node1"
    assert "feature" in refusal(sandbox, "--constraint=quantum")


def test_gpus_and_licenses_are_given_to_jobs(sandbox: Sandbox) -> None:
    gpus = output(sandbox, "echo $SLURM_GPUS_ON_NODE", "--gres=gpu:tesla:2", "--licenses=matlab:4")
    assert gpus.strip() == "2"
    assert "license" in refusal(sandbox, "--licenses=matlab:5")


def test_jobs_share_a_node_when_they_ask_for_no_memory(sandbox: Sandbox) -> None:
    jobs = [submit(sandbox, "sleep 1000", "--nodelist=node1") for _ in range(3)]
    try:
        wait_until(
            lambda: [job_state(sandbox, job) for job in jobs] == ["RUNNING"] * 3, "all three run"
        )
    finally:
        command(sandbox, "scancel", *map(str, jobs))


def test_a_job_submit_plugin_speaks_to_the_user() -> None:
    with Sandbox.up(nodes=1, job_submit_lua=REFUSE_OR_GREET) as sandbox:
        accepted = command(sandbox, "sbatch", "--output=/dev/null", "--wrap=true")
        assert "the site has a word to say" in accepted.stderr
        assert "the site has a word to say" in refusal(sandbox, "--job-name=unwelcome")


def test_jobs_know_their_user_by_name_if_wanted() -> None:
    with Sandbox.up(nodes=1, names_in_jobs=True) as sandbox:
        assert output(sandbox, "whoami; id -Gn alice").split() == [
            "nscc-gz_jiangli",
            "alice",
            "hpc",
        ]


def test_slurm_conf_can_be_changed() -> None:
    with Sandbox.up(nodes=1, conf={"MessageTimeout": "3", "MaxJobCount": "7"}) as sandbox:
        shown = command(sandbox, "scontrol", "show", "config").stdout.split()
        assert "3" in shown[shown.index("MessageTimeout") :][:4]
        assert "7" in shown[shown.index("MaxJobCount") :][:4]


@pytest.mark.parametrize("name", ["slurm.conf", "gres.conf"])
def test_slurm_has_no_complaint_about_its_configuration(sandbox: Sandbox, name: str) -> None:
    logs = "".join(path.read_text() for path in (sandbox.directory / "log").glob("*.log"))
    assert f"fix your {name}" not in logs
    assert "specified more than once" not in logs


def test_the_key_of_munge_is_for_its_owner_only_and_random(sandbox: Sandbox) -> None:
    key = sandbox.directory / "etc" / "munge.key"
    assert key.stat().st_mode & 0o777 == 0o400
    with Sandbox.up(nodes=1) as other:
        assert (other.directory / "etc" / "munge.key").read_bytes() != key.read_bytes()


def test_a_credential_of_one_sandbox_is_none_in_another(sandbox: Sandbox) -> None:
    credential = subprocess.run(
        ["munge", f"--socket={sandbox.munge_socket}", "--no-input"], capture_output=True, check=True
    ).stdout
    with Sandbox.up(nodes=1) as other:
        assert not is_accepted(credential, other)
    assert is_accepted(credential, sandbox)


def is_accepted(credential: bytes, sandbox: Sandbox) -> bool:
    """Whether this sandbox's munged vouches for a credential."""
    unmunge = ["unmunge", f"--socket={sandbox.munge_socket}"]
    run = subprocess.run(unmunge, input=credential, capture_output=True, check=False)
    return run.returncode == 0
