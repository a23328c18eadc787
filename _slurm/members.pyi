from collections.abc import Mapping

from _slurm.records import Given, Record

# name -> kind: string strings bool u8 u16 u32 u64 i32 time double. What job_desc_msg_t can be given.
JOB_DESC_MEMBERS: Mapping[str, str]
# name -> why it cannot be set.
JOB_DESC_OPAQUE: Mapping[str, str]
JOB_INFO_MEMBERS: Mapping[str, str]
JOB_INFO_OPAQUE: Mapping[str, str]
CONF_MEMBERS: Mapping[str, str]
CONF_OPAQUE: Mapping[str, str]

def describe(members: Mapping[str, Given], /) -> Record: ...
