"""What the daemon tells systemd, by sd_notify(3): one datagram to the socket that it names; nothing where it names none."""

import os
import socket
from contextlib import suppress

SEND_SECONDS = 1.0
"""How long a service manager that does not read may keep us."""


def ready() -> None:
    """Tell that the start is over."""
    _send("READY=1")


def stopping() -> None:
    """Tell that the end has begun."""
    _send("STOPPING=1")


def watchdog() -> None:
    """Show that the daemon is alive and well."""
    _send("WATCHDOG=1")


def status(text: str) -> None:
    """Give the line that `systemctl status` shows."""
    _send("STATUS=" + " ".join(text.split()))


def watchdog_seconds() -> float | None:
    """Give the seconds within which `watchdog` is expected again (sd_watchdog_enabled(3)); None where nobody waits."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID")
    if not microseconds.isdigit() or (process and process != str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000 or None


def _send(message: str) -> None:
    """Send it, and never mind if nobody listens: systemd itself notices a silent service."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = address.replace("@", "\0", 1) if address.startswith("@") else address  # @: Linux's abstract names
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier,
    ):
        notifier.settimeout(SEND_SECONDS)
        notifier.sendto(message.encode(), name)
