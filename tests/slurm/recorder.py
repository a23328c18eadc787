"""What a process submits, at the moment when it leaves that process (see recorder.c)."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from native import header

SOURCE = Path(__file__).with_name("recorder.c")

Description = dict[str, str | list[str]]
"""The members of one job_desc_msg_t: all as text, arrays as lists, nothing for NULL."""

ARRAYS = frozenset({"argv", "environment", "spank_job_env"})


@dataclass(frozen=True)
class Recorder:
    """A library to preload, and the file in which it leaves the last submission."""

    library: Path
    record: Path

    @classmethod
    def build(cls, directory: Path) -> "Recorder":
        """Compile it for the installed slurm.h; `directory` must be open to all users."""
        recorder = cls(directory / "recorder.so", directory / "job_desc")
        members = " ".join(f"PUT({name})" for name in header.members("job_desc_msg_t"))
        cc = ["cc", "-shared", "-fPIC", "-Wall", "-Werror", f"-DMEMBERS(PUT)={members}"]
        subprocess.run([*cc, f"-o{recorder.library}", SOURCE], check=True)
        recorder.record.touch()
        recorder.record.chmod(0o666)
        return recorder

    def environment(self, preloaded: str) -> dict[str, str]:
        """What a process needs to be recorded, beside what it preloads anyway."""
        return {
            "LD_PRELOAD": f"{self.library}:{preloaded}",
            "JOB_DESC_RECORD": str(self.record),
        }

    def take(self) -> Description:
        """What was submitted last; asked again, nothing."""
        return self.take_components()[0]

    def take_components(self) -> list[Description]:
        """The same of a heterogeneous job: every component, the leader first."""
        jobs: list[dict[str, list[str]]] = [{}]
        for entry in self.record.read_bytes().split(b"\0")[:-1]:
            name, _, value = entry.decode().partition("=")
            if name:
                jobs[-1].setdefault(name, []).append(value)
            else:
                jobs.append({})
        self.record.write_bytes(b"")
        return [_described(members) for members in jobs]


def _described(members: dict[str, list[str]]) -> Description:
    """Lists of arrays only; the order of the environment has no meaning."""
    return {name: values if name in ARRAYS else values[0] for name, values in members.items()} | {
        "environment": sorted(members.get("environment", []))
    }
