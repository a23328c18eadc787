"""Where each option in force comes from: what was asked for, and what was made of it.

What a request or a script says is in force as it stands, unless sbatch's arithmetic has made
another value of it, or one where nothing was said. Source: ``hpcagent.slurm.description.derive``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpcagent.jobs.model import OptionOrigin
from hpcagent.slurm.directives.settings import Setting
from hpcagent.slurm.directives.spellings import GRAMMARS
from hpcagent.slurm.grammar.forms import FLAG

Members = Mapping[str, Any]
"""Members of job_desc_msg_t."""


def _nodes(members: Members) -> str:
    least, most = members.get("min_nodes"), members.get("max_nodes")
    return "" if least is None else str(least) if most in {None, least} else f"{least}-{most}"


DERIVED: Mapping[str, Callable[[Members], str]] = {
    "name": lambda members: members.get("name") or "",
    "nodes": _nodes,
    "ntasks": lambda members: str(members.get("num_tasks") or ""),
    "mincpus": lambda members: str(members.get("pn_min_cpus") or ""),
}
"""What can come from other options, and its value in sbatch's form; empty if it is not there."""


def origins(
    components: Sequence[Mapping[str, Setting]], described: Sequence[Members], umask: str
) -> tuple[OptionOrigin, ...]:
    """Tell of each option of each component where it comes from; ``umask`` is the configured."""
    found: list[OptionOrigin] = []
    for offset, (settings, members) in enumerate(zip(components, described, strict=True)):
        asked = {
            name: _asked(name, one, offset)
            for name, one in settings.items()
            if _in_force(name, one)
        }
        for name, write in DERIVED.items():
            value = write(members)
            if value and (name not in asked or asked[name].value != value):
                asked[name] = OptionOrigin(name, "DERIVED", value, component=offset)
        if not offset and "umask" not in asked:
            asked["umask"] = OptionOrigin("umask", "CONFIGURATION", umask)
        found += asked.values()
    return tuple(found)


def _in_force(name: str, setting: Setting) -> bool:
    """Whether it is more than a switch that is off."""
    return bool(setting.value) or GRAMMARS.get(name) is not FLAG


def _asked(name: str, setting: Setting, offset: int) -> OptionOrigin:
    origin = "SCRIPT" if setting.line else "REQUEST"
    return OptionOrigin(name, origin, _written(name, setting.value), setting.line, offset)


def _written(name: str, value: object) -> str:
    """Write a value in sbatch's form; one of an option that has none, as it is."""
    return GRAMMARS[name].write(value) if name in GRAMMARS else str(value)
