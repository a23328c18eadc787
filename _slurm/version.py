"""Versions of Slurm and of its library, which are numbered apart.

A release of Slurm is 22.05.8; its libslurm.so.38 is known by an interface number, which is all that
slurm_api_version(3) tells. Which belong together is written in each release's META file
(API_CURRENT); every release has had a number of its own.
"""

Version = tuple[int, int, int]

API_OF_RELEASE = {
    (20, 11): 36,
    (21, 8): 37,
    (22, 5): 38,
    (23, 2): 39,
    (23, 11): 40,
    (24, 5): 41,
    (24, 11): 42,
    (25, 5): 43,
    (25, 11): 44,
    (26, 5): 45,
}


def dotted(version: Version) -> str:
    """Write a version as Slurm's command line tools do: `22.05.8`."""
    major, minor, micro = version
    return f"{major}.{minor:02}.{micro}"


def library_name(api: int) -> str:
    """Name a library by its interface number, and its release where that is known."""
    for (major, minor), current in API_OF_RELEASE.items():
        if current == api:
            return f"libslurm.so.{api} of Slurm {major}.{minor:02}"
    return f"libslurm.so.{api} of a Slurm that is not known here"


def belong_together(header: Version, api: int) -> bool:
    """Tell whether a header and a library are of one release.

    A header newer than this table cannot be looked up; its library must then be newer too.
    """
    expected = API_OF_RELEASE.get(header[:2])
    if expected is None:
        return api > max(API_OF_RELEASE.values())
    return api == expected
