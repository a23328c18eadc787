"""How much a test does that can do more: as much as CI has time for, or as the issue demands."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true", help="as many jobs, bytes and watchers as ever promised"
    )


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether to take the time (`make soak`)."""
    return bool(request.config.getoption("--soak"))
