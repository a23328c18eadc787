"""JobOptions become the domain's options: by their descriptor, so none can be forgotten."""

import math
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    DependencyTerm,
    Distribution,
    Gres,
    JobSignal,
    MemoryUpdate,
    NodeCount,
    Switches,
)
from hpcagent.server.decode.options import MESSAGES, options
from hpcagent.slurm.options import BY_NAME
from hpcagent.v1 import job_options_pb2, job_pb2
from hpcagent.v1.job_options_pb2 import (
    EXCLUSIVE_USER,
    DependencyTerms,
    JobOptions,
)
from hpcagent.v1.job_options_pb2 import (
    CpuFrequency as CpuFreqMessage,
)
from hpcagent.v1.job_options_pb2 import (
    DependencyTerm as TermMessage,
)
from hpcagent.v1.job_options_pb2 import (
    Distribution as DistributionMessage,
)
from hpcagent.v1.job_options_pb2 import (
    JobSignal as SignalMessage,
)
from hpcagent.v1.job_options_pb2 import (
    Switches as SwitchesMessage,
)

FIELDS = list(JobOptions.DESCRIPTOR.fields)
MESSAGE_TYPES = {
    field.name: field.message_type.full_name for field in FIELDS if field.message_type is not None
}
UNSPECIFIED: Any = 0
UNKNOWN: Any = 99
PATH = 'options["slurm"]'


def decode(message: JobOptions, cluster: str = "c1") -> tuple[dict[str, object], list[Violation]]:
    faults: list[Violation] = []
    return options(message, PATH, cluster, faults), faults


def reasons(message: JobOptions, cluster: str = "c1") -> dict[str, str]:
    """The violations of a message: path to reason."""
    read, faults = decode(message, cluster)
    assert not read
    return {fault.field.removeprefix(f"{PATH}."): fault.reason for fault in faults}


# ------------------------------------------------------------------ whatever is set is handed on

WHOLE = {
    "google.protobuf.Timestamp": Timestamp(seconds=1_700_000_000),
    "google.protobuf.Duration": Duration(seconds=90),
    "hpcagent.v1.TimeLimit": job_pb2.TimeLimit(unlimited=job_pb2.Unlimited()),
    "hpcagent.v1.Dependency": job_options_pb2.Dependency(expression="afterok:1"),
}


def put(message: Message, field: FieldDescriptor) -> None:
    """Set a field to something that is not its type's zero."""
    value: Any = getattr(message, field.name)
    if field.message_type is not None:
        part = value.add() if field.is_repeated else value
        part.SetInParent()
        part.MergeFrom(WHOLE.get(field.message_type.full_name, type(part)()))
    elif field.is_repeated:
        value.append(plain(field))
    else:
        setattr(message, field.name, plain(field))


def plain(field: FieldDescriptor) -> object:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return {FieldDescriptor.CPPTYPE_STRING: "x", FieldDescriptor.CPPTYPE_BOOL: True}.get(
        field.cpp_type, 7
    )


@given(st.sets(st.sampled_from(FIELDS)))
def test_every_field_that_is_set_becomes_an_entry_of_its_name(fields: set[FieldDescriptor]) -> None:
    message = JobOptions()
    for field in fields:
        put(message, field)
    read, faults = decode(message)
    assert not faults
    assert set(read) == {field.name for field in fields}


def test_an_option_that_slurm_can_be_given_has_a_form_in_the_domain() -> None:
    known = {*MESSAGES, "hpcagent.v1.Dependency"}
    unknown = {name for name, message_type in MESSAGE_TYPES.items() if message_type not in known}
    assert not unknown & set(BY_NAME)


def test_a_zero_that_is_given_is_not_lost() -> None:
    read, _ = decode(JobOptions(nice=0, requeue=False, comment="", mem_bytes=0))
    assert read == {"nice": 0, "requeue": False, "comment": "", "mem_bytes": 0}


# ------------------------------------------------------------------ forms


def test_numbers_of_nodes_are_read() -> None:
    read, faults = decode(JobOptions(nodes=job_options_pb2.NodeCount(sizes="1,4-8")))
    assert not faults
    assert read == {"nodes": NodeCount(sizes="1,4-8")}


def test_options_have_the_forms_that_the_domain_promises() -> None:
    message = JobOptions(
        time=job_pb2.TimeLimit(value=Duration(seconds=61, nanos=500_000_000)),
        time_min=job_pb2.TimeLimit(unlimited=job_pb2.Unlimited()),
        begin=Timestamp(seconds=1_700_000_000, nanos=250_000_000),
        exclusive=EXCLUSIVE_USER,
        nodes=job_options_pb2.NodeCount(min=2, max=4),
        gres=[job_pb2.Gres(name="gpu", type="a100", count=0), job_pb2.Gres(name="nic")],
        mail_type=[job_options_pb2.MAIL_TYPE_TIME_LIMIT_90, job_options_pb2.MAIL_TYPE_END],
        clusters=["a", "b"],
    )
    read, faults = decode(message)
    assert not faults
    assert read == {
        "time": 61.5,
        "time_min": math.inf,
        "begin": 1_700_000_000.25,
        "exclusive": "USER",
        "nodes": NodeCount(2, 4),
        "gres": (Gres("gpu", "a100", 0), Gres("nic")),
        "mail_type": ("TIME_LIMIT_90", "END"),
        "clusters": ("a", "b"),
    }


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (CpuFreqMessage(), CpuFrequency()),
        (CpuFreqMessage(max_khz=2_400_000), CpuFrequency(max=2_400_000)),
        (
            CpuFreqMessage(
                min_level=CpuFreqMessage.LEVEL_LOW,
                max_level=CpuFreqMessage.LEVEL_HIGHM1,
                governor=CpuFreqMessage.GOVERNOR_ONDEMAND,
            ),
            CpuFrequency("LOW", "HIGHM1", "ONDEMAND"),
        ),
        (DistributionMessage(), Distribution()),
        (
            DistributionMessage(
                nodes=DistributionMessage.METHOD_PLANE,
                sockets=DistributionMessage.METHOD_FCYCLIC,
                plane_size=4,
                pack=False,
            ),
            Distribution("PLANE", "FCYCLIC", "", 4, pack=False),
        ),
        (SignalMessage(signal="USR1"), JobSignal("USR1")),
        (
            SignalMessage(
                signal="10",
                before=Duration(seconds=30),
                target=SignalMessage.TARGET_BATCH,
                reservation=True,
            ),
            JobSignal("10", 30, batch=True, reservation=True),
        ),
        (SwitchesMessage(count=2), Switches(2)),
        (
            job_options_pb2.MemoryUpdate(margin_percent=20, delay=Duration(seconds=90)),
            MemoryUpdate(20, 90),
        ),
        (SwitchesMessage(count=1, max_wait=Duration()), Switches(1, 0)),
    ],
    ids=str,
)
def test_a_message_has_its_form_in_the_domain(message: Message, read: object) -> None:
    names = [name for name, kind in MESSAGE_TYPES.items() if kind == message.DESCRIPTOR.full_name]
    given = JobOptions()
    for name in names:
        getattr(given, name).CopyFrom(message)
    assert names
    assert decode(given) == (dict.fromkeys(names, read), [])


def depends_on(*jobs: job_pb2.JobId, **term: Any) -> JobOptions:  # noqa: ANN401 - any field
    fields = {"type": TermMessage.TYPE_AFTEROK, "jobs": jobs, **term}
    terms = DependencyTerms(terms=[TermMessage(**fields)])
    return JobOptions(dependency=job_options_pb2.Dependency(terms=terms))


def test_a_dependency_names_jobs_as_slurm_does() -> None:
    jobs = (
        job_pb2.JobId(id="12"),
        job_pb2.JobId(job_id=13, array_task_id=4),
        job_pb2.JobId(cluster="c1", id="14", job_id=14),
    )
    minute = Duration(seconds=60)
    read, faults = decode(depends_on(*jobs, type=TermMessage.TYPE_AFTER, delay=minute))
    assert not faults
    term = DependencyTerm("AFTER", ("12", "13_4", "14"), 60)
    assert read == {"dependency": Dependency(terms=(term,))}


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (JobOptions(exclusive=UNSPECIFIED), {"exclusive": "UNSPECIFIED_VALUE"}),
        (JobOptions(exclusive=UNKNOWN), {"exclusive": "UNKNOWN_VALUE"}),
        (
            JobOptions(mail_type=[job_options_pb2.MAIL_TYPE_END, UNSPECIFIED]),
            {"mail_type[1]": "UNSPECIFIED_VALUE"},
        ),
        (JobOptions(time=job_pb2.TimeLimit()), {"time": "REQUIRED"}),
        (
            JobOptions(time=job_pb2.TimeLimit(value=Duration(seconds=-1))),
            {"time.value": "DURATION_FORM"},
        ),
        (JobOptions(delay_boot=Duration(nanos=-1)), {"delay_boot": "DURATION_FORM"}),
        (JobOptions(delay_boot=Duration(seconds=1 << 50)), {"delay_boot": "DURATION_FORM"}),
        (JobOptions(begin=Timestamp(seconds=1 << 50)), {"begin": "TIMESTAMP_FORM"}),
        (JobOptions(begin=Timestamp(nanos=1_000_000_000)), {"begin": "TIMESTAMP_FORM"}),
        (
            JobOptions(
                cpu_freq=CpuFreqMessage(min_level=UNSPECIFIED, max_level=UNKNOWN, governor=UNKNOWN)
            ),
            {
                "cpu_freq.min_level": "UNSPECIFIED_VALUE",
                "cpu_freq.max_level": "UNKNOWN_VALUE",
                "cpu_freq.governor": "UNKNOWN_VALUE",
            },
        ),
        (
            JobOptions(distribution=DistributionMessage(cores=UNKNOWN)),
            {"distribution.cores": "UNKNOWN_VALUE"},
        ),
        (
            JobOptions(signal=SignalMessage(before=Duration(seconds=-1), target=UNKNOWN)),
            {"signal.before": "DURATION_FORM", "signal.target": "UNKNOWN_VALUE"},
        ),
        (
            JobOptions(switches=SwitchesMessage(max_wait=Duration(seconds=-1))),
            {"switches.max_wait": "DURATION_FORM"},
        ),
        (JobOptions(dependency=job_options_pb2.Dependency()), {"dependency": "REQUIRED"}),
        (
            JobOptions(dependency=job_options_pb2.Dependency(terms=DependencyTerms())),
            {"dependency": "REQUIRED"},
        ),
        (
            depends_on(job_pb2.JobId(id="1"), type=UNSPECIFIED),
            {"dependency.terms.terms[0].type": "UNSPECIFIED_VALUE"},
        ),
        (
            depends_on(job_pb2.JobId(id="x")),
            {"dependency.terms.terms[0].jobs[0].id": "JOB_ID_FORM"},
        ),
        (
            depends_on(job_pb2.JobId(cluster="c2", id="1")),
            {"dependency.terms.terms[0].jobs[0].cluster": "OTHER_CLUSTER"},
        ),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_at_its_path(
    message: JobOptions, expected: dict[str, str]
) -> None:
    assert reasons(message) == expected


def test_a_component_is_not_mistaken_for_a_delay() -> None:
    """Slurm reads ``afterok:12+1`` as job 12, a minute later."""
    assert reasons(depends_on(job_pb2.JobId(id="12+1"))) == {
        "dependency.terms.terms[0].jobs[0]": "JOB_ID_FORM"
    }


def test_all_that_is_wrong_is_told_at_once() -> None:
    message = depends_on(job_pb2.JobId(id="x"), job_pb2.JobId(), type=UNSPECIFIED)
    message.exclusive = job_options_pb2.EXCLUSIVE_UNSPECIFIED
    message.time.SetInParent()
    assert set(reasons(message)) == {
        "time",
        "exclusive",
        "dependency.terms.terms[0].type",
        "dependency.terms.terms[0].jobs[0].id",
        "dependency.terms.terms[0].jobs[1]",
    }
