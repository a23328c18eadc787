"""The directory of state: one daemon's alone, or a clear word why not."""

from pathlib import Path

import pytest

from hpcagent import config, state


@pytest.fixture(autouse=True)
def no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "var" / "hpcagent"
    with state.claimed(config.State(directory=str(place))) as directory:
        assert directory == place
        assert place.stat().st_mode & 0o777 == 0o700


def test_systemds_directory_is_taken_when_none_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/elsewhere")
    with state.claimed(config.State()) as directory:
        assert directory == tmp_path


def test_without_a_directory_state_lives_in_memory() -> None:
    with (
        state.claimed(config.State()) as directory,
        state.changes(directory, state.SLURM_CHANGES) as changes,
        state.journal(directory) as journal,
    ):
        assert directory is None
        assert not changes.jobs()
        assert journal is not None


def test_a_second_daemon_is_kept_out_until_the_first_has_ended(tmp_path: Path) -> None:
    settings = config.State(directory=str(tmp_path))
    with (
        state.claimed(settings),
        pytest.raises(state.StateError, match=f"{tmp_path}: another daemon keeps its state there"),
        state.claimed(settings),
    ):
        pass
    with state.claimed(settings) as directory:
        assert directory == tmp_path


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("")
    with (
        pytest.raises(state.StateError, match=str(place)),
        state.claimed(config.State(directory=str(place))),
    ):
        pass


def test_a_journal_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / state.JOURNAL).mkdir()
    with pytest.raises(state.StateError, match=state.JOURNAL), state.journal(tmp_path):
        pass


def test_a_log_of_changes_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for name in (state.SLURM_CHANGES, state.KUBERNETES_CHANGES):
        (tmp_path / name).mkdir()
        with pytest.raises(state.StateError, match=name), state.changes(tmp_path, name):
            pass
