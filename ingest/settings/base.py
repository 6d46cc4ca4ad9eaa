"""What sections of the configuration are made of."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """One table of the configuration: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _several(values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
    """Take one text for a list of one."""
    if isinstance(values, str):
        return (values,)
    if isinstance(values, list | tuple):
        return values
    raise ValueError("must be text in quotes, or a list of such")


def days(text: object) -> int:
    """Read a number of days such as 400d, or 400. Raises ValueError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})d?", str(text).strip())
    if not found:
        raise ValueError('must be a number of days such as "400d"')
    return int(found[1])


def _time_of_day(text: str) -> str:
    try:
        return time.fromisoformat(text).strftime("%H:%M")
    except ValueError:
        raise ValueError('must be a time of day such as "03:30"') from None


def _mail_address(text: str) -> str:
    """Take an address, its domain in A-labels: no mail server refuses those (RFC 5890 2.3.2.1)."""
    local, _, domain = text.strip().rpartition("@")
    if local and domain and not any(char.isspace() or char in "<>," for char in text.strip()):
        with suppress(UnicodeError):
            return f"{local}@{domain.encode('idna').decode()}"
    raise ValueError('must be a mail address such as "postmaster@example.org"')


def nearest(name: str, configured: Iterable[str]) -> str | None:
    """Name the configured domain that a policy domain is, or lies below; the nearest, where several are."""
    above = [own for own in configured if name == own or name.endswith(f".{own}")]
    return max(above, key=len, default=None)


Days = Annotated[int, BeforeValidator(days)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
ONE_OR_SEVERAL = BeforeValidator(_several)
MailAddresses = Annotated[tuple[MailAddress, ...], ONE_OR_SEVERAL]
