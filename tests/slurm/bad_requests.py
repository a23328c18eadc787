"""Requests that must not become jobs, each with what its caller is told: a table.

Each changes the original system's request; names that begin with a dot are options. The cluster is
a sandbox with `CONF` and `PARTITIONS`. `PLACE` stands for a directory with what `PLACES` says.
"""

from slurm.bad import UNAVAILABLE, Bad, Fields, failed, forbidden, refused

MAX_SCRIPT_SIZE = 65_536
CONF = {
    "EnforcePartLimits": "ALL",
    "SchedulerParameters": f"max_script_size={MAX_SCRIPT_SIZE}",
}
"""What slurm.conf has beside a sandbox's own."""
PARTITIONS = (
    ("PartitionName=physics", "AllowAccounts=physics"),
    ("PartitionName=drained", "State=DRAIN"),
    ("PartitionName=single", "MaxNodes=1"),
    ("PartitionName=elsewhere", "AllocNodes=login9"),
)
"""As `scontrol create` takes them; each has all nodes."""

PLACE = "PLACE"
PLACES = {"open": 0o1777, "closed": 0o700}
"""Directories of root's, and their modes; `link` is a symbolic link to `open`, `file` a file."""

NO_VAL = 0xFFFFFFFE
"""The next number means INFINITE to Slurm."""
GIB = 1 << 30


def user(**asked: object) -> Fields:
    """User and group, as far as given."""
    return {"user": None, "user_id": None, "group": None, "group_id": None, **asked}


IDENTITY = (
    Bad("nobody's job", user(), {"user_id": "USER_REQUIRED"}),
    Bad("an unknown uid", user(user_id=4242), {"user_id": "USER_UNKNOWN"}),
    Bad("a uid that Linux has for none", user(user_id=0xFFFFFFFF), {"user_id": "USER_UNKNOWN"}),
    Bad("an unknown user", user(user="mallory"), {"user": "USER_UNKNOWN"}),
    Bad("a user's name with NUL", user(user="alice\0"), {"user": "USER_UNKNOWN"}),
    Bad("uid and name of two users", {"user": "alice"}, {"user": "USER_MISMATCH"}),
    forbidden("root by uid", user(user_id=0), {"user_id": "USER_NOT_SERVED"}),
    forbidden("root by name", user(user="root"), {"user": "USER_NOT_SERVED"}),
    Bad("an unknown group", user(user="alice", group="wheel"), {"group": "GROUP_UNKNOWN"}),
    Bad("a gid of nobody's", user(user="bob", group_id=42), {"group_id": "GROUP_NOT_A_MEMBER"}),
    Bad("others' group", {"group": None, "group_id": 2100}, {"group_id": "GROUP_NOT_A_MEMBER"}),
    Bad("root's group", user(user="bob", group_id=0), {"group_id": "GROUP_NOT_A_MEMBER"}),
    Bad(
        "gid and name of two groups of the user's",
        user(user="alice", group="hpc", group_id=2001),
        {"group": "GROUP_MISMATCH"},
    ),
)

LONGEST = "#!/bin/sh\n".ljust(MAX_SCRIPT_SIZE, "#")

SCRIPT = (
    Bad("no script", {"script": None}, {"script": "SCRIPT_EMPTY"}),
    Bad("a script of blanks", {"script": " \n\t\n"}, {"script": "SCRIPT_EMPTY"}),
    Bad("no interpreter", {"script": "hostname\n"}, {"script": "SCRIPT_NO_INTERPRETER"}),
    Bad("a blank before #!", {"script": " #!/bin/sh\n"}, {"script": "SCRIPT_NO_INTERPRETER"}),
    Bad("a script with NUL", {"script": "#!/bin/sh\n\0"}, {"script": "NUL_CHARACTER"}),
    Bad("a script over max_script_size", {"script": LONGEST + "#"}, {"script": "SCRIPT_TOO_LONG"}),
    Bad(
        "a directive where there shall be none",
        {"script": "#!/bin/sh\n#SBATCH -n 2\n", "directives": "DIRECTIVES_REJECT"},
        {"script": "SCRIPT_HAS_DIRECTIVES"},
    ),
    Bad("an argument with NUL", {"argv": ["a", "b\0"]}, {"argv[1]": "NUL_CHARACTER"}),
    Bad("a variable without =", {"environment": ["A"]}, {"environment[0]": "ENVIRONMENT_FORM"}),
    Bad("no name before =", {"environment": ["A=", "=b"]}, {"environment[1]": "ENVIRONMENT_FORM"}),
    Bad("a variable with NUL", {"environment": ["A=\0"]}, {"environment[0]": "NUL_CHARACTER"}),
)

TEXTS = (
    Bad("a name of 1025 bytes", {"name": "n" * 1025}, {"name": "TOO_LONG"}),
    Bad("a name of 1026 bytes in 513 letters", {"name": "ü" * 513}, {"name": "TOO_LONG"}),
    Bad("a name with NUL", {"name": "a\0b"}, {"name": "NUL_CHARACTER"}),
    Bad("a request_id with a blank", {"request_id": "a b"}, {"request_id": "REQUEST_ID_FORM"}),
    Bad("a request_id of 129", {"request_id": "r" * 129}, {"request_id": "REQUEST_ID_FORM"}),
    Bad("a comment of 1025 bytes", {".comment": "c" * 1025}, {".comment": "TOO_LONG"}),
    Bad("an empty comment", {".comment": ""}, {".comment": "EMPTY"}),
    Bad("an account of 1025 bytes", {".account": "a" * 1025}, {".account": "TOO_LONG"}),
    Bad("a QOS with NUL", {".qos": "\0"}, {".qos": "NUL_CHARACTER"}),
    Bad("an output file of 4096 bytes", {".output": "o" * 4096}, {".output": "TOO_LONG"}),
    Bad("no work_dir", {"work_dir": None}, {"work_dir": "REQUIRED"}),
    Bad("a relative work_dir", {"work_dir": "here"}, {"work_dir": "PATH_NOT_ABSOLUTE"}),
    Bad("a work_dir with ..", {"work_dir": "/tmp/../etc"}, {"work_dir": "PATH_NOT_CLEAN"}),
    Bad("a work_dir with NUL", {"work_dir": "/tmp/\0"}, {"work_dir": "NUL_CHARACTER"}),
    Bad("a work_dir of 4096 bytes", {"work_dir": "/" * 4096}, {"work_dir": "TOO_LONG"}),
)


def made(path: str, **how: object) -> Fields:
    """Ask for a directory to be made."""
    return {"work_dir": f"{PLACE}/{path}", "create_work_dir": how}


PARENT_MISSING = {"work_dir": "WORK_DIR_PARENT_MISSING"}
SYMLINK = {"work_dir": "WORK_DIR_SYMLINK"}
NO_DIRECTORY = {"work_dir": "WORK_DIR_NOT_A_DIRECTORY"}
NOT_ALLOWED = {"work_dir": "WORK_DIR_NOT_ALLOWED"}

MADE_WORK_DIR = (
    Bad("a mode over 7777", made("open/a", mode=0o10000), {"create_work_dir.mode": "OUT_OF_RANGE"}),
    Bad("a missing parent", made("open/a/b"), PARENT_MISSING),
    Bad("parents outside of work_dir_roots", made("open/a/b", parents=True), PARENT_MISSING),
    Bad("a symbolic link on the way", made("link/a"), SYMLINK),
    Bad("a symbolic link in its place", made("link"), SYMLINK),
    Bad("a file on the way", made("file/a"), NO_DIRECTORY),
    Bad("a file in its place", made("file"), NO_DIRECTORY),
    Bad("a name too long", made("open/" + "a" * 256), {"work_dir": "WORK_DIR_NAME_TOO_LONG"}),
    forbidden("where the user may not enter", made("closed/a"), NOT_ALLOWED),
    forbidden("where the user may not write", made("a"), NOT_ALLOWED),
)

OUT_OF_RANGE = "OUT_OF_RANGE"

NUMBERS = (
    Bad("nodes beyond Slurm's numbers", {"nodes": NO_VAL}, {"nodes": OUT_OF_RANGE}),
    Bad("no nodes", {"nodes": None, ".nodes": {"min": 0}}, {".nodes": OUT_OF_RANGE}),
    Bad(
        "at most 1 node of 2",
        {"nodes": 0, ".nodes": {"min": 2, "max": 1}},
        {".nodes": OUT_OF_RANGE},
    ),
    Bad("no tasks", {".ntasks": 0}, {".ntasks": OUT_OF_RANGE}),
    Bad("tasks beyond an int", {".ntasks": 1 << 31}, {".ntasks": OUT_OF_RANGE}),
    Bad("processors beyond 16 bits", {".cpus_per_task": 0xFFFE}, {".cpus_per_task": OUT_OF_RANGE}),
    Bad(
        "more processors in all than Slurm can count",
        {"nodes": 0, ".ntasks": 1 << 30, ".cpus_per_task": 4},
        {".cpus_per_task": OUT_OF_RANGE},
    ),
    Bad(
        "more tasks in all than an int can count",
        {"nodes": 1 << 20, ".ntasks_per_node": 1 << 12},
        {".ntasks_per_node": OUT_OF_RANGE},
    ),
    Bad("no memory", {".mem_per_cpu_bytes": "0"}, {".mem_per_cpu_bytes": OUT_OF_RANGE}),
    Bad("a nice value beyond sbatch's", {".nice": 2147483646}, {".nice": OUT_OF_RANGE}),
    Bad("a priority of 0", {".priority": 0}, {".priority": OUT_OF_RANGE}),
    Bad("a priority beyond Slurm's", {".priority": NO_VAL}, {".priority": OUT_OF_RANGE}),
    Bad("a umask over 777", {".umask": 0o1000}, {".umask": OUT_OF_RANGE}),
    Bad("a begin before 1970", {".begin": "1969-12-31T23:59:59Z"}, {".begin": OUT_OF_RANGE}),
    Bad("no time", {".time": {"value": "0s"}}, {".time": OUT_OF_RANGE}),
    Bad("less than no time", {".time": {"value": "-60s"}}, {".time.value": "DURATION_FORM"}),
    Bad("2^32 minutes", {".time": {"value": "257698037760s"}}, {".time": OUT_OF_RANGE}),
    Bad("a time that is neither", {".time": {}}, {".time": "REQUIRED"}),
)


def afterok(*jobs: str, **term: object) -> Fields:
    """Ask for a dependency in the typed form."""
    one = {"type": "TYPE_AFTEROK", "jobs": [{"id": job} for job in jobs], **term}
    return {".dependency": {"terms": {"terms": [one]}}}


FORM = {".dependency": "DEPENDENCY_FORM"}
TERM = ".dependency.terms.terms[0]"
INVALID_FEATURE = "ESLURM_INVALID_FEATURE"
INVALID_NODE = "ESLURM_INVALID_NODE_NAME"

FORMS = (
    Bad("an empty array", {".array": ""}, {".array": "EMPTY"}),
    Bad("an array of 4097 bytes", {".array": "1," * 2048 + "1"}, {".array": "TOO_LONG"}),
    refused("an array backwards", {".array": "5-1"}, "ESLURM_INVALID_ARRAY", ".array"),
    refused("an array over MaxArraySize", {".array": "0-1001"}, "ESLURM_INVALID_ARRAY", ".array"),
    refused("an array of words", {".array": "one,two"}, "ESLURM_INVALID_ARRAY", ".array"),
    Bad("a dependency on nothing", {".dependency": {}}, {".dependency": "REQUIRED"}),
    Bad("a dependency without jobs", afterok(), FORM),
    Bad("a delay that afterok does not take", afterok("1", delay="60s"), FORM),
    Bad("a dependency on a job's name", afterok("wrap"), {f"{TERM}.jobs[0].id": "JOB_ID_FORM"}),
    Bad(
        "a dependency of no type",
        afterok("1", type="TYPE_UNSPECIFIED"),
        {f"{TERM}.type": "UNSPECIFIED_VALUE"},
    ),
    refused(
        "a dependency of an unknown type",
        {".dependency": {"expression": "before:1"}},
        "ESLURM_DEPENDENCY",
        ".dependency",
    ),
    Bad("a gres without name", {".gres": [{}]}, {".gres": "GRES_FORM"}),
    Bad("two gres in one", {".gres": [{"name": "gpu,mps"}]}, {".gres": "GRES_FORM"}),
    Bad("no gpu", {".gres": [{"name": "gpu", "count": "0"}]}, {".gres": OUT_OF_RANGE}),
    refused("an unknown gres", {".gres": [{"name": "fpga"}]}, "ESLURM_INVALID_GRES", ".gres"),
    refused("an unknown feature", {".constraint": "green"}, INVALID_FEATURE, ".constraint"),
    refused("half a constraint", {".constraint": "fast&&"}, INVALID_FEATURE, ".constraint"),
    Bad("nodes backwards", {".nodelist": "node[2-1]"}, {".nodelist": "HOSTLIST_FORM"}),
    refused("an unknown node", {".nodelist": "node9"}, INVALID_NODE, ".nodelist"),
    refused("an unknown node to leave out", {".exclude": "node9"}, INVALID_NODE, ".exclude"),
    Bad("exclusive of no kind", {".exclusive": 0}, {".exclusive": "UNSPECIFIED_VALUE"}),
)

CONFLICTS = (
    Bad("nodes twice", {"nodes": 1, ".nodes": {"min": 1}}, {".nodes": "CONFLICT"}),
    Bad(
        "memory of a node and of a processor",
        {".mem_bytes": "1", ".mem_per_cpu_bytes": "1"},
        {".mem_bytes": "CONFLICT"},
    ),
    Bad(
        "shared and exclusive",
        {".oversubscribe": True, ".exclusive": "EXCLUSIVE_USER"},
        {".oversubscribe": "CONFLICT"},
    ),
    Bad("held and of a priority", {".hold": True, ".priority": 1}, {".hold": "CONFLICT"}),
    Bad("2 nodes named for 1", {".nodelist": "node[1-2]"}, {".nodelist": "TOO_MANY_NODES"}),
    refused(
        "a node that must be and must not",
        {".nodelist": "node1", ".exclude": "node1"},
        INVALID_NODE,
        ".nodelist",
    ),
)

PRIORITY = {".priority": "PRIORITY_NOT_ALLOWED"}
NICE = {".nice": "NEGATIVE_NICE_NOT_ALLOWED"}
REBOOT = {".reboot": "REBOOT_NOT_ALLOWED"}
ROOT_ONLY = {"partition": "ROOT_ONLY_PARTITION"}

POLICY = (
    forbidden("an explicit priority", {".priority": 1000}, PRIORITY),
    forbidden("a negative nice value", {".nice": -1}, NICE),
    forbidden("a reboot", {".reboot": True}, REBOOT),
    forbidden("a RootOnly partition", {"partition": "rootonly"}, ROOT_ONLY),
    forbidden("a RootOnly partition among others", {"partition": "power,rootonly"}, ROOT_ONLY),
    forbidden(
        "everything that only root may",
        {"partition": "rootonly", ".priority": 1, ".nice": -1, ".reboot": True},
        PRIORITY | NICE | REBOOT | ROOT_ONLY,
    ),
)

INVALID_PARTITION = "ESLURM_INVALID_PARTITION_NAME"
OF_A_GROUP = "ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP"
PERMISSION = "PERMISSION_DENIED"

PARTITION = (
    refused("an unknown partition", {"partition": "night"}, INVALID_PARTITION, "partition"),
    refused("one unknown", {"partition": "power,night"}, INVALID_PARTITION, "partition"),
    refused("none between commas", {"partition": ","}, INVALID_PARTITION, "partition"),
    Bad("a partition with NUL", {"partition": "power\0"}, {"partition": "NUL_CHARACTER"}),
    refused("others' partition", {"partition": "restricted"}, OF_A_GROUP, "partition", PERMISSION),
    refused(
        "a drained partition",
        {"partition": "drained"},
        "ESLURM_PARTITION_NOT_AVAIL",
        "partition",
        "FAILED_PRECONDITION",
    ),
    refused(
        "a partition that this host may not use",
        {"partition": "elsewhere"},
        "ESLURM_ACCESS_DENIED",
        code=PERMISSION,
    ),
    refused(
        "an account that the partition does not take",
        {"partition": "physics", ".account": "chemistry"},
        "ESLURM_INVALID_ACCOUNT",
        ".account",
    ),
    refused(
        "more nodes than the partition allows",
        {"partition": "single", "nodes": 2},
        "ESLURM_INVALID_NODE_COUNT",
        "nodes",
    ),
    refused(
        "more time than the partition allows",
        {"partition": "short", ".time": {"value": "61s"}},
        "ESLURM_INVALID_TIME_LIMIT",
        ".time",
    ),
    refused(
        "no limit where the partition has one",
        {"partition": "short", ".time": {"unlimited": {}}},
        "ESLURM_INVALID_TIME_LIMIT",
        ".time",
    ),
)

TOO_MANY_CPUS = "ESLURM_TOO_MANY_REQUESTED_CPUS"

SIZE = (
    refused("more nodes than there are", {"nodes": 3}, "ESLURM_INVALID_NODE_COUNT", "nodes"),
    refused("more processors than there are", {"nodes": 0, ".ntasks": 17}, TOO_MANY_CPUS),
    refused("more processors than a node has", {".cpus_per_task": 9}, UNAVAILABLE),
    refused("more tasks than a node has processors", {".ntasks_per_node": 9}, UNAVAILABLE),
    refused("more memory than a node has", {".mem_bytes": str(16 * GIB)}, UNAVAILABLE),
    refused("more memory than can be", {".mem_bytes": str((1 << 64) - 1)}, UNAVAILABLE),
    failed("more gpus than a node has", {".gres": [{"name": "gpu", "count": "3"}]}),
    failed("gpus that no node has", {".gres": [{"name": "gpu", "type": "volta"}]}),
    failed("a feature that the node lacks", {".nodelist": "node1", ".constraint": "slow"}),
    failed("a feature that too few nodes have", {"nodes": 2, ".constraint": "fast"}),
    failed("no node left", {".exclude": "node[1-2]"}),
)

NOT_YET = (Bad("a later Slurm's option", {".extra": "a"}, {".extra": "SLURM_TOO_OLD"}),)
"""What the installed Slurm does not have."""

SEVERAL = (
    Bad(
        "components",
        {"components": [{"nodes": 1}, {"options": {"ntasks": 0}}, {"partition": "p" * 1025}]},
        {"components[1].options.ntasks": "OUT_OF_RANGE", "components[2].partition": "TOO_LONG"},
    ),
    Bad(
        "nothing at all",
        {**user(), "script": None, "work_dir": None},
        {"user_id": "USER_REQUIRED", "script": "SCRIPT_EMPTY", "work_dir": "REQUIRED"},
    ),
    Bad(
        "everything wrong at once",
        {
            "user": "alice", "group": "wheel", "partition": "\0", "name": "n" * 1025,
            "work_dir": "here", "script": "\0", "environment": ["A", "B"], "nodes": NO_VAL,
            "request_id": "?", "argv": ["\0"], "create_work_dir": {"mode": 0o10000},
            ".umask": 0o1000, ".time": {"value": "-1s"}, ".nodelist": "[", ".nice": -(1 << 31),
            ".hold": True, ".priority": 1, ".gres": [{}], ".array": "",
        },
        {
            "user": "USER_MISMATCH", "group": "GROUP_UNKNOWN", "partition": "NUL_CHARACTER",
            "name": "TOO_LONG", "work_dir": "PATH_NOT_ABSOLUTE", "script": "NUL_CHARACTER",
            "environment[0]": "ENVIRONMENT_FORM", "environment[1]": "ENVIRONMENT_FORM",
            "nodes": OUT_OF_RANGE, "request_id": "REQUEST_ID_FORM", "argv[0]": "NUL_CHARACTER",
            "create_work_dir.mode": OUT_OF_RANGE, ".umask": OUT_OF_RANGE,
            ".time.value": "DURATION_FORM", ".nodelist": "HOSTLIST_FORM", ".nice": OUT_OF_RANGE,
            ".hold": "CONFLICT", ".gres": "GRES_FORM", ".array": "EMPTY",
        },
    ),
)  # fmt: skip

ROWS = (
    *IDENTITY, *SCRIPT, *TEXTS, *MADE_WORK_DIR, *NUMBERS, *FORMS, *CONFLICTS, *POLICY, *PARTITION,
    *SIZE, *NOT_YET, *SEVERAL,
)  # fmt: skip
