"""Which directories a task sees: the site's, the user's home, its own, the request's, /dev/shm."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hpcagent.config import Profile
from hpcagent.jobs.task import TaskSpec, Volume
from hpcagent.k8s.paths import clean

SHM = "/dev/shm"  # noqa: S108 - where Linux has it; nothing is written here


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A volume of the pod and where its container sees it."""

    name: str
    mount_path: str
    host_path: str = ""
    """Empty: memory."""
    read_only: bool = False
    size: int = 0
    field: str = ""
    """Path in the request; empty: the profile asks for it."""

    def volume(self) -> dict[str, Any]:
        """Return the pod's part of it."""
        if self.host_path:
            return {"name": self.name, "hostPath": {"path": self.host_path}}
        return {"name": self.name, "emptyDir": {"medium": "Memory", "sizeLimit": str(self.size)}}

    def mount(self) -> dict[str, Any]:
        """Return the container's part of it."""
        read_only = {"readOnly": True} if self.read_only else {}
        return {"name": self.name, "mountPath": self.mount_path, **read_only}


def mounts(spec: TaskSpec, profile: Profile, home: str) -> tuple[Mount, ...]:
    """Return all that a task sees, in the order of their places in the manifest."""
    return (*_site(profile, home), *_own(spec, profile), *requested(spec), *_shm(spec, profile))


def _site(profile: Profile, home: str) -> Iterator[Mount]:
    for one in profile.volumes:
        yield Mount(
            name=one.name,
            mount_path=one.mount_path,
            host_path=one.host_path,
            read_only=one.read_only,
        )
    if profile.home_volume and home:
        path = clean(home)
        yield Mount(name=profile.home_volume, mount_path=path, host_path=path, field="home")


def _own(spec: TaskSpec, profile: Profile) -> Iterator[Mount]:
    if stage := spec.task.stage:
        yield Mount(
            name=profile.work_dir_volume,
            mount_path=clean(stage.mount_path),
            host_path=clean(stage.dir),
            field="task.stage.dir",
        )


def volumes(spec: TaskSpec) -> Iterator[tuple[str, Volume | None]]:
    """Yield the request's volumes, each after its path there; None: it cannot be read."""
    for index, one in enumerate(spec.task.plan.volumes):
        yield f"task.plan.volumes[{index}]", one
    for index, text in enumerate(spec.task.volumes):
        try:
            yield f"task.volumes[{index}]", Volume.parse(text)
        except ValueError:
            yield f"task.volumes[{index}]", None


def requested(spec: TaskSpec) -> Iterator[Mount]:
    """Yield the mounts of the request's volumes, those left out that cannot be read."""
    for number, (field, one) in enumerate(volumes(spec)):
        if one is not None:
            yield Mount(
                name=one.name or f"volume-{number}",
                mount_path=clean(one.mount_path),
                host_path=clean(one.host_path),
                read_only=one.read_only,
                field=field,
            )


def _shm(spec: TaskSpec, profile: Profile) -> Iterator[Mount]:
    asked = spec.resources.shm_size_bytes
    size = profile.shm_size_bytes if asked is None else asked
    if size:
        yield Mount(name=profile.shm_volume, mount_path=SHM, size=size)
