"""Following jobs: a stream of numbered changes, and any number of watchers of it.

Whatever knows a backend tells the ``Hub`` which jobs have changed. The hub numbers the changes,
keeps them in a ``ChangeLog`` for those who come back, and hands each watcher what its filter lets
through. It knows neither Slurm nor Kubernetes nor gRPC, and waits for nobody: a watcher that does
not keep up is ended, with a token to come back with.
"""

from hpcagent.jobs.watch.events import Event, EventKind
from hpcagent.jobs.watch.hub import Hub, key_of
from hpcagent.jobs.watch.log import Change, ChangeLog, MemoryLog
from hpcagent.jobs.watch.watcher import Watch

__all__ = ["Change", "ChangeLog", "Event", "EventKind", "Hub", "MemoryLog", "Watch", "key_of"]
