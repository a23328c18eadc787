"""A SPANK plugin in sbatch, so that it says what only such a plugin can (see spank.c)."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("spank.c")
SEPARATOR = "\x1f"


def build(directory: Path) -> Mapping[str, str]:
    """Compile it; what a cluster's slurm.conf needs for it. All users must reach `directory`."""
    plugin, stack = directory / "job_env.so", directory / "plugstack.conf"
    cc = ["cc", "-shared", "-fPIC", "-Wall", "-Werror"]
    subprocess.run([*cc, f"-o{plugin}", SOURCE], check=True)
    stack.write_text(f"required {plugin}\n", encoding="utf-8")
    return {"PlugStackConfig": str(stack)}


def told(entries: Sequence[str]) -> dict[str, str]:
    """The variable that tells the plugin what to set."""
    return {"SPANK_JOB_ENV": SEPARATOR.join(entries)} if entries else {}
