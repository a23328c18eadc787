"""The members of Slurm's structures as rows that can be set and read by name.

Which members there are, and where, comes from the slurm.h this was compiled against (members_gen.h,
see setup.py); what a release lacks is refused by name. Slurm's own marks for "no value" and "no
limit", which are the two largest numbers of each width, exist below this module only: above it they
are None and math.inf. A time of 0 is Slurm's "no time", so it is None too.
"""

import math
from types import MappingProxyType

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from posix.time cimport time_t

from _slurm.call cimport words
from _slurm.slurm cimport (
    EXTRA_IS_SAFE,
    INFINITE,
    KIND_DOUBLE,
    KIND_I32,
    KIND_OPAQUE,
    KIND_STRING,
    KIND_STRINGS,
    KIND_TIME,
    KIND_U8,
    KIND_U16,
    KIND_U16S,
    KIND_U32,
    KIND_U32S,
    KIND_U64,
    KIND_U64S,
    NO_VAL,
    SLURM_VERSION_MAJOR,
    SLURM_VERSION_MICRO,
    SLURM_VERSION_MINOR,
    SLURM_VERSION_NUMBER,
    member_t,
)

from _slurm.errors import (
    MemberRangeError,
    MemberTypeError,
    OpaqueMemberError,
    UnknownMemberError,
)

cdef extern from "members_gen.h":
    const member_t *JOB_DESC_TABLE
    const member_t *JOB_INFO_TABLE
    const member_t *CONF_TABLE
    const member_t *PARTITION_INFO_TABLE
    const member_t *NODE_INFO_TABLE
    const member_t *RESERVE_INFO_TABLE
    const member_t *LICENSE_INFO_TABLE
    const member_t *STATISTICS_TABLE
    const member_t *ASSOC_REC_TABLE
    const member_t *QOS_REC_TABLE
    const member_t *JOB_REC_TABLE
    const member_t *STEP_REC_TABLE
    const member_t *STEP_STATS_TABLE
    const member_t *TRES_REC_TABLE

cdef double INFINITY = math.inf

VERSION = (
    SLURM_VERSION_MAJOR(SLURM_VERSION_NUMBER),
    SLURM_VERSION_MINOR(SLURM_VERSION_NUMBER),
    SLURM_VERSION_MICRO(SLURM_VERSION_NUMBER),
)

_KIND_NAMES = {
    KIND_STRING: "string",
    KIND_STRINGS: "strings",
    KIND_U8: "u8",
    KIND_U16: "u16",
    KIND_U32: "u32",
    KIND_U64: "u64",
    KIND_TIME: "time",
    KIND_DOUBLE: "double",
    KIND_I32: "i32",
    KIND_U16S: "u16s",
    KIND_U32S: "u32s",
    KIND_U64S: "u64s",
}
_VECTORS = {KIND_STRINGS, KIND_U16S, KIND_U32S, KIND_U64S}

# A vector's length is a member of its own, and slurm.h tells which only in comments.
_COUNTS = {
    "argv": "argc",
    "bf_exit": "bf_exit_cnt",
    "control_addr": "control_cnt",
    "control_machine": "control_cnt",
    "environment": "env_size",
    "epilog": "epilog_cnt",
    "epilog_slurmctld": "epilog_slurmctld_cnt",
    "gres_detail_str": "gres_detail_cnt",
    "prolog": "prolog_cnt",
    "prolog_slurmctld": "prolog_slurmctld_cnt",
    "rpc_dump_hostlist": "rpc_dump_count",
    "rpc_dump_types": "rpc_dump_count",
    "rpc_queue_count": "rpc_queue_type_count",
    "rpc_queue_type_id": "rpc_queue_type_count",
    "rpc_type_cnt": "rpc_type_size",
    "rpc_type_id": "rpc_type_size",
    "rpc_type_time": "rpc_type_size",
    "rpc_user_cnt": "rpc_user_size",
    "rpc_user_id": "rpc_user_size",
    "rpc_user_time": "rpc_user_size",
    "schedule_exit": "schedule_exit_cnt",
    "spank_job_env": "spank_job_env_size",
}

# What is left alone although it could be expressed.
_SET_BY_VECTOR = {
    _COUNTS[vector]: f"it is the length of `{vector}` and set with it"
    for vector in ("argv", "environment", "spank_job_env")
}
_DEADLY_EXTRA = {
    "extra": "slurmctld before Slurm 23.02 frees it twice and aborts when the job is purged"
}
_SECRETS = {name: "it is a password" for name in ("accounting_storage_pass", "job_comp_pass")}


cdef class Member:
    """One member: its place in the structure and how its values are spelled in Python."""

    # ------------------------------------------------------------------------------- set

    cdef int put(self, char *struct, object value, list kept) except -1:
        """Set the member of `struct`; what it then points to is owned by `kept`."""
        cdef char *place = struct + self.offset
        if self.kind == KIND_STRING:
            (<const char **>place)[0] = text(self.name, value, kept)
        elif self.kind == KIND_STRINGS:
            put_vector(self, struct, value, kept)
        elif self.kind == KIND_TIME:
            (<time_t *>place)[0] = seconds(self.name, value)
        elif self.kind == KIND_U8:
            (<uint8_t *>place)[0] = <uint8_t>number(self.name, value, <uint8_t>-1)
        elif self.kind == KIND_U16:
            (<uint16_t *>place)[0] = <uint16_t>number(self.name, value, <uint16_t>-1)
        elif self.kind == KIND_U32:
            (<uint32_t *>place)[0] = <uint32_t>number(self.name, value, <uint32_t>-1)
        elif self.kind == KIND_U64:
            (<uint64_t *>place)[0] = number(self.name, value, <uint64_t>-1)
        else:
            raise OpaqueMemberError(self.name, "it can be read, not set")
        return 0

    # ------------------------------------------------------------------------------ read

    cdef object get(self, const char *struct):
        """The member's value in `struct`, copied."""
        cdef const char *place = struct + self.offset
        if self.kind == KIND_STRING:
            return words((<const char *const *>place)[0])
        if self.kind == KIND_U32:
            return amount((<const uint32_t *>place)[0], <uint32_t>-1)
        if self.kind == KIND_U16:
            return amount((<const uint16_t *>place)[0], <uint16_t>-1)
        if self.kind == KIND_TIME:
            return (<const time_t *>place)[0] or None
        if self.kind == KIND_U64:
            return amount((<const uint64_t *>place)[0], <uint64_t>-1)
        if self.kind == KIND_U8:
            return amount((<const uint8_t *>place)[0], <uint8_t>-1)
        if self.kind == KIND_DOUBLE:
            return real((<const double *>place)[0])
        if self.kind == KIND_I32:
            return (<const int32_t *>place)[0]
        if self.kind == KIND_STRINGS:
            return vector(self, struct)
        return amounts(self, struct)


cdef int put_vector(Member member, char *struct, object value, list kept) except -1:
    """Set a vector of strings and the member that holds its length."""
    if value is None:
        value = ()
    elif isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise MemberTypeError(member.name, f"takes strings, not {type(value).__name__}")
    items = tuple(value)
    memory = bytearray((len(items) + 1) * sizeof(char *))
    kept.append(memory)
    cdef const char **pointers = <const char **>PyByteArray_AS_STRING(memory)
    for index, item in enumerate(items):
        if item is None:
            raise MemberTypeError(f"{member.name}[{index}]", "takes str or bytes, not NoneType")
        pointers[index] = text(f"{member.name}[{index}]", item, kept)
    member.count.put(struct, len(items), kept)
    (<const char ***>(struct + member.offset))[0] = pointers if items else NULL
    return 0


cdef const char *text(str name, object value, list kept) except? NULL:
    """A C string for `value`, owned by `kept`; NULL for None."""
    if value is None:
        return NULL
    if isinstance(value, str):
        try:
            value = value.encode()
        except UnicodeEncodeError as error:
            raise MemberRangeError(name, f"holds a lone surrogate: {error.reason}") from None
    elif not isinstance(value, bytes):
        raise MemberTypeError(name, f"takes str, bytes or None, not {type(value).__name__}")
    if 0 in value:
        raise MemberRangeError(name, "holds a NUL byte, which ends a C string")
    kept.append(value)
    return PyBytes_AS_STRING(value)


cdef uint64_t number(str name, object value, uint64_t infinite) except? 0:
    """A number below `infinite` - 1, or one of the two marks: `infinite` and "no value"."""
    if value is None:
        return infinite - 1
    if not isinstance(value, int):
        if isinstance(value, float) and value == INFINITY:
            return infinite
        raise MemberTypeError(name, f"takes int, None or math.inf, not {type(value).__name__}")
    if not 0 <= value < infinite - 1:
        raise MemberRangeError(name, f"takes 0 to {infinite - 2}, not {value}")
    return value


cdef time_t seconds(str name, object value) except? 0:
    """A time in Unix seconds; 0, "no time", for None."""
    if value is None:
        return 0
    if not isinstance(value, int):
        raise MemberTypeError(name, f"takes Unix seconds or None, not {type(value).__name__}")
    if not 0 <= value < 1 << 63:
        raise MemberRangeError(name, f"takes Unix seconds from 0 on, not {value}")
    return <time_t><int64_t>value


cdef object amount(uint64_t value, uint64_t infinite):
    """A number as read: None and math.inf for the two marks of its width."""
    if value < infinite - 1:
        return value
    return INFINITY if value == infinite else None


cdef object real(double value):
    """A double as read: Slurm casts the marks of 32 bits into it."""
    if value == <double>NO_VAL:
        return None
    return INFINITY if value == <double>INFINITE else value


cdef list vector(Member member, const char *struct):
    """A vector of strings as read; an entry that is NULL reads as an empty string."""
    cdef const char *const *pointers = (<const char *const *const *>(struct + member.offset))[0]
    if pointers is NULL:
        return []
    length = member.count.get(struct) or 0
    return [words(pointers[index]) or "" for index in range(length)]


cdef list amounts(Member member, const char *struct):
    """A vector of numbers as read."""
    cdef const void *first = (<const void *const *>(struct + member.offset))[0]
    cdef size_t index
    if first is NULL:
        return []
    length = member.count.get(struct) or 0
    if member.kind == KIND_U16S:
        return [amount((<const uint16_t *>first)[index], <uint16_t>-1) for index in range(length)]
    if member.kind == KIND_U32S:
        return [amount((<const uint32_t *>first)[index], <uint32_t>-1) for index in range(length)]
    return [amount((<const uint64_t *>first)[index], <uint64_t>-1) for index in range(length)]


cdef dict record(const void *struct, list rows):
    """The members `rows` of a structure, by name."""
    cdef Member member
    cdef dict values = {}
    for member in rows:
        values[member.name] = member.get(<const char *>struct)
    return values


cdef class Members:
    """All members of one structure: those that can be used, and why each other one cannot."""

    cdef Member row(self, str name):
        """The member of that name; UnknownMemberError or OpaqueMemberError if it cannot be used."""
        member = self.rows.get(name)
        if member is not None:
            return member
        if name in self.opaque:
            raise OpaqueMemberError(name, self.opaque[name])
        raise UnknownMemberError(name, self.struct, VERSION)

    cdef list choose(self, object names):
        """The members of those names, all of them for None."""
        if names is None:
            return list(self.rows.values())
        return [self.row(name) for name in names]


cdef Members load(str struct, const member_t *table, dict withheld):
    """Read a C table; members named in `withheld` are set apart with their reason."""
    cdef Members members = Members()
    cdef Member member
    cdef dict everything = tabulated(table)
    opaque = {}
    members.struct = struct
    members.rows = {}
    for member in everything.values():
        member.count = everything.get(_COUNTS.get(member.name))
        reason = withheld.get(member.name) or unusable(member)
        if reason:
            opaque[member.name] = reason
        else:
            members.rows[member.name] = member
    members.opaque = MappingProxyType(opaque)
    members.kinds = MappingProxyType(
        {name: _KIND_NAMES[(<Member>row).kind] for name, row in members.rows.items()}
    )
    return members


cdef dict tabulated(const member_t *table):
    """The rows of a C table by name, in the header's order."""
    cdef Member member
    rows = {}
    while table.name is not NULL:
        member = Member()
        member.name = words(table.name)
        member.kind = table.kind
        member.offset = table.offset
        rows[member.name] = member
        table += 1
    return rows


cdef str unusable(Member member):
    """Why a member cannot be expressed in Python; None when it can."""
    if member.kind == KIND_OPAQUE:
        return "it holds a structure that only Slurm can make"
    if member.kind in _VECTORS and member.count is None:
        return "it is a vector whose length is not known"
    return None


JOB_DESC = load(
    "job_desc_msg_t",
    JOB_DESC_TABLE,
    _SET_BY_VECTOR if EXTRA_IS_SAFE else _SET_BY_VECTOR | _DEADLY_EXTRA,
)
JOB_INFO = load("job_info_t", JOB_INFO_TABLE, {})
CONF = load("slurm_conf_t", CONF_TABLE, _SECRETS)
PARTITION_INFO = load("partition_info_t", PARTITION_INFO_TABLE, {})
NODE_INFO = load("node_info_t", NODE_INFO_TABLE, {})
RESERVE_INFO = load("reserve_info_t", RESERVE_INFO_TABLE, {})
LICENSE_INFO = load("slurm_license_info_t", LICENSE_INFO_TABLE, {})
STATISTICS = load("stats_info_response_msg_t", STATISTICS_TABLE, {})
ASSOC_REC = load("slurmdb_assoc_rec_t", ASSOC_REC_TABLE, {})
QOS_REC = load("slurmdb_qos_rec_t", QOS_REC_TABLE, {})
JOB_REC = load("slurmdb_job_rec_t", JOB_REC_TABLE, {})
STEP_REC = load("slurmdb_step_rec_t", STEP_REC_TABLE, {})
STEP_STATS = load("slurmdb_stats_t", STEP_STATS_TABLE, {})
TRES_REC = load("slurmdb_tres_rec_t", TRES_REC_TABLE, {})

JOB_DESC_MEMBERS = JOB_DESC.kinds
JOB_DESC_OPAQUE = JOB_DESC.opaque
JOB_INFO_MEMBERS = JOB_INFO.kinds
JOB_INFO_OPAQUE = JOB_INFO.opaque
CONF_MEMBERS = CONF.kinds
CONF_OPAQUE = CONF.opaque
PARTITION_INFO_MEMBERS = PARTITION_INFO.kinds
PARTITION_INFO_OPAQUE = PARTITION_INFO.opaque
NODE_INFO_MEMBERS = NODE_INFO.kinds
NODE_INFO_OPAQUE = NODE_INFO.opaque
RESERVE_INFO_MEMBERS = RESERVE_INFO.kinds
RESERVE_INFO_OPAQUE = RESERVE_INFO.opaque
LICENSE_INFO_MEMBERS = LICENSE_INFO.kinds
LICENSE_INFO_OPAQUE = LICENSE_INFO.opaque
STATISTICS_MEMBERS = STATISTICS.kinds
STATISTICS_OPAQUE = STATISTICS.opaque
ASSOC_REC_MEMBERS = ASSOC_REC.kinds
ASSOC_REC_OPAQUE = ASSOC_REC.opaque
QOS_REC_MEMBERS = QOS_REC.kinds
QOS_REC_OPAQUE = QOS_REC.opaque
JOB_REC_MEMBERS = JOB_REC.kinds
JOB_REC_OPAQUE = JOB_REC.opaque
