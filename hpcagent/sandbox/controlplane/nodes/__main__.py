"""``python -m hpcagent.sandbox.controlplane.nodes``: all nodes of a sandbox in one process."""

import argparse
import threading
from pathlib import Path

from hpcagent.sandbox.controlplane.nodes.api import Api
from hpcagent.sandbox.controlplane.nodes.endpoint import Endpoint
from hpcagent.sandbox.controlplane.nodes.kubelet import Kubelet, node_names


def main() -> None:
    """Register the nodes, then listen (which is the sign of being ready), then play them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--nodes", type=int, required=True)
    for name in ("kubeconfig", "certificate", "key", "authority"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    kubelet = Kubelet(Api(args.server, args.kubeconfig), node_names(args.nodes), args.port)
    kubelet.register()
    endpoint = Endpoint(kubelet, args.port, (args.certificate, args.key, args.authority))
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    kubelet.run()


if __name__ == "__main__":
    main()
