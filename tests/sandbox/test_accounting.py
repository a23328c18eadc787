"""A sandbox with accounting: limits are real, and nothing of the machine's own is touched."""

from pathlib import Path

import pytest
from slurm_commands import command

from hpcagent.sandbox import Sandbox, SandboxError, accounting
from hpcagent.sandbox.packages import find_accounting_programs


def submitted(sandbox: Sandbox, user: str, *options: str) -> str:
    """What sbatch says to root who submits for a user."""
    wrap = ("--wrap=sleep 60", f"--uid={user}", "--output=/dev/null", "--hold", *options)
    done = command(sandbox, "sbatch", *wrap, check=False)
    return done.stdout + done.stderr


def test_users_may_charge_their_own_accounts_only(accounting_sandbox: Sandbox) -> None:
    assert "Submitted" in submitted(accounting_sandbox, "alice", "--account=physics")
    assert "Invalid account" in submitted(accounting_sandbox, "bob", "--account=physics")


def test_a_qos_that_denies_what_is_over_its_limit_does(accounting_sandbox: Sandbox) -> None:
    assert "Submitted" in submitted(accounting_sandbox, "alice", "--qos=short", "--time=10")
    refused = submitted(accounting_sandbox, "alice", "--qos=short", "--time=11")
    assert "QOSMaxWallDurationPerJobLimit" in refused


def test_its_database_is_closed_to_others_and_has_no_network(accounting_sandbox: Sandbox) -> None:
    database = accounting_sandbox.directory / "db"
    assert database.stat().st_mode & 0o077 == 0
    pid = accounting_sandbox.mariadb.pid
    inodes = {
        link.readlink().name.removeprefix("socket:[").rstrip("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and link.readlink().name.startswith("socket:")
    }
    tables = (Path(f"/proc/{pid}/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6"))
    assert inodes.isdisjoint(line.split()[9] for table in tables for line in table[1:])


def test_a_slurmdbd_that_was_stopped_knows_what_it_knew(accounting_sandbox: Sandbox) -> None:
    accounting_sandbox.slurmdbd.restart()
    told = command(accounting_sandbox, "sacctmgr", "--noheader", "list", "account").stdout
    assert "physics" in told


def test_a_copy_of_a_database_that_is_spoilt_is_made_anew(
    accounting_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = accounting._template(find_accounting_programs(), "sandbox")
    copy.mkdir(parents=True)
    (copy / "ibdata1").write_bytes(b"spoilt")
    with Sandbox.up(accounting=True) as second:
        assert "Submitted" in submitted(second, "alice", "--account=physics")
    assert (copy / "slurm_acct_db").is_dir()


def test_a_sandbox_without_accounting_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="has no accounting"):
        sandbox.slurmdbd.start()
