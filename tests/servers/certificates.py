"""A certificate for loopback, which is its own authority."""

import subprocess
from pathlib import Path


def make_certificate(certificate: Path, key: Path) -> None:
    """Write a certificate for localhost and 127.0.0.1, good for a month, and its key."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    # Python 3.13 refuses an authority that does not say what its key is for.
    usage = ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-days", "30", *kind, *subject, *usage, *files]
    subprocess.run(command, check=True, capture_output=True)
