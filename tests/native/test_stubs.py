"""What the stubs promise is what the extension modules are."""

import subprocess
import sys

import tree

ALLOWED = tree.ROOT / "tests/native/stubtest-allowlist.txt"


def test_the_stubs_match_the_extension_modules() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "_slurm", "--allowlist", str(ALLOWED)]
    run = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
