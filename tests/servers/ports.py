"""Where the throw-away servers listen."""

import socket


def free_port() -> int:
    """Ask the system for a TCP port on 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
