"""Clients of the agent that are not Python: grpcurl, and the program of examples/go.

Both are built from source with the versions that examples/go pins. Everything that Go downloads and
compiles is kept in a cache of its own, which Go keys by content: what has been built once is there
at once in the next run, and a change of proto/ is never missed.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import tree

EXAMPLE = tree.ROOT / "examples/go"
TOOLS = EXAMPLE / "tools"
CONTRACT = tree.ROOT / "proto"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hpcagent/go"
ENVIRONMENT = {
    **os.environ,
    "CGO_ENABLED": "0",
    "GOCACHE": str(CACHE / "build"),
    "GOFLAGS": "-trimpath -buildvcs=false -modcacherw",  # the same in every directory; removable
    "GOMODCACHE": str(CACHE / "modules"),
    "GOPATH": str(CACHE),
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def _start(*argv: str | Path, directory: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command alone: what two compile at once, both compile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            argv, cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )


def run(*argv: str | Path, directory: Path = tree.ROOT) -> str:
    """What a command printed; fails with all that it said if it fails."""
    done = _start(*argv, directory=directory)
    if done.returncode != 0:
        pytest.fail(f"{argv}: exit status {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout.strip()


def _tool(name: str) -> str:
    """The path of one of the tools that examples/go/tools pins, built."""
    return run("go", "tool", "-n", name, directory=TOOLS)


def _generate_stubs(into: Path) -> None:
    """Compile proto/ for Go, as examples/README.md tells."""
    spec = find_spec("google.rpc.status_pb2")
    assert spec is not None
    assert spec.origin is not None
    run(
        *(sys.executable, "-m", "grpc_tools.protoc"),
        f"--proto_path={CONTRACT}",
        f"--proto_path={Path(spec.origin).parents[2]}",
        *(f"--plugin={name}={_tool(name)}" for name in ("protoc-gen-go", "protoc-gen-go-grpc")),
        *(f"--go_out={into}", "--go_opt=paths=source_relative"),
        *(f"--go-grpc_out={into}", "--go-grpc_opt=paths=source_relative"),
        *sorted(CONTRACT.rglob("*.proto")),
    )


@pytest.fixture(scope="session")
def go() -> None:
    """Go, and the modules that the example needs; without them a test cannot run here."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    for module in (EXAMPLE, TOOLS):
        download = _start("go", "mod", "download", directory=module)
        if download.returncode != 0:
            pytest.skip(f"Go cannot have its modules: {download.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="session")
def grpcurl(go: None) -> str:
    """The path of grpcurl."""
    return _tool("grpcurl")


@pytest.fixture(scope="session")
def go_program(go: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the program of examples/go, compiled with stubs generated from proto/."""
    source = tmp_path_factory.mktemp("go")
    for name in ("go.mod", "go.sum", "main.go"):
        shutil.copy(EXAMPLE / name, source)
    _generate_stubs(source)
    run("go", "build", "-o", "submit", ".", directory=source)
    return source / "submit"
