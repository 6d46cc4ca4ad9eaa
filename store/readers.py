"""Rights to read the views that outlive a migration: PostgreSQL forgets them where it makes a view anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from store.views import VIEWS

SHOWN = tuple(sorted(name for name, view in VIEWS.items() if view.shown))
"""The views that analysts see."""

READERS = text("""
    SELECT relname, quote_ident(nspname),
           CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    CROSS JOIN aclexplode(relacl)
    WHERE relkind = 'v' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('records_flat'))
      AND privilege_type = 'SELECT' AND grantee <> relowner
    ORDER BY relname, grantee
""")
"""Who reads which view: view, schema, role, whether the role may pass it on; names as SQL wants them."""


@contextmanager
def kept(connection: Connection) -> Iterator[None]:
    """Let whoever could read a view before the migration within read the one of its name after it.

    Whoever could read `records_flat` reads every view that is shown, new ones included. The views must be those of
    this program then.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    readers = connection.execute(READERS).all()
    yield
    for view, schema, reader, option in readers:
        wanted = {view, *SHOWN} if view == "records_flat" else {view}
        for name in sorted(wanted & VIEWS.keys()):
            run(connection, f"GRANT SELECT ON {schema}.{name} TO {reader}{option}")


def run(connection: Connection, statement: str) -> None:
    """Run a statement as it is: a % in a name is no parameter."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
