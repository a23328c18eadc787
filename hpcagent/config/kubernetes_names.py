"""The forms that Kubernetes demands of names, each with what to say to whoever broke it.

Settings and requests are held to the same forms, in the same words. Each function returns what is
wrong with a text, or nothing. Source: Kubernetes, apimachinery/pkg/util/validation/validation.go.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

Form: TypeAlias = Callable[[str], str]
"""Returns what is wrong with a text; empty: nothing."""

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_VALUE = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_1035_LABEL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_QUALIFIED = re.compile(rf"(?:(?=[^/]{{1,253}}/){_LABEL}(?:\.{_LABEL})*/)?{_VALUE}")
_ENVIRONMENT_NAME = re.compile("[-._a-zA-Z][-._a-zA-Z0-9]*")
_REGISTRY = rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+|{_LABEL}(?:\.{_LABEL})*:[0-9]{{1,5}})"
_IMAGES = re.compile(rf"\*|{_REGISTRY}(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*/?")
_MOST_OF_A_KEY = 253
_CAPABILITY = re.compile("[A-Z][A-Z0-9_]{0,62}")


def dns_label(text: str) -> str:
    """Judge the name of a namespace, volume, port or container (RFC 1123)."""
    if _DNS_LABEL.fullmatch(text):
        return ""
    return "must be 1 to 63 characters of a-z 0-9 -, with a letter or digit at both ends"


def dns_1035_label(text: str) -> str:
    """Judge the name of a Service (RFC 1035)."""
    if _DNS_1035_LABEL.fullmatch(text):
        return ""
    return (
        "must be 1 to 63 characters of a-z 0-9 -, with a letter at the beginning and a letter or"
        " digit at the end"
    )


def dns_subdomain(text: str) -> str:
    """Judge the name of a Secret or of another object (RFC 1123)."""
    if _DNS_SUBDOMAIN.fullmatch(text):
        return ""
    return "must be DNS labels (a-z 0-9 -) with dots between them, 253 characters at most"


def qualified_name(text: str) -> str:
    """Judge the key of a label, of a taint, or the name of an extended resource."""
    if _QUALIFIED.fullmatch(text):
        return ""
    return (
        "must be a name of 1 to 63 characters of A-Z a-z 0-9 - _ . with a letter or digit at both"
        " ends, with a DNS name and / before it or not"
    )


def label_value(text: str) -> str:
    """Judge the value of a label."""
    if not text or re.fullmatch(_VALUE, text):
        return ""
    return "must be at most 63 characters of A-Z a-z 0-9 - _ . with a letter or digit at both ends"


def environment_name(text: str) -> str:
    """Judge the name of an environment variable."""
    if _ENVIRONMENT_NAME.fullmatch(text):
        return ""
    return "must be the name of an environment variable: A-Z a-z 0-9 - _ . and no digit first"


def secret_key(text: str) -> str:
    """Judge a variable's name as the key of a Secret (IsConfigMapKey); it is a name already."""
    if len(text) <= _MOST_OF_A_KEY and text != "." and not text.startswith(".."):
        return ""
    return f"must be at most {_MOST_OF_A_KEY} characters, not . alone and not beginning with .."


def capability(text: str) -> str:
    """Judge the name of a capability."""
    if _CAPABILITY.fullmatch(text) and not text.startswith("CAP_"):
        return ""
    return "must be the name of a capability in capitals and without CAP_, as SYS_ADMIN"


def images(text: str) -> str:
    """Judge which images may run: what could never be one is a mistake."""
    if _IMAGES.fullmatch(text):
        return ""
    return (
        "must be *, a registry, or one with the beginning of a repository, as"
        " docker.io/library/busybox, in small letters and without a tag"
    )


def device(text: str) -> str:
    """Judge the full name of an extended resource; it has a prefix."""
    if "/" in text and _QUALIFIED.fullmatch(text):
        return ""
    return "must be the full name of a device, as nvidia.com/gpu"


def directory(text: str) -> str:
    """Judge a directory below which something is allowed: all of a node is below the root."""
    return absolute_path(text) or ("" if text.strip("/") else "must not be the root of the nodes")


def absolute_path(text: str) -> str:
    """Judge a path of the nodes or of a container that is written in the settings."""
    if text.startswith("/") and not {".", ".."} & set(text.split("/")):
        return ""
    return "must be an absolute path without . and .."
