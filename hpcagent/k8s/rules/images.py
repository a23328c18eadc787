"""Names of images, as container runtimes read them.

Source: the grammar of github.com/distribution/reference, and its normal form for names without a
registry.
"""

import re

DEFAULT_REGISTRY = "docker.io"
OLD_REGISTRY = "index.docker.io"
"""Docker's former name for the same."""
OFFICIAL = "library"
"""Where the default registry has repositories of one name."""
MAX_NAME = 255
"""Longest name without tag and digest."""

_HOST = (
    r"(?:[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)*"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<name>(?:{_HOST}(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*)"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128})?"
)


def trouble(image: str) -> str:
    """Return what is wrong with the name of an image; empty: nothing."""
    form = _IMAGE.fullmatch(image) if len(image) <= 2 * MAX_NAME else None
    if form is None or len(form["name"]) > MAX_NAME:
        return "must be the name of an image, as registry.example/team/image:tag"
    return ""


def repository(image: str) -> str:
    """Return ``registry/repository`` of a well-formed name: ``docker.io/library/busybox``."""
    form = _IMAGE.fullmatch(image)
    registry, rest = _split(form["name"] if form else image)
    if registry == DEFAULT_REGISTRY and "/" not in rest:
        rest = f"{OFFICIAL}/{rest}"
    return f"{registry}/{rest}"


def _split(name: str) -> tuple[str, str]:
    """Return the registry that a runtime asks, and the rest.

    Repositories have no capitals: ``HUB/app`` is a host named HUB, though no dot says so.
    """
    first, slash, rest = name.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_host:
        return DEFAULT_REGISTRY, name
    host = first.lower()
    return DEFAULT_REGISTRY if host == OLD_REGISTRY else host, rest


def allowed(image: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether an image is of one of the registries, or below one of the repositories."""
    place = f"{repository(image)}/"
    return any(one == "*" or place.startswith(f"{one.rstrip('/')}/") for one in patterns)
