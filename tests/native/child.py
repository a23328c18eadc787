"""A process of its own for libslurm, driven from a test.

libslurm may end the process it is in, and it must not share one with gRPC or pytest. So a test
calls functions of `_slurm`, or of a module in `native.probes`, in a child that stays for many
calls: one JSON line there, one JSON line back.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import tree

PATH = os.pathsep.join((str(tree.ROOT), str(tree.ROOT / "tests")))


class Raised(Exception):
    """An exception that ended the call in the child: its type's name and its attributes."""

    def __init__(self, kind: str, text: str, attributes: dict[str, Any]) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text
        self.attributes = attributes


class Died(Exception):
    """The child ended instead of answering: its exit status and what it wrote to stderr."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(status, stderr)
        self.status = status
        self.stderr = stderr


class Child:
    """A Python process with `_slurm` in it, in which functions are called by name."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "native.probes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {}), "PYTHONPATH": PATH},
        )
        self._stderr = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:  # it may be in a call that nobody will let end
            self._process.kill()
        self.end()

    def begin(self, function: str, *arguments: object, **keywords: object) -> None:
        """Have `module:function` called, without waiting for it; a bare name is of `_slurm`."""
        assert self._process.stdin
        print(json.dumps([function, arguments, keywords]), file=self._process.stdin, flush=True)

    def answer(self) -> Any:  # noqa: ANN401 - whatever the function returned
        """What the call returned that was begun, records as dicts; Raised or Died if it did not."""
        answer = json.loads(self.line())
        if "raised" in answer:
            raise Raised(**answer["raised"])
        return answer["returned"]

    def line(self) -> str:
        """The next line from the child: an answer, or what a function printed before."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            stderr = self.end()
            raise Died(self._process.returncode, stderr)
        return line

    def call(self, function: str, *arguments: object, **keywords: object) -> Any:  # noqa: ANN401
        """Call and wait for the answer."""
        self.begin(function, *arguments, **keywords)
        return self.answer()

    def end(self) -> str:
        """Let the child end; what it ever wrote to stderr."""
        if self._process.returncode is None:
            self._stderr = self._process.communicate()[1]
        return self._stderr
