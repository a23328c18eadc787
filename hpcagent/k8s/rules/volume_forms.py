"""What is wrong with the places of a task: its directory, volumes, files and working directory."""

from collections.abc import Iterator

from hpcagent.config import Profile
from hpcagent.config import kubernetes_names as names
from hpcagent.jobs.errors import Violation
from hpcagent.jobs.task import TaskSpec
from hpcagent.jobs.work_dir import MAX_MODE
from hpcagent.k8s import paths
from hpcagent.k8s.manifests.mounts import SHM, Mount, mounts, volumes
from hpcagent.k8s.rules.faults import Found, formed, once, ranged, required, shown

COLON = ":"
NO_COLON = "must not contain a colon"
"""Where a container sees a volume (v1.VolumeMount)."""


def check(spec: TaskSpec, profile: Profile, home: str) -> Found:
    """Find everything that is wrong; ``home`` is the one in force, empty while not known."""
    unmounted = [*_stage(spec), *_volumes(spec), *_home(spec, profile, home)]
    unreached = list(_files(spec))
    yield from (*unmounted, *_workdir(spec), *unreached)
    if not unmounted:  # else one mistake would be told twice
        seen = mounts(spec, profile, home)
        yield from _places(seen)
        told = {fault.field for fault in unreached}
        yield from (fault for fault in _reachable(spec, seen) if fault.field not in told)


def _home(spec: TaskSpec, profile: Profile, home: str) -> Found:
    yield from formed("home", spec.home, paths.trouble, "PATH_FORM")
    if profile.home_volume and COLON in home:
        yield Violation("home", f"is {shown(home)}; it {NO_COLON}", "PATH_FORM")


def _stage(spec: TaskSpec) -> Found:
    stage = spec.task.stage
    if stage is None:
        return
    yield from required("task.stage.dir", stage.dir)
    yield from formed("task.stage.dir", stage.dir, paths.trouble, "PATH_FORM")
    yield from formed("task.stage.run_dir", stage.run_dir, _mount_path, "PATH_FORM")
    yield from ranged("task.stage.mode", stage.mode, 0, MAX_MODE)


def _volumes(spec: TaskSpec) -> Found:
    for path, one in volumes(spec):
        if one is None:
            said = "must be HOST_PATH:MOUNT_PATH, or HOST_PATH:MOUNT_PATH:ro"
            yield Violation(path, said, "VOLUME_FORM")
            continue
        at = path if path.startswith("task.volumes") else f"{path}.host_path"
        yield from required(at, one.host_path)
        yield from formed(at, one.host_path, paths.trouble, "PATH_FORM")
        at = path if path.startswith("task.volumes") else f"{path}.mount_path"
        yield from required(at, one.mount_path)
        yield from formed(at, one.mount_path, _mount_path, "PATH_FORM")
        yield from formed(f"{path}.name", one.name, names.dns_label)


def _workdir(spec: TaskSpec) -> Found:
    yield from formed("task.plan.workdir", spec.task.plan.workdir, paths.trouble, "PATH_FORM")


def _mount_path(path: str) -> str:
    if why := paths.trouble(path):
        return why
    if COLON in path:
        return NO_COLON
    where = paths.clean(path)
    if where == "/":
        return "must not be the root of the container"
    return "must not be in /proc" if paths.below(where, "/proc") else ""


def _named_files(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    for kind in ("inputs", "outputs"):
        for path, one in spec.task.files(kind):
            yield f"{path}.path", one.path


def _files(spec: TaskSpec) -> Found:
    for path, text in _named_files(spec):
        yield from required(path, text)
        yield from formed(path, text, paths.trouble, "PATH_FORM")


def _places(seen: tuple[Mount, ...]) -> Found:
    """Find names and places that two mounts have in common; the request is to blame."""
    by_blame = sorted(seen, key=lambda one: bool(one.field))
    for what in ("name", "mount_path"):
        yield from once(
            (one.field or "a volume of the profile", f"{what} {getattr(one, what)}")
            for one in by_blame
        )


def _reachable(spec: TaskSpec, seen: tuple[Mount, ...]) -> Found:
    """Find files that no volume has: what the container wrote there would be lost."""
    roots = [one.mount_path for one in seen if one.mount_path != SHM]
    for path, text in _named_files(spec):
        if not any(paths.within(paths.clean(text), root) for root in roots):
            said = f"is {text!r}, which is in none of the task's volumes"
            yield Violation(path, said, "NOT_IN_A_VOLUME")
