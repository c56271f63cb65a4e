"""The migrated schema is the one the program is written for, on both databases."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

import crm_core.store
from crm_core.errors import StoreUnusable
from crm_core.store.database import Store
from crm_core.store.schema import SCHEMA_VERSION, check_sqlite, migrate
from crm_core.store.tables import metadata

_POSTGRESQL_SCHEMA = """
SELECT 'column', table_name, column_name, data_type, coalesce(character_maximum_length::text, ''), is_nullable,
       coalesce(column_default, ''), coalesce(col_description(format('%I', table_name)::regclass, ordinal_position), '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'table', relname, coalesce(obj_description(oid, 'pg_class'), ''), '', '', '', '', ''
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def _schema(connection: Connection) -> set[tuple[str, ...]]:
    if connection.dialect.name == "postgresql":
        rows = {tuple(map(str, row)) for row in connection.execute(text(_POSTGRESQL_SCHEMA))}
        return {row for row in rows if "alembic_version" not in row[1]}
    found: set[tuple[str, ...]] = set()
    for kind, name, definition in connection.execute(
        text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version'")
    ):
        # The order in which a table's constraints are written down is the only thing that may differ.
        lines = sorted(line.strip().rstrip(",") for line in str(definition).splitlines())
        found.add((kind, name, *(line for line in lines if line)))
    return found


def test_the_migrations_make_exactly_the_tables_of_the_program(store: Store, postgresql_server: str) -> None:
    with store.reading() as connection:
        migrated = _schema(connection)
    if store.dialect_name == "sqlite":
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            metadata.create_all(connection)
            wanted = _schema(connection)
    else:
        with psycopg.connect(postgresql_server, autocommit=True) as server:
            server.execute("CREATE DATABASE wanted_schema")
        engine = create_engine(postgresql_server.replace("/postgres?", "/wanted_schema?"))
        with engine.begin() as connection:
            metadata.create_all(connection)
            wanted = _schema(connection)
    engine.dispose()
    assert wanted - migrated == set(), "missing in the migrations"
    assert migrated - wanted == set(), "made by the migrations only"


def test_the_program_knows_the_latest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(crm_core.store.__file__)).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_migrating_makes_the_folder_and_the_file_and_a_second_time_does_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'folder' / 'desk.db'}"
    assert migrate(url)
    assert not migrate(url)
    Store(url).close()


def test_migrating_an_up_to_date_store_keeps_what_is_in_it(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("INSERT INTO shop (id, base_url, created_at) VALUES (7, 'https://a.example/', 0)"))
    assert not migrate(store.url)
    with store.reading() as connection:
        assert connection.execute(text("SELECT id FROM shop")).scalars().all() == [7]


def test_processes_that_migrate_at_the_same_time_do_it_once(tmp_path: Path, postgresql_server: str) -> None:
    with psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute("CREATE DATABASE migrated_twice")
    for url in (f"sqlite:///{tmp_path / 'desk.db'}", postgresql_server.replace("/postgres?", "/migrated_twice?")):
        did: list[bool] = []
        threads = [threading.Thread(target=lambda url=url, did=did: did.append(migrate(url))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(did) == [False, False, True]


def test_a_migration_waits_for_those_who_write_by_the_old_version(postgresql_server: str) -> None:
    with psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute("CREATE DATABASE migrated_while_written")
        url = postgresql_server.replace("/postgres?", "/migrated_while_written?")
        migrate(url)
        told: list[str] = []

        def upgrade() -> None:
            with pytest.raises(StoreUnusable) as caught:  # there is no such old version to come from
                migrate(url)
            told.append(str(caught.value))

        with closing(Store(url)) as store:
            with store.writing():
                with psycopg.connect(url) as other:
                    other.execute("UPDATE alembic_version SET version_num = '0000'")
                thread = threading.Thread(target=upgrade)
                thread.start()
                waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
                while not server.execute(waiting).fetchone():
                    assert thread.is_alive(), f"It did not wait: {told}"
                    time.sleep(0.02)
                assert told == []
            thread.join()
    assert "never had" in told[0]


def test_a_migration_that_cannot_finish_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    other = sqlite3.connect(file)
    other.execute("CREATE VIEW sales_order_item AS SELECT 1")
    with pytest.raises(Exception, match="already"):
        migrate(f"sqlite:///{file}")
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("sales_order_item",)]
    other.close()


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    made = "CREATE TABLE sales_order_item (id INTEGER)", "CREATE TABLE alembic_version (version_num TEXT)"
    for file, tables, step in (
        (tmp_path / "tables.db", made[:1], "another program.*sales_order_item.*CRM_DATA_DIR"),
        *(
            (
                tmp_path / f"{version}.db",
                (*made, f"INSERT INTO alembic_version VALUES ('{version}')"),
                "never had.*DATA_DIR",
            )
            for version in ("0000", "ae1027a6acf0")
        ),
    ):
        other = sqlite3.connect(file)
        for table in tables:
            other.execute(table)
        other.commit()
        before = list(other.iterdump())
        with pytest.raises(StoreUnusable, match=step):
            migrate(f"sqlite:///{file}")
        assert list(other.iterdump()) == before
        other.close()


def test_a_store_that_lacks_a_table_or_a_column_is_told_when_it_is_opened(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("DROP TABLE order_month_total"))
        connection.execute(text("ALTER TABLE sales_order DROP COLUMN coupon_code"))
    for open_it in (Store, migrate):
        with pytest.raises(StoreUnusable, match=r"lacks order_month_total, sales_order\.coupon_code: .* import again"):
            open_it(store.url)


def _set_version(url: str, version: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    engine.dispose()


def test_a_store_of_another_version_says_what_to_do(store: Store) -> None:
    for version, step in (("9999", "newer version of this program"), ("0000", "python -m crm_core migrate")):
        _set_version(store.url, version)
        with pytest.raises(StoreUnusable, match=step):
            Store(store.url)
    _set_version(store.url, "9999")
    with pytest.raises(StoreUnusable, match="Install the newer version"):
        migrate(store.url)


def test_a_store_that_a_newer_program_migrates_meanwhile_is_written_no_more(store: Store) -> None:
    _set_version(store.url, "9999")
    with pytest.raises(StoreUnusable, match="Install the newer version"), store.writing():
        pytest.fail("nothing may be written")
    _set_version(store.url, SCHEMA_VERSION)
    store.check_writable()


def test_a_store_that_was_never_migrated_says_what_to_do(tmp_path: Path, postgresql_server: str) -> None:
    empty = tmp_path / "empty.db"
    shutil.copyfile("/dev/null", empty)
    for url in (f"sqlite:///{tmp_path / 'missing.db'}", f"sqlite:///{empty}", postgresql_server):
        with pytest.raises(StoreUnusable, match="python -m crm_core migrate"):
            Store(url)


@pytest.mark.parametrize("version", [(3, 26, 0), (3, 34, 1), (2, 8, 17)])
def test_an_sqlite_that_is_too_old_is_named_with_what_to_do(version: tuple[int, ...]) -> None:
    with pytest.raises(StoreUnusable) as caught:
        check_sqlite(version)
    told = str(caught.value)
    assert f"SQLite {'.'.join(map(str, version))}" in told
    assert "3.35.0 or newer" in told
    assert "CRM_DATABASE_URL" in told


@pytest.mark.parametrize("version", [(3, 35, 0), (3, 45, 1), (4, 0, 0), sqlite3.sqlite_version_info])
def test_an_sqlite_that_is_new_enough_passes(version: tuple[int, ...]) -> None:
    check_sqlite(version)
