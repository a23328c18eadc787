"""Which methods are really served, so that GetAgentInfo tells the truth by construction."""

from google.protobuf.descriptor import ServiceDescriptor

GENERATED = "hpcagent.v1."
"""Where the base classes are whose methods are no more than names."""


def served(service: ServiceDescriptor, servicer: object) -> tuple[str, ...]:
    """Return the full names of a service's methods that its servicer has built.

    The others are inherited from the generated base class, which answers UNIMPLEMENTED.
    """
    built = {
        name
        for part in type(servicer).__mro__
        if part.__name__ != f"{service.name}Servicer"
        for name in vars(part)
    }
    return tuple(
        f"{service.full_name}/{method.name}" for method in service.methods if method.name in built
    )
