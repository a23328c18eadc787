"""Reading nodes, with what jobs have of them and the partitions that they are in."""

from collections.abc import Sequence

from _slurm.records import NodeList

def load_nodes(
    *,
    members: Sequence[str] | None = None,
    partition_members: Sequence[str] | None = None,
    flags: int = 0,
) -> NodeList:
    """All nodes and all partitions that slurmctld shows, in its order, by two calls to it.

    `members` are names of NODE_INFO_MEMBERS and `partition_members` of PARTITION_INFO_MEMBERS, None
    is all. Beside them a node's record has `alloc_cpus`, `alloc_memory` (MiB) and
    `alloc_tres_fmt_str` in every release, and a partition's `job_defaults`. `flags` are SHOW_ALL
    (hidden partitions too), SHOW_DETAIL (GRES in use)... Raises SlurmError.
    """
