"""What generic resources say about the size of a job: so many GPUs, so many for each task.

sbatch works it out before it asks slurmctld, which does the same again, but only after it has
counted processors with the number of tasks that it was given. So the tasks must be told. A request
that contradicts itself is refused, as sbatch refuses it. Source (22.05): gres.c,
gres_job_state_validate and _test_gres_cnt.
"""

from dataclasses import dataclass, field

from hpcagent.slurm.draft import Draft, GresWish
from hpcagent.slurm.kinds import MAX_U16, MAX_U32
from hpcagent.slurm.options import path_of

SINCE = (21, 8, 0)
"""Before it sbatch left all of this to slurmctld."""

Entry = dict[str, int]
"""Wishes for one type of one resource: what for, and how many."""


class _ContradictionError(Exception):
    """Sizes that do not fit each other: the option that says so, and what is wrong with it."""

    def __init__(self, option: str, said: str) -> None:
        super().__init__(option, said)
        self.option = option
        self.said = said


@dataclass(slots=True)
class _Sizes:
    """The members that are read and derived; None where nothing is said."""

    num_tasks: int | None = None
    min_nodes: int | None = None
    max_nodes: int | None = None
    ntasks_per_node: int | None = None
    ntasks_per_socket: int | None = None
    sockets_per_node: int | None = None
    cpus_per_task: int | None = None
    ntasks_per_tres: int | None = None
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)


_MEMBERS = tuple(name for name in _Sizes.__slots__ if name != "entries")


def derive(draft: Draft) -> None:
    """Write what follows for tasks, nodes and processors."""
    asked = draft.gres or draft.members.keys() & {"ntasks_per_tres", "mem_per_tres"}
    if draft.release < SINCE or draft.clusters or not asked:
        return
    sizes = _Sizes()
    for name in _MEMBERS:
        setattr(sizes, name, draft.members.get(name))
    try:
        _imply_tasks(sizes, draft.gres)
        _collect(sizes, draft.gres)
        _count_tasks(sizes)
        _check_memory(sizes, draft)
        for entry in sizes.entries.values():
            _derive_from(entry, sizes)
        _check_fit(sizes, draft.gres)
    except _ContradictionError as contradiction:
        path = path_of(contradiction.option)
        draft.fault(path, contradiction.said, "GRES_CONTRADICTION")
        return
    found = {name: getattr(sizes, name) for name in _MEMBERS}
    draft.members |= {name: number for name, number in found.items() if number is not None}


def _imply_tasks(sizes: _Sizes, wishes: list[GresWish]) -> None:
    """A fixed number of nodes, and resources for tasks: so many tasks for each node."""
    fixed = sizes.min_nodes is not None and sizes.min_nodes == sizes.max_nodes
    for_tasks = sizes.ntasks_per_tres is not None or any(wish.each == "task" for wish in wishes)
    if not (fixed and for_tasks) or sizes.num_tasks is not None:
        return
    factor = sizes.ntasks_per_tres or sizes.ntasks_per_node
    if factor is None and sizes.cpus_per_task is None:
        factor = 1
    if factor is not None and sizes.min_nodes is not None:
        sizes.num_tasks = sizes.min_nodes * factor


def _collect(sizes: _Sizes, wishes: list[GresWish]) -> None:
    order = ("cpus", "job", "node", "socket", "task")
    for wish in sorted(wishes, key=lambda wish: order.index(wish.each)):
        sizes.entries.setdefault((wish.name, wish.type), {})[wish.each] = wish.count


def _total(entry: Entry, sizes: _Sizes) -> int:
    """How many resources of an entry the whole job has, as far as that is known."""
    nodes, tasks = sizes.min_nodes, sizes.num_tasks
    sockets = 1
    if nodes is not None and sizes.sockets_per_node is not None:
        sockets = nodes * sizes.sockets_per_node
    elif tasks is not None and sizes.ntasks_per_socket is not None:
        sockets = -(-tasks // sizes.ntasks_per_socket)
    factors = {"job": 1, "node": nodes or 1, "socket": sockets, "task": tasks or 1}
    return max((entry[each] * factors[each] for each in factors if each in entry), default=0)


def _count_tasks(sizes: _Sizes) -> None:
    """So many tasks for each GPU; or else the GPUs that so many tasks need."""
    each = sizes.ntasks_per_tres
    if each is None:
        return
    gpus = [entry for (name, _), entry in sizes.entries.items() if name == "gpu"]
    wanted = sum(_total(entry, sizes) for entry in gpus)
    if wanted:
        sizes.num_tasks = wanted * each
    elif sizes.num_tasks:
        if sizes.num_tasks >= each:  # else Slurm looks for no GPU at all
            sizes.entries.setdefault(("gpu", ""), {})["job"] = sizes.num_tasks // each
    else:
        said = "needs a number of GPUs, of tasks or of nodes beside it"
        raise _ContradictionError("ntasks_per_gpu", said)


def _check_memory(sizes: _Sizes, draft: Draft) -> None:
    """Memory for each GPU needs a GPU, be it for the job or for each node, socket or task."""
    wanted = {each for (name, _), entry in sizes.entries.items() if name == "gpu" for each in entry}
    if "mem_per_tres" in draft.members and not wanted - {"cpus"}:
        raise _ContradictionError("mem_per_gpu_bytes", "needs GPUs: give gpus, or gpus_per_node")


def _check_fit(sizes: _Sizes, wishes: list[GresWish]) -> None:
    """Refuse a product that does not fit its member, though its factors fit theirs."""
    option = _OPTIONS[wishes[0].each] if wishes else "ntasks_per_gpu"
    for name in _MEMBERS:
        number = getattr(sizes, name)
        if number is not None and number > (MAX_U32 if name in _LONG else MAX_U16):
            raise _ContradictionError(option, f"makes {name} {number}, which is too many")


_OPTIONS = {
    "cpus": "cpus_per_gpu",
    "job": "gpus",
    "node": "gpus_per_node",
    "socket": "gpus_per_socket",
    "task": "gpus_per_task",
}
_LONG = {"num_tasks", "min_nodes", "max_nodes"}
"""Members of 32 bits."""


def _derive_from(entry: Entry, sizes: _Sizes) -> None:
    """Derive from the wishes for one resource; they must agree with each other."""
    job, node, socket, task = (entry.get(each) for each in ("job", "node", "socket", "task"))
    if job and socket and socket > job:
        raise _ContradictionError("gpus_per_socket", f"is {socket}, but gpus is {job}")
    if socket and sizes.sockets_per_node is None:
        raise _ContradictionError("gpus_per_socket", "needs sockets_per_node beside it")
    if job and node:
        _fix_nodes(_times(job, node, "gpus"), sizes)
    if node and socket:
        sockets = _times(node, socket, "gpus_per_socket")
        sizes.sockets_per_node = _agreed(sizes.sockets_per_node, sockets, "gpus_per_socket")
    if sizes.num_tasks is not None:
        _times(sizes.num_tasks, sizes.ntasks_per_tres or 1, "ntasks_per_gpu")
    if task:
        job = _for_tasks(job, task, sizes)
        _derive_from_tasks(entry, task, sizes)
    if job:
        _cover_nodes(job, sizes)


def _fix_nodes(nodes: int, sizes: _Sizes) -> None:
    """So many for the job and for each node make a number of nodes."""
    if nodes < (sizes.min_nodes or 0) or nodes > (sizes.max_nodes or nodes):
        said = f"makes {nodes} nodes with gpus_per_node, which is not what is asked for"
        raise _ContradictionError("gpus", said)
    sizes.min_nodes = sizes.max_nodes = nodes


def _cover_nodes(job: int, sizes: _Sizes) -> None:
    """Each node has one at least."""
    if job < (sizes.min_nodes or 0):
        raise _ContradictionError("gpus", f"makes {job}, which is less than one for each node")
    if sizes.max_nodes is not None:
        sizes.max_nodes = min(sizes.max_nodes, job)


def _for_tasks(job: int | None, task: int, sizes: _Sizes) -> int:
    """So many for the job and for each task make a number of tasks, or the other way round."""
    if job:
        tasks = _times(job, task, "gpus_per_task")
        sizes.num_tasks = _agreed(sizes.num_tasks, tasks, "gpus_per_task")
        return job
    if sizes.num_tasks is None:
        raise _ContradictionError("gpus_per_task", "needs gpus or ntasks beside it")
    return sizes.num_tasks * task


def _derive_from_tasks(entry: Entry, task: int, sizes: _Sizes) -> None:
    option = "gpus_per_task"
    if node := entry.get("node"):
        derived = _times(node, task, option)
        sizes.ntasks_per_node = _agreed(sizes.ntasks_per_node, derived, option)
    if socket := entry.get("socket"):
        derived = _times(socket, task, option)
        sizes.ntasks_per_socket = _agreed(sizes.ntasks_per_socket, derived, option)
    if cpus := entry.get("cpus"):
        sizes.cpus_per_task = _agreed(sizes.cpus_per_task, cpus * task, option)


def _times(whole: int, part: int, option: str) -> int:
    """How often a part is in the whole; it must be without rest."""
    if whole % part:
        raise _ContradictionError(option, f"makes {whole} of {part} each, which leaves a rest")
    return whole // part


def _agreed(given: int | None, derived: int, option: str) -> int:
    if given is not None and given != derived:
        raise _ContradictionError(option, f"makes {derived}, but {given} is asked for")
    return derived
