"""One TOML file, overlaid by the environment, in; the settings out, or one line for each thing to mend.

`RUAMILL_DATABASE` overrides `database`, `RUAMILL_MAILBOX__0__PASSWORD` the password of the first mailbox, and any
name with `_FILE` behind it reads the value from a file (a container's secret), but for the keys that are paths.
"""

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import TomlConfigSettingsSource

from ingest.settings import DomainSettings, ImapSettings, MaildirSettings, Settings
from ingest.settings.oauth import GenericSettings, GoogleSettings, Microsoft365Settings

PREFIX = "RUAMILL_"
PLACES = (Path("ruamill.toml"), Path("/etc/ruamill/ruamill.toml"))
"""Where the configuration is looked for when neither --config nor RUAMILL_CONFIG names it."""

PATHS = {"ca_file", "certificate_file", "service_account_file", "refresh_token_file", "users_file"}
"""Keys that end like the name of a variable whose value is in a file, and are paths themselves."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key and what to write instead."""


def find_file(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Choose the configuration file: --config, RUAMILL_CONFIG, or the first of PLACES that exists."""
    if chosen := named or environment.get(PREFIX + "CONFIG"):
        if not Path(chosen).is_file():
            raise ConfigurationError(f"{chosen}: there is no such file; check --config and RUAMILL_CONFIG")
        return Path(chosen)
    return next(filter(_is_there, PLACES), None)


def _is_there(place: Path) -> bool:
    try:
        return place.is_file()
    except PermissionError as error:
        if not place.is_absolute():  # started in a folder that is closed to us: sudo -u ruamill, in /root
            return False
        advice = "be the daemon's user, or name another with --config"
        raise ConfigurationError(f"{place}: {error.strerror}; {advice}") from error


def load(named: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration. Raises ConfigurationError with one line for each thing to mend."""
    environment = os.environ if environment is None else environment
    file = find_file(named, environment)
    values = overlaid(_read(file) if file else {}, environment)
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [_explain(detail, file, environment) for detail in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(Settings, toml_file=file)()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise ConfigurationError(f"{file}: {error}") from error


def overlaid(values: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Lay RUAMILL_… variables over the file's values; `__` separates the levels, digits count from 0."""
    for variable in sorted(environment, key=_in_order):
        if variable.startswith(PREFIX) and variable != PREFIX + "CONFIG":
            path, text = _path_and_text(variable, environment[variable])
            try:
                values = _with_value(values, path, text)
            except ValueError as error:
                raise ConfigurationError(f"{variable}: {error}") from error
    return values


def _in_order(variable: str) -> list[str]:
    """Sort number 10 behind number 9."""
    return [f"{part:0>9}" if part.isdigit() else part for part in variable.split("__")]


def _path_and_text(variable: str, text: str) -> tuple[list[str], str]:
    """Give the levels of a key and its value, out of the file that a name with _FILE behind it names."""
    path = variable.removeprefix(PREFIX).lower().split("__")
    if path[-1] in PATHS or not path[-1].endswith("_file"):
        return path, text
    path[-1] = path[-1].removesuffix("_file")
    try:
        return path, Path(text).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:  # without the name: a secret may stand there by mistake
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"{variable}: the file that it names cannot be read: {reason}") from error


def _with_value(here: Any, path: list[str], text: str) -> Any:  # noqa: ANN401 (a table, tables, or nothing yet)
    """Give one level of the configuration with a value set below it, made anew where it is of another kind."""
    if not path:
        return text
    key, *below = path
    if key.isdigit():
        return _with_entry(here if isinstance(here, list) else [], int(key), below, text)
    table = here if isinstance(here, dict) else {}
    return {**table, key: _with_value(table.get(key), below, text)}


def _with_entry(entries: list[Any], number: int, path: list[str], text: str) -> list[Any]:
    if number > len(entries):
        raise ValueError(f"there is no number {len(entries)} before {number}: count from 0")
    here = entries[number] if number < len(entries) else {}
    return [*entries[:number], _with_value(here, path, text), *entries[number + 1 :]]


_KINDS: dict[str, Any] = {"imap": ImapSettings, "maildir": MaildirSettings}
_PROVIDERS: dict[str, Any] = {
    "microsoft365": Microsoft365Settings,
    "google": GoogleSettings,
    "generic": GenericSettings,
}
_CHOICES = {"kind": (_KINDS, "kind of mailbox"), "provider": (_PROVIDERS, "provider")}
"""Keys that choose among sections: which section for which value, and what they choose."""

_A_TABLE = "must be a table: write [{section}] above its keys"
_WANTED = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "path_type": "must be a path in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": _A_TABLE,
    "model_attributes_type": _A_TABLE,
    "dataclass_type": _A_TABLE,
    "tuple_type": "must be tables: write [[{section}]] above the keys of each (RUAMILL_MAILBOX__0__HOST and so on)",
    "union_tag_invalid": "must be {choices}",
    "union_tag_not_found": "must be {choices}",
}
"""pydantic's kinds of error, in the words of whoever writes the file."""


def _explain(detail: ErrorDetails, file: Path | None, environment: Mapping[str, str]) -> str:
    """Say in one line where it is wrong, what is wrong and what to write instead; never what was written."""
    location = _location(detail)
    words = [
        f"{_origin(location, detail, file, environment)}:",
        ".".join(map(str, location)),
        _wrong(location, detail),
    ]
    return " ".join(filter(None, words))


def _location(detail: ErrorDetails) -> list[int | str]:
    """Give the keys that lead to the place: pydantic names the section that was chosen, and not the key that chooses."""
    location = list(detail["loc"])
    if location[:1] == ["mailbox"]:
        del location[2:3]
        if location[2:3] == ["oauth"]:
            del location[3:4]
    if detail["type"].startswith("union_tag"):
        location.append(_choice(location))
    return location


def _choice(location: list[int | str]) -> str:
    return "provider" if "oauth" in location else "kind"


def _wrong(location: list[int | str], detail: ErrorDetails) -> str:
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown(str(location[-1]), _section(detail["loc"]))
    if wanted := _WANTED.get(detail["type"]):
        section = ".".join(key for key in location if isinstance(key, str))
        return wanted.format(section=section, choices=_either(_CHOICES[_choice(location)][0]))
    return detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _either(words: Iterable[str]) -> str:
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}"


def _origin(
    location: list[int | str], detail: ErrorDetails, file: Path | None, environment: Mapping[str, str]
) -> str:
    """Name the variable or the file that a value comes from."""
    variable = PREFIX + "__".join(map(str, location)).upper()
    # what a mailbox lacks is no fault of the keys that are there
    lacking = detail["type"] == "value_error" and location[:1] == ["mailbox"]
    below = () if lacking else (f"{variable}__",)
    guilty = (
        name
        for name in environment
        if name == variable
        or name.startswith((f"{variable}_FILE", *below))
        or variable.startswith(f"{name}__")
    )
    return next(guilty, str(file or "environment"))


def _section(place: tuple[int | str, ...]) -> Any:  # noqa: ANN401 (a model, or a dataclass)
    """Give the class of the section that holds the key at this place, by the sections that pydantic names on the way."""
    match place:
        case ("mailbox", int(), _, "oauth", str(provider), _):
            return _PROVIDERS[provider]
        case ("mailbox", int(), str(kind), _):
            return _KINDS[kind]
        case ("domains", str(), str()):
            return DomainSettings
        case (str(section), _):
            annotation = Settings.model_fields[section].annotation
            return next(iter(get_args(annotation)), annotation)  # of one that may be missing, not the None
    return Settings


def _unknown(key: str, section: Any) -> str:  # noqa: ANN401 (a model, or a dataclass)
    for choice, (sections, word) in _CHOICES.items():
        others = [value for value, other in sections.items() if key in other.model_fields]
        if section in sections.values() and others:
            return f'is no key of this {word}; it goes with {choice} = "{others[0]}"'
    known = list(section.__pydantic_fields__)
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return "is no known key; " + (f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}")
