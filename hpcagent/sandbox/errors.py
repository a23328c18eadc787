"""What can go wrong with a sandbox, each time with what to do about it."""


class SandboxError(Exception):
    """A sandbox could not do what was asked; the text is for the person who asked."""


class MissingPackagesError(SandboxError):
    """Programs that a sandbox starts are not installed."""


class NotASandboxError(SandboxError):
    """The directory holds no sandbox, or one of another user."""


class DaemonError(SandboxError):
    """A daemon ended by itself, or was not ready in time."""
