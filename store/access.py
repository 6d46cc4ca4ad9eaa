"""A PostgreSQL role in, that role with the right to read the views and nothing else out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from store.migrate import check
from store.readers import SHOWN, run
from store.schema import metadata
from store.views import VIEWS

OURS = (*metadata.tables, *VIEWS, "alembic_version")
READABLE = (*SHOWN, "alembic_version")
"""By its schema's revision `ruamill query` knows a database that is too new for it."""

LONGEST_NAME = 63
"""Bytes; PostgreSQL would cut a longer one."""
NO_NAMES = ("public", "none")
"""Words that are no role, quoted or not."""
LONGEST_SECONDS = 2_147_483
"""The server counts milliseconds in 32 bits."""
ADMINISTRATORS = (
    *("pg_read_all_data", "pg_write_all_data"),
    *("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"),
)
"""PostgreSQL's own roles whose members get round the rights on tables."""
INSUFFICIENT_PRIVILEGE = "42501"

PLACE = text("""
    SELECT quote_ident(:role), quote_ident(current_database()), quote_ident(nspname),
           pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE')
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('records_flat')
""")

POWERS = text("""
    SELECT other.rolname FROM pg_roles AS role JOIN pg_roles AS other ON pg_has_role(role.oid, other.oid, 'MEMBER')
    WHERE role.rolname = :role AND (
        other.rolsuper OR other.rolcreaterole OR other.rolreplication OR other.rolname = ANY(:administrators)
        OR other.oid IN (SELECT relowner FROM pg_class WHERE oid = ANY(CAST(:ours AS regclass[])))
        OR other.oid IN (SELECT datdba FROM pg_database WHERE datname = current_database())
    )
    ORDER BY other.rolname
""")
"""By whom a role can do anything: itself, and those it may become."""

STATE = text("""
    SELECT role.oid IS NOT NULL,
           has_database_privilege(role.oid, current_database(), 'CONNECT'),
           has_schema_privilege(role.oid, relnamespace, 'USAGE'),
           (SELECT setconfig FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
            WHERE setrole = role.oid AND datname = current_database())
    FROM pg_class LEFT JOIN pg_roles AS role ON rolname = :role
    WHERE pg_class.oid = to_regclass('records_flat')
""")

OTHER_RIGHTS = text("""
    SELECT relname, giver.rolname
    FROM pg_class JOIN pg_roles AS giver ON pg_has_role(:role, giver.oid, 'MEMBER')
    WHERE pg_class.oid = ANY(CAST(:ours AS regclass[])) AND (
        (relname <> ALL(:readable) AND has_any_column_privilege(giver.oid, pg_class.oid, 'SELECT'))
        OR has_any_column_privilege(giver.oid, pg_class.oid, 'INSERT, UPDATE, REFERENCES')
        OR has_table_privilege(giver.oid, pg_class.oid, 'DELETE, TRUNCATE, TRIGGER')
    )
    ORDER BY relname, giver.rolname = :role, giver.rolname
    LIMIT 1
""")
"""A table where a role has a right that it should not have, and through whom; itself where PUBLIC has it."""

MAKES_TABLES = text("""
    SELECT bool_or(has_schema_privilege(giver.oid, relnamespace, 'CREATE'))
    FROM pg_class JOIN pg_roles AS giver ON pg_has_role(:role, giver.oid, 'MEMBER')
    WHERE pg_class.oid = to_regclass('records_flat')
""")


class AccessError(Exception):
    """A role cannot be given what was asked for; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a role has now."""

    made: bool
    """It is new, and has no password."""
    views: tuple[str, ...]
    """What it reads."""


@dataclass(frozen=True, slots=True)
class _Place:
    """For whom, and where the views are; names quoted as SQL wants them."""

    role: str
    database: str
    schema: str


def grant(connection: Connection, role: str, timeout_seconds: int) -> Granted:
    """Let a role read the views that are shown, and nothing else of ours; make it if it is missing.

    `connection` has a transaction open, as the owner of the tables or an administrator. Raises AccessError and
    SchemaTooNewError; nothing must be committed then.
    """
    if connection.dialect.name != "postgresql":
        raise AccessError(
            "SQLite has no roles: whoever may read the file reads all of it. Give analysts what `ruamill export` writes, "
            "or use PostgreSQL"
        )
    check(connection)
    _check(role, timeout_seconds)
    place = _place(connection, role)
    _refuse_administrators(connection, role)
    made = _prepare(connection, place, role, _settings(place.schema, timeout_seconds))
    run(connection, f"REVOKE ALL ON {_named(place.schema, OURS)} FROM {place.role}")
    run(connection, f"GRANT SELECT ON {_named(place.schema, READABLE)} TO {place.role}")
    _refuse_other_rights(connection, place, role)
    return Granted(made, SHOWN)


def _check(role: str, timeout_seconds: int) -> None:
    if not 1 <= timeout_seconds <= LONGEST_SECONDS:
        raise AccessError(f"a timeout of {timeout_seconds} seconds: the server takes 1 to {LONGEST_SECONDS}")
    fits = 0 < len(role.encode()) <= LONGEST_NAME and role.isprintable() and role.strip() == role
    if not fits or role.startswith("pg_") or role in NO_NAMES:
        raise AccessError(
            f"{role!r} can be no role: a name has 1 to {LONGEST_NAME} bytes, does not begin with pg_, and is none of "
            f"{', '.join(NO_NAMES)}"
        )


def _place(connection: Connection, role: str) -> _Place:
    *names, owner, is_owner = connection.execute(PLACE, {"role": role}).one()
    if not is_owner:
        raise AccessError(f"the views belong to {owner}: connect as {owner}, or as an administrator")
    return _Place(*names)


def _refuse_administrators(connection: Connection, role: str) -> None:
    known = {"role": role, "administrators": list(ADMINISTRATORS), "ours": list(OURS)}
    if names := connection.scalars(POWERS, known).all():
        raise AccessError(
            f"{role} cannot be held to the views: it has the rights of {', '.join(names)}, who own the tables or "
            "administer the server. Name another role, for the analyst alone"
        )


def _settings(schema: str, timeout_seconds: int) -> dict[str, str]:
    """Name what the role's sessions begin with; they are defaults, which it may change for itself."""
    return {
        "search_path": schema,
        "default_transaction_read_only": "on",
        "statement_timeout": f"{timeout_seconds}s",
        "lock_timeout": "10s",
        # the server takes the views for dearer than they are, and compiles for a second what runs in a tenth
        "jit": "off",
        # a transaction that is left open holds up the next migration, and keeps dead rows
        "idle_in_transaction_session_timeout": "5min",
    }


def _prepare(connection: Connection, place: _Place, role: str, settings: dict[str, str]) -> bool:
    """Do what must be so before the views are granted, as far as this user may; tell whether the role was made."""
    missing = _missing(connection, place, role, settings)
    for statement in missing:
        if not _allowed(connection, statement):
            break
    if left := _missing(connection, place, role, settings):
        raise AccessError(
            f"this wants an administrator, once: let one run this in the database {place.database}, and try again: "
            f"{'; '.join(left)};"
        )
    return any(statement.startswith("CREATE ROLE") for statement in missing)


def _missing(connection: Connection, place: _Place, role: str, settings: dict[str, str]) -> list[str]:
    exists, connects, enters, has = connection.execute(STATE, {"role": role}).one()
    done = {
        f"CREATE ROLE {place.role} LOGIN": exists,
        f"GRANT CONNECT ON DATABASE {place.database} TO {place.role}": connects,
        f"GRANT USAGE ON SCHEMA {place.schema} TO {place.role}": enters,
    }
    for name, value in settings.items():
        word = value if name == "search_path" else f"'{value}'"
        statement = f"ALTER ROLE {place.role} IN DATABASE {place.database} SET {name} = {word}"
        done[statement] = f"{name}={value}" in (has or ())
    return [statement for statement, is_done in done.items() if not is_done]


def _allowed(connection: Connection, statement: str) -> bool:
    """Run a statement; tell whether this user may."""
    try:
        with connection.begin_nested():
            run(connection, statement)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        return False
    return True


def _refuse_other_rights(connection: Connection, place: _Place, role: str) -> None:
    """Refuse a role that has more all the same: by PUBLIC, by a group, or granted by somebody else."""
    known = {"role": role, "ours": list(OURS), "readable": list(READABLE)}
    if found := connection.execute(OTHER_RIGHTS, known).one_or_none():
        table, giver = found
        raise AccessError(
            f"{role} could still read or change {table}, by a right that {giver} or PUBLIC has: revoke it (psql shows "
            f"it: \\dp {table}), and try again"
        )
    if connection.scalar(MAKES_TABLES, {"role": role}):
        raise AccessError(
            f"{role} could make tables, as everybody could before PostgreSQL 15: let the owner of the schema run "
            f"REVOKE CREATE ON SCHEMA {place.schema} FROM PUBLIC; and try again"
        )


def _named(schema: str, relations: Sequence[str]) -> str:
    return ", ".join(f"{schema}.{name}" for name in relations)
