"""How the tests of a grammar ask it: texts with their values, and texts that it refuses."""

from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar.forms import Grammar


def refusal(grammar: Grammar, text: str) -> str:
    """The reason why a text is refused; empty if it is not."""
    try:
        grammar.read(text)
    except FaultError as fault:
        return fault.reason if fault.said else "without a word"
    return ""


def comes_back(grammar: Grammar, value: object) -> bool:
    """Whether a value that is written is read as itself."""
    return grammar.read(grammar.write(value)) == value
