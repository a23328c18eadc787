"""``hpcagent cluster``: what an agent's cluster is made of, and who may use how much of it."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hpcagent.cli.calling import EXIT_STATUS, add_connection, calling, print_json, wants_json
from hpcagent.cli.tables import (
    Column,
    amounts,
    details,
    field,
    gres,
    limit,
    listed,
    mebibytes,
    moment,
    table,
    word,
)

if TYPE_CHECKING:
    from hpcagent.client import Agent

DESCRIPTION: Final = """\
Tell about an agent's cluster: without a part, its version, controllers and scheduler. On a terminal
answers are tables; elsewhere, or with --json, they are the messages of the contract as JSON.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the method that lists it, the field that has the list, and what is shown."""

    method: str
    items: str
    help: str
    columns: Sequence[Column]
    names: str = "names"
    """Where the request has the names that were given; of nodes in its filter."""


PARTS: Final[Mapping[str, Part]] = {
    "partitions": Part(
        "ListPartitions", "partitions", "partitions, their limits, and how much of them is idle",
        (
            ("PARTITION", lambda row: row["name"] + ("*" if row["is_default"] else "")),
            ("STATE", word("state")),
            ("TIMELIMIT", limit("max_time")),
            ("NODES(A/I/O/T)", lambda row: _counts(row, "nodes")),
            ("CPUS(A/I/O/T)", lambda row: _counts(row, "cpus")),
            ("NODELIST", field("node_list")),
        ),
    ),
    "nodes": Part(
        "ListNodes", "nodes", "nodes, their state, and what is used of them",
        (
            ("NODE", field("name")),
            ("STATE", field("backend_state")),
            ("CPUS(A/T)", lambda row: f"{row['cpus_allocated']}/{row['cpus']}"),
            ("LOAD", lambda row: f"{row['cpu_load']:.2f}" if "cpu_load" in row else None),
            ("MEMORY", mebibytes("memory_bytes")),
            ("ALLOCATED", mebibytes("memory_allocated_bytes")),
            ("GRES", gres("gres")),
            ("USED", gres("gres_used")),
            ("FEATURES", listed("active_features")),
            ("REASON", field("reason")),
        ),
    ),
    "reservations": Part(
        "ListReservations", "reservations", "reservations, and who may use them",
        (
            ("RESERVATION", field("name")),
            ("ACTIVE", lambda row: "yes" if row["active"] else "no"),
            ("START", moment("start_time")),
            ("END", moment("end_time")),
            ("NODES", field("node_list")),
            ("USERS", listed("users")),
            ("ACCOUNTS", listed("accounts")),
            ("FLAGS", listed("flags")),
        ),
    ),
    "licenses": Part(
        "ListLicenses", "licenses", "licenses, and how many are free",
        (
            ("LICENSE", field("name")),
            ("TOTAL", field("total")),
            ("USED", lambda row: row["used"]),
            ("FREE", lambda row: row["free"]),
            ("RESERVED", lambda row: row["reserved"]),
        ),
    ),
    "accounts": Part(
        "ListAccounts", "associations", "who may charge which account, and how much is used",
        (
            ("ACCOUNT", field("account")),
            ("USER", field("user")),
            ("PARTITION", field("partition")),
            ("QOS", listed("qos")),
            ("JOBS", field("use.jobs")),
            ("MAXJOBS", field("limits.max_jobs")),
            ("MAXSUBMIT", field("limits.max_submit_jobs")),
            ("GRPTRES", amounts("limits.group_tres")),
            ("USED", amounts("use.tres")),
        ),
        names="users",
    ),
}  # fmt: skip


def _counts(row: Mapping[str, Any], what: str) -> str:
    kinds = (f"{what}_allocated", f"{what}_idle", f"{what}_other", what)
    return "/".join(str(row[kind]) for kind in kinds)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``cluster`` and its parts to the command line."""
    parser = subparsers.add_parser(
        "cluster", help="tell what an agent's cluster is made of", description=DESCRIPTION,
        epilog=EXIT_STATUS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    parser.add_argument(
        "part", nargs="?", choices=PARTS, metavar="PART",
        help="; ".join(f"{name}: {part.help}" for name, part in PARTS.items()),
    )  # fmt: skip
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these; of accounts: those of these users"
    )
    add_connection(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and print; returns the exit status."""
    return calling(args, _cluster if args.part is None else _list)


def _cluster(agent: "Agent", args: argparse.Namespace) -> int:
    answer = agent.call("GetCluster", {})
    if wants_json(args):
        print_json(answer)
    else:
        print("\n".join(details(answer)))
    return 0


def _list(agent: "Agent", args: argparse.Namespace) -> int:
    part = PARTS[args.part]
    named: dict[str, Any] = {part.names: args.names}
    request = {"filter": named} if args.part == "nodes" else named
    items: list[dict[str, Any]] = []
    token = ""
    while True:
        page = agent.call(part.method, {**request, "page_size": 1000, "page_token": token})
        items += page[part.items]
        token = page["next_page_token"]
        if not token:
            break
    if wants_json(args):
        print_json(items)
    else:
        print("\n".join(table(part.columns, items)))
    return 0
