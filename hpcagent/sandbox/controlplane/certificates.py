"""A certificate authority of the sandbox's own, and the one certificate that it signs.

All daemons of a sandbox are one user's on one machine, so they share it: it serves the loopback
addresses, and it is what etcd and the nodes know the API server by.
"""

import subprocess
from pathlib import Path

from hpcagent.sandbox.errors import SandboxError

_NAMES = "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,IP:127.0.0.1"
_DAYS = "3650"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", _DAYS)


def write(openssl: str, directory: Path) -> None:
    """Write ``ca.crt``, ``ca.key``, ``server.crt`` and ``server.key``; keys are closed to others.

    Raises SandboxError.
    """
    authority = (str(directory / "ca.crt"), str(directory / "ca.key"))
    server = (str(directory / "server.crt"), str(directory / "server.key"))
    _request(openssl, authority, "/CN=hpcagent-sandbox")
    _request(
        *(openssl, server, "/O=system:masters/CN=kube-apiserver"),
        *("-CA", authority[0], "-CAkey", authority[1]),
        *("-addext", f"subjectAltName={_NAMES}"),
        *("-addext", "extendedKeyUsage=serverAuth,clientAuth"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )


def _request(openssl: str, files: tuple[str, str], subject: str, *more: str) -> None:
    certificate, key = files
    argv = [openssl, "req", "-x509", *_NEW_KEY, "-subj", subject, "-out", certificate]
    done = subprocess.run(
        [*argv, "-keyout", key, *more], capture_output=True, text=True, check=False, umask=0o077
    )
    if done.returncode != 0:
        raise SandboxError(f"openssl cannot make {certificate}:\n{done.stderr}")
