"""Manifests as YAML, for people, and for any reader of YAML to read as what they are.

What is a number or a boolean depends on a reader's version of YAML: ``no``, ``1e3``, ``0o17``. So
every text is quoted that is not plainly a word.
"""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from hpcagent.k8s.marks import Manifest

LEFT_OUT = "(left out)"
"""In place of a secret."""

_WORD = re.compile(r"[A-Za-z/][-A-Za-z0-9_./]*")
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_WIDTH = 1 << 20
"""Wider than any line: a folded text is hard to compare."""


def listing(manifests: Iterable[Manifest]) -> str:
    """Return manifests as one stream of YAML, without the values of Secrets."""
    shown = [_without_secrets(one) for one in manifests]
    return yaml.dump_all(shown, Dumper=_Dumper, sort_keys=False, width=_WIDTH)


def _without_secrets(manifest: Manifest) -> Manifest:
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = {
        part: dict.fromkeys(manifest[part], LEFT_OUT)
        for part in ("data", "stringData")
        if manifest.get(part)
    }
    return manifest | hidden


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature
        """Write everything out, even what is the same object twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _WORD.fullmatch(text) and text.lower() not in _NOT_TEXT
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)
