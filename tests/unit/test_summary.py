"""The summary of what could not run decides whether CI may be believed, so it is tested too."""

from pathlib import Path

import fix_summary
import pytest

pytest_plugins = ["pytester"]

SKIPPING = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no such thing here")
def test_left_out():
    pass

@pytest.mark.xfail(strict=True, reason="known")
def test_expected_to_fail():
    assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("HPCAGENT_REQUIRE_ALL", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(fix_summary.__file__).parent))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(SKIPPING)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "fix_summary", "-p", "xdist", *arguments)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_skipped_test_is_named_under_its_reason(
    suite: pytest.Pytester, workers: list[str]
) -> None:
    result = run(suite, *workers)
    result.stdout.fnmatch_lines(
        ["*could not run here*", "no such thing here (1)", "    *::test_left_out"]
    )
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("variable", "workers"), [("CI", ["-n", "2"]), ("CI", []), ("HPCAGENT_REQUIRE_ALL", [])]
)
def test_where_all_must_run_a_skipped_test_fails_the_run(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str, workers: list[str]
) -> None:
    monkeypatch.setenv(variable, "true")
    result = run(suite, *workers)
    result.stdout.fnmatch_lines(["FAILED: this run must include every test, but: no such thing*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_module_skipped_as_a_whole_counts_too(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(test_module="import pytest; pytest.importorskip('no_such_module_anywhere')")
    result = run(suite, "-n", "2")
    result.stdout.fnmatch_lines(["could not import 'no_such_module_anywhere'* (1)"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_skip_on_the_list_is_named_but_fails_nothing(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(
        "import pytest\n"
        "def test_new(): pytest.skip('needs Slurm 24.11 or newer')\n"
        "def test_old(): pass\n"
    )
    result = run(suite)
    result.stdout.fnmatch_lines(["needs Slurm 24.11 or newer (1)"])
    assert result.ret == pytest.ExitCode.OK


def test_the_header_names_the_versions_that_matter(suite: pytest.Pytester) -> None:
    result = run(suite)
    result.stdout.fnmatch_lines(["grpcio *, protobuf *, kernel Linux *", "Slurm *, libslurm *"])
