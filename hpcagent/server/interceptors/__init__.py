"""What happens around every call, whatever its method: one module for each concern.

Each is a context manager over a ``Call``; ``hpcagent.server.interceptors.around`` joins them into
one gRPC interceptor.
"""
