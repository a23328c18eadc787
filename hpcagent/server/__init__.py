"""The gRPC edge: the only part that knows gRPC and the generated messages.

A method here decodes its request into the domain's words, calls what does the work and encodes the
answer; what it does not decide itself, an interceptor does for all methods alike.
"""
