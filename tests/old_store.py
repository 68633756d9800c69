"""Makes a store as an earlier version of the schema left it, for tests of the way up."""

import re
from pathlib import Path

import apsw

from jangteo.store import database


def make_older(path: Path) -> None:
    """As version 2 of the schema left it."""
    connection = apsw.Connection(str(path))
    folder = Path(database.__file__).parent
    schema = (folder / "schema.sql").read_text()
    later = [
        table
        for name in ("schema_4.sql", "schema_5.sql")
        for table in re.findall(r"CREATE TABLE (\w+)", (folder / name).read_text())
    ]
    for table in ("listing", "words", *later):
        connection.execute(f"DROP TABLE {table}")
        for statement in re.findall(rf"CREATE [A-Z ]+{table}.+?;", schema, re.DOTALL):
            connection.execute(statement)
    connection.execute("UPDATE tally SET view_version = 2; PRAGMA user_version = 2")
    connection.close()
