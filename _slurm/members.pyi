"""The members of Slurm's structures, as the compiled-in slurm.h has them.

The kinds: `string`, `strings`, `u8` `u16` `u32` `u64`, `time` (Unix seconds), `double`, `i32`, and
the vectors `u16s` `u32s` `u64s`. None is Slurm's "no value" and math.inf its "unlimited" in every
number but an `i32`; None is also no string and no time. `..._OPAQUE` gives for each of the other
members the reason why it cannot be used.
"""

from collections.abc import Mapping
from typing import Final

from _slurm.version import Version

VERSION: Final[Version]

JOB_DESC_MEMBERS: Final[Mapping[str, str]]
JOB_DESC_OPAQUE: Final[Mapping[str, str]]
JOB_INFO_MEMBERS: Final[Mapping[str, str]]
JOB_INFO_OPAQUE: Final[Mapping[str, str]]
CONF_MEMBERS: Final[Mapping[str, str]]
CONF_OPAQUE: Final[Mapping[str, str]]
PARTITION_INFO_MEMBERS: Final[Mapping[str, str]]
PARTITION_INFO_OPAQUE: Final[Mapping[str, str]]
NODE_INFO_MEMBERS: Final[Mapping[str, str]]
NODE_INFO_OPAQUE: Final[Mapping[str, str]]
RESERVE_INFO_MEMBERS: Final[Mapping[str, str]]
RESERVE_INFO_OPAQUE: Final[Mapping[str, str]]
LICENSE_INFO_MEMBERS: Final[Mapping[str, str]]
LICENSE_INFO_OPAQUE: Final[Mapping[str, str]]
STATISTICS_MEMBERS: Final[Mapping[str, str]]
STATISTICS_OPAQUE: Final[Mapping[str, str]]
ASSOC_REC_MEMBERS: Final[Mapping[str, str]]
ASSOC_REC_OPAQUE: Final[Mapping[str, str]]
QOS_REC_MEMBERS: Final[Mapping[str, str]]
QOS_REC_OPAQUE: Final[Mapping[str, str]]
JOB_REC_MEMBERS: Final[Mapping[str, str]]
JOB_REC_OPAQUE: Final[Mapping[str, str]]
