"""Points in time, as parse_time reads them. It is 25 November 2026, 14:30:20, in Berlin."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar.moments import parse, write

NOW = 1795613420.0


@pytest.fixture(autouse=True, scope="module")
def berlin() -> Iterator[None]:
    """The local time of Berlin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        assert time.strftime("%F %T", time.localtime(NOW)) == "2026-11-25 14:30:20"
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-25 14:30:20"),
        ("now+1", "2026-11-25 14:30:21"),
        ("now + 10 minutes", "2026-11-25 14:40:20"),
        ("NOW+2HOURS", "2026-11-25 16:30:20"),
        ("now+1hour", "2026-11-25 15:30:20"),
        ("now+3days", "2026-11-28 14:30:20"),
        ("now+1week", "2026-12-02 14:30:20"),
        ("now-1day", "2026-11-24 14:30:20"),
        ("today", "2026-11-25 00:00:00"),
        ("tomorrow", "2026-11-26 00:00:00"),
        ("midnight", "2026-11-26 00:00:00"),
        ("noon", "2026-11-26 12:00:00"),
        ("fika", "2026-11-25 15:00:00"),
        ("teatime", "2026-11-25 16:00:00"),
        ("teatime tomorrow", "2026-11-26 16:00:00"),
        ("today-23:59:59", "2026-11-25 23:59:59"),
        ("16:00", "2026-11-25 16:00:00"),
        ("14:30", "2026-11-26 14:30:00"),
        ("14:31", "2026-11-25 14:31:00"),
        ("9:05", "2026-11-26 09:05:00"),
        ("9:05pm", "2026-11-25 21:05:00"),
        ("12:00 AM", "2026-11-26 00:00:00"),
        ("12:00PM", "2026-11-26 12:00:00"),
        ("122426", "2026-12-24 00:00:00"),
        ("1224", "2026-12-24 00:00:00"),
        ("12/24", "2026-12-24 00:00:00"),
        ("12/24/27", "2027-12-24 00:00:00"),
        ("12.24.27", "2027-12-24 00:00:00"),
        ("12/24/00", "2026-12-24 00:00:00"),
        ("1/2", "2027-01-02 00:00:00"),
        ("11/25", "2027-11-25 00:00:00"),
        ("11/25 15:00", "2026-11-25 15:00:00"),
        ("12/24/26-08:30", "2026-12-24 08:30:00"),
        ("2026-12-24", "2026-12-24 00:00:00"),
        ("2026-12-24T08:30", "2026-12-24 08:30:00"),
        ("2026-12-24T08:30:15", "2026-12-24 08:30:15"),
        ("2026-12-4", "2026-12-04 00:00:00"),
        ("2027-02-31", "2027-03-03 00:00:00"),
        ("2020-01-01", "2020-01-01 00:00:00"),
        ("08:30 2026-12-24", "2026-12-24 08:30:00"),
        ("uts1795613421", "2026-11-25 14:30:21"),
    ],
)
def test_a_time_is_read_in_every_form(text: str, moment: str) -> None:
    read = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(parse(text, NOW)))
    assert read == moment


@pytest.mark.parametrize(
    "text",
    ["", " ", "T", "yesterday", "now+", "now+x", "now+1fortnight", "now+1hourx", "now*2", " now+1",
     "Today", "Tomorrow", "Teatime", "24:00", "12:60", "12:00:60", "1:5", "1:05:5", "12:00:00:00",
     "13:00pm", "13:00am", "1", "1301", "1232", "13/01", "2026-13-01", "2026-12-32", "2026-1-01",
     "12/24/1", "2026/12/24", "uts999999", "uts", "utsx", "uts1795613421x", "12:00x", "é"],
)  # fmt: skip
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(FaultError) as refused:
        parse(text, NOW)
    assert refused.value.reason == "MOMENT_FORM"


def test_a_day_of_the_change_to_summer_time_is_local() -> None:
    assert parse("2027-03-28T12:00", NOW) - parse("2027-03-27T12:00", NOW) == 23 * 3600


@given(st.integers(1_000_000, 4_000_000_000))
def test_a_written_time_is_read_as_itself(seconds: int) -> None:
    read = parse(write(float(seconds)), NOW)
    assert read == seconds or abs(read - seconds) == 3600  # an hour that comes twice
