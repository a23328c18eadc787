"""Names of images, as container runtimes read them.

Source: the grammar of github.com/distribution/reference, and its normal form for names without a
registry.
"""

import re

DEFAULT_REGISTRY = "docker.io"
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
    name = form["name"] if form else image
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return f"{first.lower()}/{rest}"
    return f"{DEFAULT_REGISTRY}/{name if slash else f'library/{name}'}"


def allowed(image: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether an image is of one of the registries, or below one of the repositories."""
    place = f"{repository(image)}/"
    return any(one == "*" or place.startswith(f"{one.rstrip('/')}/") for one in patterns)
