"""The programs of a control plane: found, or built once and kept.

A build takes about ten minutes of two cores, so what it makes is kept below the user's cache
directory, by version, and two that want it at once build it once. ``python -m`` with this module's
name builds and does nothing else.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hpcagent.sandbox.errors import MissingPackagesError, SandboxError
from hpcagent.sandbox.packages import search_path

MODULE = Path(__file__).parent
"""Where go.mod and go.sum are."""

_BUILT = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_VERSION_PACKAGE = "k8s.io/component-base/version"
"""Holds what ``/version`` answers; a build outside Kubernetes' own tree leaves it v0.0.0."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths of all that a control plane starts."""

    etcd: str
    openssl: str
    apiserver: str
    controller_manager: str
    scheduler: str


def version() -> str:
    """Kubernetes' version, as go.mod pins it."""
    form = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", _text("go.mod"), re.MULTILINE)
    if form is None:
        raise SandboxError(f"{MODULE / 'go.mod'} pins no k8s.io/kubernetes")
    return form[1]


def find_programs() -> Programs:
    """Every program of a control plane, built now where that was not done before.

    Raises MissingPackagesError if Debian's are not installed or Go is not there to build the rest,
    and SandboxError if the build fails.
    """
    found = {name: shutil.which(name, path=search_path()) for name in ("etcd", "openssl")}
    packages = {"etcd": "etcd-server", "openssl": "openssl"}
    missing = [packages[name] for name, path in found.items() if path is None]
    if missing:
        raise MissingPackagesError(
            "a control plane needs programs that are not installed here; on Debian: "
            f"apt-get install --no-install-recommends {' '.join(sorted(missing))}"
        )
    directory = _built()
    apiserver, controller_manager, scheduler = (str(directory / name) for name in _BUILT)
    return Programs(
        str(found["etcd"]), str(found["openssl"]), apiserver, controller_manager, scheduler
    )


def is_built() -> bool:
    """Whether what Go builds is there."""
    return _destination().is_dir()


def _destination() -> Path:
    return _cache() / "controlplane" / version()


def _built() -> Path:
    """The directory with what Go built."""
    wanted = _destination()
    if wanted.is_dir():
        return wanted
    if shutil.which("go") is None:
        raise MissingPackagesError("Go is not installed, and the control plane is built with it")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with (wanted.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.is_dir():
            _build(wanted)
    return wanted


def _build(wanted: Path) -> None:
    """Build into a directory beside, so that what is there is whole."""
    sys.stderr.write(f"building Kubernetes {version()}: some minutes, once\n")
    new = wanted.with_name(f"{wanted.name}.new")
    new.mkdir(exist_ok=True)
    packages = [f"k8s.io/kubernetes/cmd/{name}" for name in _BUILT]
    argv = ["go", "build", "-o", f"{new}/", "-ldflags", _linker_flags(), *packages]
    done = subprocess.run(
        argv, cwd=MODULE, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SandboxError(f"Go cannot build Kubernetes {version()}:\n{done.stderr[-2000:]}")
    new.rename(wanted)


def _linker_flags() -> str:
    """Without symbols, which nobody debugs here, and with the version."""
    major, minor, _ = version().removeprefix("v").split(".", 2)
    facts = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {_VERSION_PACKAGE}.{k}={v}" for k, v in facts.items())])


def _environment() -> dict[str, str]:
    """Go's caches are kept apart from the user's own: both are large, and can go at any time."""
    caches = _cache() / "go"
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches / "build"),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
        "GOMODCACHE": str(caches / "modules"),
        "GOPATH": str(caches),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hpcagent"


def _text(name: str) -> str:
    return (MODULE / name).read_text(encoding="utf-8")


def main() -> int:
    """Build; without the means it says so, and what can be done without it goes on."""
    try:
        find_programs()
    except MissingPackagesError as missing:
        sys.stderr.write(f"no Kubernetes: {missing}\n")
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
