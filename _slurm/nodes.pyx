"""Reading nodes, with what jobs have of them and the partitions that they are in.

slurmctld sends neither with a node: what jobs have is the select plugin's to tell, and libslurm
works the partitions out of those that slurmctld sends. So both are loaded together.
"""

from libc.stdint cimport uint16_t

from _slurm.call cimport begin, settle, words
from _slurm.lists cimport each
from _slurm.members cimport NODE_INFO, PARTITION_INFO, record
from _slurm.slurm cimport (
    free_node_use,
    job_defaults_t,
    node_info_msg_t,
    node_info_t,
    node_use,
    node_use_t,
    outcome,
    partition_info_msg_t,
    partition_info_t,
    slurm_free_node_info_msg,
    slurm_free_partition_info_msg,
    slurm_load_node,
    slurm_load_partitions,
    slurm_populate_node_partitions,
)

from _slurm.records import NodeList


def load_nodes(*, members=None, partition_members=None, uint16_t flags=0):
    """All nodes and all partitions, slurm_load_node(3); see the stub for the contract."""
    cdef list rows = NODE_INFO.choose(members)
    cdef list partition_rows = PARTITION_INFO.choose(partition_members)
    cdef node_info_msg_t *nodes = NULL
    cdef partition_info_msg_t *partitions = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm_load_partitions(0, &partitions, flags))
        if not code:
            code = outcome(slurm_load_node(0, &nodes, flags))
        if nodes is not NULL and partitions is not NULL:
            slurm_populate_node_partitions(nodes, partitions)
    try:
        settle(code, partitions)
        settle(code, nodes)
        return NodeList(
            nodes=[
                node_record(&nodes.node_array[index], rows)
                for index in range(nodes.record_count)
                if nodes.node_array[index].name is not NULL  # a gap in slurmctld's table
            ],
            partitions=[
                partition_record(&partitions.partition_array[index], partition_rows)
                for index in range(partitions.record_count)
            ],
        )
    finally:
        with nogil:
            slurm_free_node_info_msg(nodes)
            slurm_free_partition_info_msg(partitions)


cdef dict node_record(node_info_t *node, list rows):
    """The members of a node, and what jobs have of it."""
    cdef node_use_t use = node_use(node)
    cdef dict values = record(node, rows)
    try:
        values["alloc_cpus"] = use.cpus
        values["alloc_memory"] = use.memory
        values["alloc_tres_fmt_str"] = words(use.tres)
        return values
    finally:
        free_node_use(&use)


cdef dict partition_record(const partition_info_t *partition, list rows):
    """The members of a partition, and the defaults of its jobs."""
    cdef dict values = record(partition, rows)
    values["job_defaults"] = each(partition.job_defaults_list, job_default, None)
    return values


cdef object job_default(void *element, object context):
    """A default of a partition's jobs: its JOB_DEF_* and the value."""
    cdef job_defaults_t *default = <job_defaults_t *>element
    return (default.type, default.value)
