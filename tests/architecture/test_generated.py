"""hpcagent/v1 is what proto/ says, and can be imported with the oldest libraries that we allow."""

import re
import subprocess
import sys
import tomllib

import pytest
import tree


def test_the_generated_package_is_what_the_contract_says() -> None:
    run = subprocess.run(
        [sys.executable, "tools/proto", "check"],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def floor(library: str) -> str:
    """The lower bound of one of our dependencies."""
    project = tomllib.loads(tree.text("pyproject.toml"))["project"]
    bounds = [re.fullmatch(rf"{library}>=([\d.]+),.*", line) for line in project["dependencies"]]
    return next(bound[1] for bound in bounds if bound)


@pytest.mark.parametrize(
    ("library", "stamp"),
    [
        ("protobuf", r"^# Protobuf Python Version: (\S+)$"),
        ("grpcio", r"^GRPC_GENERATED_VERSION = '(\S+)'$"),
    ],
)
def test_generated_code_accepts_the_oldest_library_that_we_allow(library: str, stamp: str) -> None:
    modules = [name for name in tree.committed() if name.startswith(tree.GENERATED)]
    found = {one for name in modules for one in re.findall(stamp, tree.text(name), re.MULTILINE)}
    assert found == {floor(library)}
