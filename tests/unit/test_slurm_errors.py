import errno
import os
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from hpcagent.jobs.errors import (
    DOMAIN,
    AgentError,
    BackendUnavailable,
    Forbidden,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unsupported,
)
from hpcagent.slurm import errors
from hpcagent.slurm.errno_table import ROWS, Outcome, Row, Version
from hpcagent.slurm.errors import CANCEL, ESTIMATE, LOAD, SUBMIT, lookup, outcome, refusal
from hpcagent.v1.job_options_pb2 import JobOptions
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest

V22_05: Version = (22, 5, 8)
V24_11: Version = (24, 11, 5)
V26_05: Version = (26, 5, 3)
VERSIONS = [(20, 11, 9), V22_05, (23, 2, 7), V24_11, (25, 5, 1), V26_05]

INSTALLED = Path(os.environ.get("SLURM_INCLUDE_DIR", "/usr/include")) / "slurm"
# Directories that hold a slurm_errno.h each, of other versions.
FURTHER = [Path(given) for given in os.environ.get("HPCAGENT_TEST_SLURM_HEADERS", "").split(":")]
HEADERS = [path for path in [INSTALLED, *FURTHER] if (path / "slurm_errno.h").exists()]


def codes_of(header: str) -> dict[int, str]:
    """Number and name of every member of the header's enum."""
    plain = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    members = re.search(r"\benum\s*\{(.*?)\}", plain, flags=re.DOTALL)
    assert members
    found: dict[int, str] = {}
    number = -1
    for member in filter(None, map(str.strip, members[1].split(","))):
        name, _, value = (part.strip() for part in member.partition("="))
        number = int(value) if value else number + 1
        found[number] = name
    return found


def version_of(directory: Path) -> Version:
    """The version of the headers in a directory: stated in it, or in META of a source tree."""
    installed = directory / "slurm_version.h"
    if installed.exists():
        found = re.search(r"SLURM_VERSION_NUMBER\s+0x(\w\w)(\w\w)(\w\w)", installed.read_text())
        assert found
        return tuple(int(part, 16) for part in found.groups())
    found = re.search(r"Version:\s*(\d+)\.(\d+)\.(\d+)", (directory.parent / "META").read_text())
    assert found
    return tuple(int(part) for part in found.groups())


@pytest.mark.skipif(not HEADERS, reason="needs slurm_errno.h (Debian: libslurm-dev)")
def test_every_code_of_the_header_has_a_row_of_that_name() -> None:
    for directory in HEADERS:
        codes = codes_of((directory / "slurm_errno.h").read_text())
        version = version_of(directory)
        assert len(codes) > 200, f"{directory}: the header was not understood"
        assert {n: lookup(n, version=version).name for n in codes} == codes, directory


def test_the_headers_enum_is_understood() -> None:
    header = "typedef enum {\n/* a, b */ A = 1000,\n B,\n C = 2000, /* D = 3, */\n E\n} err_t;"
    assert codes_of(header) == {1000: "A", 1001: "B", 2000: "C", 2001: "E"}


def test_rows_are_sorted_by_number() -> None:
    numbers = [row.number for row in ROWS]
    assert numbers == sorted(numbers)


def test_no_row_stands_there_twice() -> None:
    meanings = Counter((row.number, row.before) for row in ROWS)
    assert not [meaning for meaning, count in meanings.items() if count > 1]


def test_rows_of_one_number_follow_each_other_from_the_oldest() -> None:
    for row, following in pairwise(ROWS):
        if row.number == following.number:
            assert row.before < following.before, row
        else:
            assert row.before == (9999,), row


def test_a_name_has_one_number() -> None:
    numbers: dict[str, set[int]] = {}
    for row in ROWS:
        numbers.setdefault(row.name, set()).add(row.number)
    assert not {name: found for name, found in numbers.items() if len(found) > 1}


def test_every_name_may_be_an_error_info_reason() -> None:
    reason = re.compile(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]")  # google/rpc/error_details.proto
    assert not [row.name for row in ROWS if not reason.fullmatch(row.name)]


def test_a_system_errno_has_its_own_number() -> None:
    system = [row for row in ROWS if 0 < row.number < 1000]
    assert system
    assert all(errno.errorcode[row.number] == row.name for row in system)


@pytest.mark.parametrize("version", VERSIONS)
def test_unavailable_is_said_only_when_nothing_was_sent(version: Version) -> None:
    for row in ROWS:
        error = refusal(row.number, "text", "", version=version, call=SUBMIT)
        if error.kind is Kind.UNAVAILABLE:
            assert outcome(row.number, "", version=version) is Outcome.NOT_SENT, row


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome is Outcome.UNKNOWN])
def test_a_retry_is_never_advised_while_the_outcome_is_unknown(row: Row) -> None:
    assert row.retry is None


# What was seen or read in Slurm's sources: errno, what libslurm logged, version, outcome.
OUTCOMES = [
    (1800, "", V22_05, Outcome.NOT_SENT),  # connection refused, or packets dropped
    (1800, "", V26_05, Outcome.NOT_SENT),
    (errno.ECONNREFUSED, "", V22_05, Outcome.NOT_SENT),
    (2027, "", V22_05, Outcome.NOT_SENT),  # a standby controller answered
    (2131, "", V22_05, Outcome.NOT_SENT),
    (1007, "", V22_05, Outcome.NOT_SENT),  # no munged: the request could not be signed
    (1007, "", V24_11, Outcome.UNKNOWN),  # or the reply could not be verified
    (5004, "", V22_05, Outcome.UNKNOWN),  # no answer within MessageTimeout
    (5005, "", V22_05, Outcome.UNKNOWN),  # closed without an answer
    (errno.ECONNRESET, "", V22_05, Outcome.UNKNOWN),
    (errno.ENOTCONN, "", V22_05, Outcome.UNKNOWN),
    (1013, "", V22_05, Outcome.UNKNOWN),
    (1000, "", V22_05, Outcome.UNKNOWN),  # an answer, but to another question
    (1001, "", V22_05, Outcome.UNKNOWN),
    (1002, "", V22_05, Outcome.UNKNOWN),
    (1003, "", V22_05, Outcome.UNKNOWN),
    (1008, "", V22_05, Outcome.UNKNOWN),
    (1801, "", V22_05, Outcome.UNKNOWN),
    (1802, "", V22_05, Outcome.UNKNOWN),
    (0, "", V22_05, Outcome.UNKNOWN),  # failed, and errno says nothing
    (2000, "", V22_05, Outcome.REFUSED),
    (errno.EAGAIN, "", V22_05, Outcome.REFUSED),  # MaxJobCount
    (1804, "", V24_11, Outcome.REFUSED),  # rate limit
    (-1, "", V22_05, Outcome.REFUSED),  # job_submit.lua: return slurm.ERROR
    (-1, "not on a Friday", V22_05, Outcome.REFUSED),
    (-1, "slurm_unpack_received_msg: [host] Message receive failure", V22_05, Outcome.UNKNOWN),
    (-1, "slurm_unpack_received_msg: a plugin's own words", V24_11, Outcome.REFUSED),
    (-7, "", V22_05, Outcome.REFUSED),  # job_submit.lua: return -7
    (4711, "", V22_05, Outcome.REFUSED),
    (5999, "", V22_05, Outcome.UNKNOWN),
    (1999, "", V22_05, Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("code", "said", "version", "expected"), OUTCOMES)
def test_the_outcome_of_a_submission_is_told_truly(
    code: int, said: str, version: Version, expected: Outcome
) -> None:
    assert outcome(code, said, version=version) is expected
    error = refusal(code, "text", said, version=version, call=SUBMIT)
    assert isinstance(error, OutcomeUnknown) == (expected is Outcome.UNKNOWN)


KINDS = [
    (2000, Kind.INVALID_ARGUMENT, Refused),
    (2045, Kind.INVALID_ARGUMENT, Refused),
    (2066, Kind.INVALID_ARGUMENT, Refused),
    (2029, Kind.INVALID_ARGUMENT, Refused),
    (2002, Kind.PERMISSION_DENIED, Forbidden),
    (2003, Kind.PERMISSION_DENIED, Forbidden),
    (2050, Kind.RESOURCE_EXHAUSTED, Refused),
    (2007, Kind.RESOURCE_EXHAUSTED, Refused),
    (errno.EAGAIN, Kind.RESOURCE_EXHAUSTED, Refused),
    (2021, Kind.FAILED_PRECONDITION, Refused),
    (2024, Kind.FAILED_PRECONDITION, Refused),
    (2042, Kind.FAILED_PRECONDITION, Refused),
    (2101, Kind.FAILED_PRECONDITION, Refused),
    (-1, Kind.FAILED_PRECONDITION, Refused),
    (2017, Kind.NOT_FOUND, NotFound),
    (2011, Kind.ALREADY_EXISTS, Refused),
    (2036, Kind.UNIMPLEMENTED, Unsupported),
    (1800, Kind.UNAVAILABLE, BackendUnavailable),
    (2090, Kind.INTERNAL, Refused),
    (4711, Kind.UNKNOWN, Refused),
]


@pytest.mark.parametrize(("code", "kind", "error_class"), KINDS)
def test_a_refusal_has_the_kind_that_its_caller_can_act_on(
    code: int, kind: Kind, error_class: type[AgentError]
) -> None:
    error = refusal(code, "text", "", version=V22_05, call=SUBMIT)
    assert (error.kind, type(error)) == (kind, error_class)


def test_a_refusal_carries_slurms_name_number_and_words() -> None:
    text = "Invalid partition name specified"
    said = "invalid partition specified: nosuch"
    error = refusal(2000, text, said, version=V22_05, call=SUBMIT)
    assert error.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert error.domain == errors.DOMAIN == "slurm.hpcagent"
    assert error.metadata == {"errno": "2000", "text": text, "said": said}
    assert error.message == said
    assert error.retry_after is None


def test_without_words_of_slurmctld_slurms_text_is_the_message() -> None:
    error = refusal(2042, "Job is in held state", "", version=V22_05, call=SUBMIT)
    assert error.message == "Job is in held state"
    assert error.metadata == {"errno": "2042", "text": "Job is in held state"}


@pytest.mark.parametrize(
    ("code", "field"),
    [
        (2000, "partition"),
        (2006, "nodes"),
        (2009, "script"),
        (2018, 'options["slurm"].nodelist'),
        (2029, 'options["slurm"].constraint'),
        (2038, 'options["slurm"].dependency'),
        (2045, 'options["slurm"].account'),
        (2051, 'options["slurm"].time'),
        (2066, 'options["slurm"].qos'),
        (2072, 'options["slurm"].gres'),
        (2127, "environment"),
    ],
)
def test_a_refusal_points_at_the_field_to_blame(code: int, field: str) -> None:
    for call in (SUBMIT, ESTIMATE):
        (violation,) = refusal(code, "text", "said", version=V22_05, call=call).violations
        assert violation.field == field
        assert violation.description == "said"
        assert violation.reason == lookup(code, version=V22_05).name


def test_every_field_to_blame_is_in_the_contract() -> None:
    fields = SubmitJobRequest.DESCRIPTOR.fields_by_name
    options = JobOptions.DESCRIPTOR.fields_by_name
    assert not [row for row in ROWS if row.field and row.field not in fields]
    named = {name for row in ROWS for name in (row.option, row.or_option) if name}
    assert named <= set(options)
    assert not [row for row in ROWS if row.field and row.option]


def test_a_call_that_describes_no_job_has_no_field_to_blame() -> None:
    assert not refusal(2010, "Invalid user id", "", version=V22_05, call=CANCEL).violations


def test_an_unknown_outcome_names_its_verb_and_keeps_slurms_facts() -> None:
    error = refusal(5004, "Socket timed out", "", version=V22_05, call=CANCEL)
    assert (error.kind, error.reason) == (Kind.UNKNOWN, "CANCEL_OUTCOME_UNKNOWN")
    assert error.domain == DOMAIN
    assert error.metadata == {
        "name": "SLURM_PROTOCOL_SOCKET_IMPL_TIMEOUT",
        "errno": "5004",
        "text": "Socket timed out",
    }


@pytest.mark.parametrize("code", [5004, 5005, errno.ECONNRESET, 1802, 1007])
def test_a_call_that_only_asks_has_no_unknown_outcome(code: int) -> None:
    for version in VERSIONS:
        error = refusal(code, "text", "", version=version, call=LOAD)
        assert isinstance(error, BackendUnavailable)
        assert error.reason == lookup(code, version=version).name


def test_a_number_that_no_row_has_is_told() -> None:
    error = refusal(4711, "Unknown error 4711", "", version=V22_05, call=SUBMIT)
    assert error.reason == "UNLISTED_SLURM_ERRNO"
    assert error.metadata["errno"] == "4711"


@pytest.mark.parametrize("code", [1800, errno.EAGAIN, 2007, 2016, 2020, 2103, 1804])
def test_where_time_may_help_a_retry_is_advised(code: int) -> None:
    error = refusal(code, "text", "", version=V24_11, call=SUBMIT)
    assert error.retry_after is not None
    assert 1 <= error.retry_after <= 60


@pytest.mark.parametrize(
    ("code", "version", "name"),
    [
        (2007, V24_11, "ESLURM_ERROR_ON_DESC_TO_RECORD_COPY"),
        (2007, (26, 5, 1), "ESLURM_ERROR_ON_DESC_TO_RECORD_COPY"),
        (2007, V26_05, "ESLURM_MAX_JOB_COUNT"),
        (2040, V22_05, "ESLURM_TASKDIST_ARBITRARY_UNSUPPORTED"),
        (2040, V24_11, "ESLURM_LICENSES_UNAVAILABLE"),
        (2063, V22_05, "ESLURM_INVALID_BLOCK_STATE"),
        (2063, V24_11, "ESLURM_MISSING_WORK_DIR"),
        (4027, V24_11, "ESLURMD_JOB_NOTRUNNING"),
        (4027, V26_05, "ESLURMD_STEP_NOTRUNNING"),
    ],
)
def test_a_number_means_what_it_means_in_that_version(
    code: int, version: Version, name: str
) -> None:
    assert lookup(code, version=version).name == name


def test_the_codes_that_come_beside_a_job_id_are_known() -> None:
    # slurmctld's job_allocate() (job_mgr.c), and nonfatal_errors[] of slurmrestd.
    warned = {2015, 2016, 2042, 2050, 2055, 2056, 2059, 2068, 2074, 2100, 2101}
    topology = set(range(7201, 7209))
    assert {row.number for row in ROWS if row.warns} == warned | {2040} | topology
    assert not lookup(2040, version=V22_05).warns
    assert lookup(2040, version=V24_11).warns


def test_a_warning_carries_slurms_number_name_and_text() -> None:
    held = errors.warning(2042, "Job is in held state", version=V22_05)
    assert (held.code, held.name, held.text) == (2042, "ESLURM_JOB_HELD", "Job is in held state")
