"""The daemon's settings: one TOML file, taken whole or refused whole.

A daemon that guesses what was meant would act for users in a way that nobody chose. So an unknown
key, a bad value or an address that others can reach is refused, every one at once, each with its
path and with what would be right. ``model`` is what can be set, ``rules`` what its types cannot
say, ``reading`` how a file becomes one or the other: settings, or a list of faults.
"""

from hpcagent.config.errors import ConfigError, Fault
from hpcagent.config.kubernetes import ClusterAccess, Kubernetes, Profile, TaskPolicy
from hpcagent.config.model import RELOADABLE, Config, Log, Metrics, Policy, Server, Slurm, State
from hpcagent.config.reading import changes, exposure, load

__all__ = [
    "RELOADABLE",
    "ClusterAccess",
    "Config",
    "ConfigError",
    "Fault",
    "Kubernetes",
    "Log",
    "Metrics",
    "Policy",
    "Profile",
    "Server",
    "Slurm",
    "State",
    "TaskPolicy",
    "changes",
    "exposure",
    "load",
]
