"""A stranger's text in, one line that every column and every terminal can hold out."""

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Replace control characters (PostgreSQL refuses NUL) and lone surrogates (no UTF-8 has them); fold blanks."""
    return " ".join(_CONTROLS.sub(" ", text).encode("utf-8", "replace").decode().split())
