"""The gRPC edge: the only part that knows gRPC and the generated messages.

A method here decodes its request into the domain's words, calls what does the work and encodes the
answer; what it does not decide itself, an interceptor does for all methods alike.
"""

import os

# Read by gRPC when it is imported, hence here. The daemon starts its workers with fork and exec
# while calls are under way: gRPC's fork handlers would first bring all its threads to a halt, and
# they are of use only to a child that goes on without exec.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
