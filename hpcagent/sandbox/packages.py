"""Where the programs of a sandbox are, and which Debian package brings each.

A person who starts a sandbox for the first time should read one ``apt install`` line with every
missing package, not learn of them one after another.
"""

import os
import shutil
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpcagent.sandbox.errors import MissingPackagesError

_PROGRAM_PACKAGES = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sinfo": "slurm-client",
}
_ACCOUNTING_PACKAGES = {
    "slurmdbd": "slurmdbd",
    "sacctmgr": "slurm-client",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
}
_MYSQL_PLUGIN_PACKAGE = "slurm-wlm-mysql-plugin"
_PLUGINS_PACKAGE = "slurm-wlm-basic-plugins"
_NSS_WRAPPER_PACKAGE = "libnss-wrapper"

_LIBRARY_DIRECTORIES = (
    f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
)


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths of all that a sandbox starts or preloads."""

    munged: str
    slurmctld: str
    slurmd: str
    sinfo: str
    nss_wrapper: str


@dataclass(frozen=True, slots=True)
class AccountingPrograms:
    """Absolute paths of what a sandbox with accounting starts beside."""

    slurmdbd: str
    sacctmgr: str
    mariadbd: str
    mariadb_install_db: str


def search_path() -> str:
    """``PATH`` with the directories of daemons, which an ordinary user's own does not have."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])


def find_library(name: str) -> str | None:
    """The path of a shared library in the places where a distribution puts them."""
    candidates = (Path(directory, name) for directory in _LIBRARY_DIRECTORIES)
    return next((str(path) for path in candidates if path.is_file()), None)


def find_programs() -> Programs:
    """Every program and library that a sandbox needs.

    Raises MissingPackagesError naming all the Debian packages that are missing.
    """
    found = {name: shutil.which(name, path=search_path()) for name in _PROGRAM_PACKAGES}
    nss_wrapper = find_library("libnss_wrapper.so")
    missing = {_PROGRAM_PACKAGES[name] for name, path in found.items() if path is None}
    if nss_wrapper is None:
        missing.add(_NSS_WRAPPER_PACKAGE)
    if find_plugin("auth_munge") is None:
        missing.add(_PLUGINS_PACKAGE)
    if missing or nss_wrapper is None:
        raise _missing(missing)
    paths = {name: path for name, path in found.items() if path is not None}
    return Programs(nss_wrapper=nss_wrapper, **paths)


def find_accounting_programs() -> AccountingPrograms:
    """Every program that accounting needs.

    Raises MissingPackagesError naming all the Debian packages that are missing.
    """
    found = {name: shutil.which(name, path=search_path()) for name in _ACCOUNTING_PACKAGES}
    missing = {_ACCOUNTING_PACKAGES[name] for name, path in found.items() if path is None}
    if find_plugin("accounting_storage_mysql") is None:
        missing.add(_MYSQL_PLUGIN_PACKAGE)
    if missing:
        raise _missing(missing)
    paths = {name.replace("-", "_"): path for name, path in found.items() if path is not None}
    return AccountingPrograms(**paths)


def _missing(packages: Iterable[str]) -> MissingPackagesError:
    return MissingPackagesError(
        "a sandbox needs programs that are not installed here; on Debian: "
        f"apt-get install --no-install-recommends {' '.join(sorted(packages))}",
    )


def find_plugin(name: str) -> str | None:
    """The path of one of Slurm's plugins, where Debian's package or Slurm's own build puts it."""
    return find_library(f"slurm-wlm/{name}.so") or find_library(f"slurm/{name}.so")
