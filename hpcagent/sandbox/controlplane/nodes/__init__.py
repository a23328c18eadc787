"""Nodes that register, take pods and report on them, as kubelets do, but have no containers.

A container is a plain process of the user who started the sandbox (or of ``runAsUser``, where that
is root): its command with its environment, in its working directory if there is one here. Without a
command it is a process that only waits to be ended. What cannot be had without a container runtime
is played, by these rules:

- an image whose tag begins with ``missing`` cannot be pulled;
- a process that is killed by SIGKILL, but not by us, was killed for its memory (OOMKilled);
- restarts are held back for one to five seconds, not for ten to three hundred.
"""
