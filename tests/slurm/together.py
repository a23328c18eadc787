"""Options that one request has together, drawn so that each of them has its share.

Left to itself Hypothesis tries some options often and others never. So each option has requests of
its own, into which others are drawn, most of them for the size of the job.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from slurm.cases import BESIDE, REFUSED, TAKEN
from slurm.twins import Made, Outcome

from hpcagent.jobs.spec import Distribution, Gres, NodeCount
from hpcagent.slurm.kinds.nodes import HINTS
from hpcagent.slurm.options import EXCLUDE_EACH_OTHER, PRIVILEGES

PARTITIONS = ["", "debug", "short", "power,debug"]


def is_privilege(name: str, value: object) -> bool:
    return any(row.option == name and row.asks(value) for row in PRIVILEGES)


VALUES = {
    name: [value for value in values if not is_privilege(name, value)]
    for name, values in TAKEN.items()
    if name not in {"hold", "priority"}
}
"""Of all options but those that say whether the job is held, which the request does."""
NAMES = list(VALUES)
BAD = {name: [value for value in values if value not in (NodeCount(0), 65534)]
       for name, values in REFUSED.items()}  # fmt: skip
"""Refused beside whatever else: of 0 nodes, and of 65534 processors of a task (NO_VAL16), sbatch
makes something where other sizes are given."""
NEEDS: Mapping[str, Mapping[str, object]] = {
    **BESIDE,
    "distribution": {"nodelist": "node[1-2]", "ntasks": 4},
    "ntasks_per_gpu": {"gpus": (Gres("gpu", "", 2),)},
    "time_min": {"time": 7200},
}
"""What an option can hardly do without."""
SIZES: dict[str, st.SearchStrategy[Any]] = {
    "nodes": st.builds(NodeCount, st.integers(1, 3), st.none() | st.integers(1, 4)),
    "ntasks": st.integers(1, 20),
    "cpus_per_task": st.integers(1, 9),
    "ntasks_per_node": st.integers(1, 9),
    "nodelist": st.sampled_from(["node1", "node2", "node[1-2]", "node2,node1,node2"]),
    "mincpus": st.integers(1, 9),
    "sockets_per_node": st.integers(1, 2),
    "cores_per_socket": st.integers(1, 9),
    "threads_per_core": st.integers(1, 2),
    "extra_node_info": st.sampled_from(["1", "1:8", "*:2:1", "2:4:2"]),
    "overcommit": st.booleans(),
    "hint": st.sampled_from(HINTS),
    "distribution": st.builds(Distribution, st.just("PLANE"), plane_size=st.integers(1, 5))
    | st.just(Distribution("ARBITRARY")),
    "gpus": st.sampled_from([(Gres("gpu", "", 1),), (Gres("gpu", "tesla", 4),)]),
    "gpus_per_task": st.sampled_from([(Gres("gpu", "", 1),), (Gres("gpu", "tesla", 2),)]),
    "ntasks_per_gpu": st.integers(1, 3),
}


@st.composite
def requests(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """The fields of a request that has the option and others.

    Half of the jobs are held, which slurmctld hardly judges by what the nodes have; a quarter is
    asked for something that is refused. Most have beside an option what it cannot do without.
    """
    start = NAMES.index(name)
    others = NAMES[start + 1 :] + NAMES[:start]
    drawn = [name, *draw(st.lists(st.sampled_from(others), max_size=5, unique=True))]
    options = {one: draw(st.sampled_from(VALUES[one]), one) for one in drawn}
    sizes = draw(st.lists(st.sampled_from(sorted(SIZES)), max_size=3, unique=True))
    options |= {one: draw(SIZES[one], one) for one in sizes}
    if draw(st.sampled_from([True, True, True, False])):
        for one in tuple(options):
            options = {**NEEDS.get(one, {}), **options}
    manner = draw(st.sampled_from(["held", "held", "open", "refused"]))
    if manner == "refused":
        bad = draw(st.sampled_from(sorted(BAD)))
        options[bad] = draw(st.sampled_from(BAD[bad]), bad)
    options = _compatible(options, name) | ({"hold": True} if manner == "held" else {})
    return {"options": options, "partition": draw(st.sampled_from(PARTITIONS))}


def _compatible(options: dict[str, Any], name: str) -> dict[str, Any]:
    """Without those that exclude each other; one of them stays, the given one where it can."""
    left = dict(options)
    for group in EXCLUDE_EACH_OTHER:
        there = sorted((one for one in group if one in left), key=lambda one: one != name)
        for one in there[1:]:
            del left[one]
    if left.get("propagate") in REFUSED["propagate"]:
        left.pop("get_user_env", None)  # beside it sbatch does not look at the limits
    return left


@dataclass
class Tally:
    """What was tried."""

    requests: set[str] = field(default_factory=set)
    """Those that have several options, each once."""
    made: Counter[str] = field(default_factory=Counter)
    """How often a job with that option was made, by both."""
    outcomes: Counter[bool] = field(default_factory=Counter)
    """How many jobs were made, by both, and how many were not."""

    def note(self, request: dict[str, Any], outcome: Outcome) -> None:
        """Count a request."""
        options = request["options"].keys() - {"hold"}
        if len(options) > 1:
            self.requests.add(repr(request))
            self.outcomes[isinstance(outcome, Made)] += 1
        if isinstance(outcome, Made):
            self.made.update(options)
