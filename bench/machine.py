"""Where it was measured: nothing in, one line about the machine and the versions out."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree


def description() -> str:
    """Name the day, the processor and its cores, and the versions that the speed hangs on."""
    libxml2 = ".".join(map(str, etree.LIBXML_VERSION))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}, libxml2 {libxml2}"
    )


def _processor() -> str:
    """Linux tells the model; elsewhere the architecture has to do."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
