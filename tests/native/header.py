"""slurm.h as a person reads it: found apart from setup.py, to hold what was built against it."""

import re
import subprocess
from functools import cache
from pathlib import Path

KIND_OF_TYPE = {
    "char *": "string",
    "char **": "strings",
    "uint8_t": "u8",
    "uint16_t": "u16",
    "uint32_t": "u32",
    "uint64_t": "u64",
    "time_t": "time",
    "double": "double",
}
KIND_TO_READ = {
    "int32_t": "i32",
    "uint16_t *": "u16s",
    "uint32_t *": "u32s",
    "uint64_t *": "u64s",
}
"""Can be read, vectors where slurm.h says how long they are, and never be set."""


@cache
def text() -> str:
    """The installed slurm.h without its comments."""
    listed = subprocess.run(
        ["cc", "-M", "-xc", "-"],
        input="#include <slurm/slurm.h>",
        capture_output=True,
        text=True,
        check=True,
    )
    path = next(word for word in listed.stdout.split() if word.endswith("slurm/slurm.h"))
    return re.sub(r"/\*.*?\*/", "", Path(path).read_text(encoding="utf-8"), flags=re.DOTALL)


def members(struct: str) -> dict[str, str]:
    """Each member's type, spaced as in KIND_OF_TYPE, by name."""
    before = text()[: text().index(f"}} {struct};")]
    body = before[before.rindex("typedef struct") :].partition("{")[2]
    found = re.findall(r"([\w ]+?[\s*]+)(\w+)\s*;", body)
    return {name: " ".join(re.sub(r"(\*+)", r" \1", kind).split()) for kind, name in found}
