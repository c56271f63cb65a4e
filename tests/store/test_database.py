"""The store reads snapshots, writes whole transactions, and says what to do when it can't."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from crm_core.errors import StoreUnusable, TooSlow
from crm_core.settings import settings
from crm_core.store.database import Store, open_store
from crm_core.store.engines import clear_errors, parse_url, reading_engine, writing_engine
from crm_core.store.schema import SCHEMA_VERSION, migrate

_ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def _add_shop(connection: Connection, shop_id: int) -> None:
    connection.execute(
        text("INSERT INTO shop (id, base_url, created_at) VALUES (:id, :url, 0)"), {"id": shop_id, "url": f"x{shop_id}"}
    )


def _shops(store: Store) -> list[int]:
    with store.reading() as connection:
        return list(connection.execute(text("SELECT id FROM shop ORDER BY id")).scalars())


def test_what_a_block_writes_is_there_whole_or_not_at_all(store: Store) -> None:
    with store.writing() as connection:
        _add_shop(connection, 1)
    with pytest.raises(RuntimeError, match="half way"):
        _write_and_fail(store)
    assert _shops(store) == [1]


def _write_and_fail(store: Store) -> None:
    with store.writing() as connection:
        _add_shop(connection, 2)
        raise RuntimeError("half way")


def test_a_reader_sees_one_snapshot_while_others_write(store: Store) -> None:
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM shop")).scalar_one() == 0
        with store.writing() as writer:
            _add_shop(writer, 1)
        assert connection.execute(text("SELECT count(*) FROM shop")).scalar_one() == 0
    assert _shops(store) == [1]


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnusable), store.reading() as connection:
        _add_shop(connection, 1)
    assert _shops(store) == []


def test_a_row_of_no_shop_is_refused(store: Store) -> None:
    statement = text("INSERT INTO website (id, shop_id, origin_id, code, name) VALUES (1, 99, 1, 'a', 'b')")
    with pytest.raises(IntegrityError), store.writing() as connection:
        connection.execute(statement)


def test_threads_write_in_turn(store: Store) -> None:
    def write(shop_id: int) -> None:
        with store.writing() as connection:
            _add_shop(connection, shop_id)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _shops(store) == list(range(1, 21))


def test_a_reading_that_takes_too_long_is_stopped_and_the_store_works_on(store: Store) -> None:
    with pytest.raises(TooSlow, match="narrower filter"), store.reading(seconds=0.1) as connection:
        connection.execute(text(_ENDLESS[store.dialect_name])).all()
    assert _shops(store) == []
    with store.reading(seconds=30) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_limit_of_time_ends_with_its_block(store: Store) -> None:
    with store.reading(seconds=0.3) as connection:
        connection.execute(text("SELECT 1"))
    time.sleep(0.3)
    counted = _ENDLESS["sqlite"].replace("FROM n)", "FROM n WHERE i < 30000)")
    with store.reading() as connection:
        slow = {"sqlite": counted, "postgresql": "SELECT pg_sleep(0.4)"}
        assert len(connection.execute(text(slow[store.dialect_name])).all()) == 1


@contextmanager
def _lock_held(url: str) -> Iterator[None]:
    """Another program holds a lock on the table shop (SQLite: on the file)."""
    if url.startswith("sqlite"):
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
    else:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE shop IN ACCESS EXCLUSIVE MODE")
            yield


def test_a_locked_store_says_so_and_works_again_when_it_is_free(store_url: str) -> None:
    store = Store(store_url, busy_seconds=0.2)
    with _lock_held(store_url):
        for _ in range(2):
            with pytest.raises(StoreUnusable, match="locked by another program"), store.writing() as connection:
                _add_shop(connection, 1)
    with store.writing() as connection:
        _add_shop(connection, 1)
    assert _shops(store) == [1]
    store.close()


def test_a_statement_that_goes_straight_to_the_driver_says_so_too(sqlite_url: str) -> None:
    own = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    url = parse_url(sqlite_url)
    with _lock_held(sqlite_url), pytest.raises(StoreUnusable, match="locked by another program"), clear_errors(url):
        own.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), clear_errors(url):
        own.execute("SELECT * FROM nowhere")
    own.close()


def test_more_writers_than_turns_says_busy_and_the_store_works_on(sqlite_url: str) -> None:
    store = Store(sqlite_url, busy_seconds=0.1)
    with store.writing(), pytest.raises(StoreUnusable, match="busy"), store.writing():
        pass
    with store.writing() as connection:
        _add_shop(connection, 1)
    store.close()


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_store_that_was_deleted_is_neither_read_nor_written_and_a_backup_is_used_at_once(
    tmp_path: Path, what: str
) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup.db"
    url = f"sqlite:///{folder / 'desk.db'}"
    migrate(url)
    with closing(Store(url)) as store:
        with store.writing() as connection:
            _add_shop(connection, 1)
        with sqlite3.connect(folder / "desk.db") as source, sqlite3.connect(backup) as target:
            source.backup(target)
        source.close()
        target.close()
        with store.writing() as connection:
            _add_shop(connection, 2)
        assert store.kept("shops", lambda: _shops(store)) == [1, 2]
        if what == "the folder":
            shutil.rmtree(folder)
        else:
            (folder / "desk.db").unlink()
        for _ in range(2):
            with pytest.raises(StoreUnusable, match="was deleted or moved"), store.writing() as connection:
                _add_shop(connection, 3)
            with pytest.raises(StoreUnusable, match="was deleted or moved"), store.reading():
                pass
            with pytest.raises(StoreUnusable, match="was deleted or moved"):
                store.kept("shops", lambda: _shops(store))
            assert not (folder / "desk.db").exists()
        folder.mkdir(exist_ok=True)
        for left in folder.glob("desk.db-*"):
            left.unlink()
        shutil.copy(backup, folder / "desk.db")
        assert store.kept("shops", lambda: _shops(store)) == [1]
        with store.writing() as connection:
            _add_shop(connection, 4)
        assert _shops(store) == [1, 4]


@contextmanager
def _desk(tmp_path: Path, link: bool = False) -> Iterator[tuple[Store, Path, Path]]:
    """A store with the shops 1 and 2 that is open, its file, and a backup of when there was only shop 1."""
    file, backup = tmp_path / "real" / "desk.db", tmp_path / "backup.db"
    url = f"sqlite:///{file}"
    migrate(url)
    if link:
        (tmp_path / "link.db").symlink_to(file)
        url = f"sqlite:///{tmp_path / 'link.db'}"
    with closing(Store(url)) as store:
        with store.writing() as connection:
            _add_shop(connection, 1)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        with store.writing() as connection:
            _add_shop(connection, 2)
        assert store.kept("shops", lambda: _shops(store)) == [1, 2]
        yield store, file, backup


def _is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.execute("PRAGMA integrity_check")) == [("ok",)]


def _delete_remains(file: Path) -> None:
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()


@pytest.mark.parametrize("link", [False, True])
def test_a_backup_is_not_opened_while_the_log_of_the_file_before_lies_beside_it(tmp_path: Path, link: bool) -> None:
    with _desk(tmp_path, link) as (store, file, backup):
        whole = backup.read_bytes()
        backup.replace(file)
        for _ in range(2):
            with pytest.raises(StoreUnusable, match=r"delete desk\.db-wal and desk\.db-shm, and"), store.reading():
                pass
            with pytest.raises(StoreUnusable, match="Stop the desk"), store.writing() as connection:
                _add_shop(connection, 3)
            with pytest.raises(StoreUnusable, match="Stop the desk"):
                store.kept("shops", lambda: _shops(store))
        assert file.read_bytes() == whole
    assert file.read_bytes() == whole  # closing the old one leaves it alone too
    _delete_remains(file)
    with closing(Store(f"sqlite:///{file}")) as store:
        assert _shops(store) == [1]
    assert _is_sound(file)


def test_a_backup_is_not_opened_by_the_index_of_a_log_that_was_deleted(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, backup):
        backup.replace(file)
        file.with_name("desk.db-wal").unlink()
        with pytest.raises(StoreUnusable, match="Stop the desk"), store.reading():
            pass
        _delete_remains(file)
        assert _shops(store) == [1]


def test_a_backup_that_another_process_writes_already_is_used_at_once(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, backup), closing(Store(store.url)) as worker:
        _delete_remains(file)
        backup.replace(file)
        with worker.writing() as connection:
            _add_shop(connection, 3)
        assert file.with_name("desk.db-wal").stat().st_size > 0
        assert store.kept("shops", lambda: _shops(store)) == [1, 3]
        with store.writing() as connection:
            _add_shop(connection, 4)
        assert _shops(worker) == [1, 3, 4]
    assert _is_sound(file)


def test_a_closed_store_opens_what_is_there_then_though_another_process_writes_it_already(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, backup):
        store.close()
        _delete_remains(file)
        backup.replace(file)
        with closing(Store(store.url)) as worker:
            with worker.writing() as connection:
                _add_shop(connection, 3)
            assert file.with_name("desk.db-wal").stat().st_size > 0
            assert _shops(store) == [1, 3]
    assert _is_sound(file)


def test_a_file_that_is_put_back_goes_on_with_what_was_written_last(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, _backup):
        aside = file.rename(tmp_path / "aside.db")
        for _ in range(2):
            with pytest.raises(StoreUnusable, match="Put it back"), store.reading():
                pass
        aside.rename(file)
        assert store.kept("shops", lambda: _shops(store)) == [1, 2]
        with store.writing() as connection:
            _add_shop(connection, 3)
        assert store.kept("shops", lambda: _shops(store)) == [1, 2, 3]
    assert _is_sound(file)


def test_a_backup_of_an_older_version_is_used_once_it_is_migrated(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, backup):
        with closing(sqlite3.connect(backup)) as old:
            old.execute("DELETE FROM alembic_version")
            old.commit()
        _delete_remains(file)
        backup.replace(file)
        for _ in range(2):
            with pytest.raises(StoreUnusable), store.reading():
                pass
        with closing(sqlite3.connect(file)) as other:
            other.execute("INSERT INTO alembic_version VALUES (?)", (SCHEMA_VERSION,))
            other.commit()
            assert file.with_name("desk.db-wal").stat().st_size > 0
            assert _shops(store) == [1]


def test_a_file_that_cannot_be_looked_at_is_not_called_deleted(tmp_path: Path) -> None:
    with _desk(tmp_path) as (store, file, _backup):
        aside = file.rename(tmp_path / "aside.db")
        file.symlink_to(file)  # a loop
        with pytest.raises(StoreUnusable, match=r"can't be read: Too many levels .*\. Check the disk"), store.reading():
            pass
        with pytest.raises(StoreUnusable, match="can't be read: Too many levels"):
            Store(store.url)
        file.unlink()
        aside.rename(file)
        assert _shops(store) == [1, 2]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_what_is_written_into_a_file_that_is_lost_meanwhile_is_not_called_written(tmp_path: Path, how: str) -> None:
    def write(store: Store, file: Path, backup: Path) -> None:
        with store.writing() as connection:
            _add_shop(connection, 3)
            if how == "deleted":
                file.unlink()
            else:
                backup.replace(file)

    with _desk(tmp_path) as (store, file, backup):
        beside = Path(shutil.copy(backup, tmp_path / "another.db"))
        with pytest.raises(StoreUnusable, match="nothing of that was kept"):
            write(store, file, backup)
        _delete_remains(file)
        beside.replace(file)
        assert _shops(store) == [1]


def test_threads_that_ask_while_the_file_is_replaced_see_every_later_commit(tmp_path: Path) -> None:
    ended = threading.Event()

    def ask(store: Store) -> None:
        while not ended.is_set():
            with suppress(StoreUnusable):
                store.kept("shops", lambda: _shops(store))

    with _desk(tmp_path) as (store, file, backup):
        threads = [threading.Thread(target=ask, args=(store,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(30):
                beside = Path(shutil.copy(backup, tmp_path / "next.db"))
                file.unlink()
                _delete_remains(file)
                beside.replace(file)
                with store.writing() as connection:
                    _add_shop(connection, 10 + turn)
                assert store.kept("shops", lambda: _shops(store)) == [1, 10 + turn]
        finally:
            ended.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("name", ["my desk", "a?mode=memory", "50%25#1", "Läden & Co+", "file:x"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    url = URL.create("sqlite", database=str(tmp_path / name / f"{name}.db"))
    address = url.render_as_string()
    assert migrate(address)
    with closing(Store(address)) as store:
        with store.writing() as connection:
            _add_shop(connection, 1)
        assert _shops(store) == [1]
    assert [each.name for each in (tmp_path / name).iterdir()] == [f"{name}.db"]


@pytest.mark.parametrize("engine", [reading_engine, writing_engine])
def test_a_connection_makes_no_file_in_place_of_one_that_was_deleted(
    sqlite_url: str, engine: Callable[[URL], Engine]
) -> None:
    url, file = parse_url(sqlite_url), Path(sqlite_url.removeprefix("sqlite:///"))
    opened = engine(url)
    file.unlink()
    with pytest.raises(StoreUnusable, match="can't be opened"), clear_errors(url), opened.begin():
        pass
    assert not file.exists()
    opened.dispose()


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_be_written(sqlite_url: str) -> None:
    file = sqlite_url.removeprefix("sqlite:///")
    filled = Store(sqlite_url)
    with filled.writing() as connection:
        _add_shop(connection, 1)
    read_only = Store(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert _shops(read_only) == [1]
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="right to write"), read_only.writing() as connection:
            _add_shop(connection, 2)
    assert _shops(read_only) == [1]
    read_only.close()
    filled.close()


def test_a_store_that_was_read_only_is_written_again_once_it_may_be(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with store.writing() as connection:  # as a connection stays that was opened while the file was read-only
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreUnusable, match="right to write"), store.writing() as connection:
        _add_shop(connection, 1)
    with store.writing() as connection:
        _add_shop(connection, 1)
    assert _shops(store) == [1]
    store.close()


def test_a_server_compiles_no_statement_however_dear_it_thinks_it_is(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    with store.reading() as connection:
        assert connection.exec_driver_sql("SHOW jit").scalar() == "off"
    with store.writing() as connection:
        assert connection.exec_driver_sql("SHOW jit").scalar() == "off"
    store.close()


def test_a_read_only_server_says_so(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    store = Store(postgresql_url)
    assert _shops(store) == []
    with pytest.raises(StoreUnusable, match="read-only"), store.writing() as writer:
        _add_shop(writer, 1)
    store.close()


def _write_more_than_fits(store: Store) -> None:
    with store.writing() as connection:
        _add_shop(connection, 1)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        statement = text("INSERT INTO shop (id, base_url, created_at) VALUES (2, :url, 0)")
        connection.execute(statement, {"url": "x" * 1_000_000})


def test_a_full_disk_says_so_and_nothing_is_half_written(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with pytest.raises(StoreUnusable, match="disk is full"):
        _write_more_than_fits(store)
    assert _shops(store) == []
    store.close()


def _write_over_a_broken_connection(store: Store) -> None:
    with store.writing() as connection:
        process_id = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(store.url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (process_id,))
        _add_shop(connection, 1)


def test_a_broken_connection_says_so_and_the_next_one_works(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    with pytest.raises(StoreUnusable, match=r"ended the connection|can't be reached"):
        _write_over_a_broken_connection(store)
    assert _shops(store) == []
    store.close()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    file.write_text("These are the minutes of our meeting. " * 100)
    with pytest.raises(StoreUnusable, match="not a database of this program"):
        Store(f"sqlite:///{file}")
    assert file.read_text().startswith("These are the minutes")


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "file" / "data"))
    settings.cache_clear()
    with pytest.raises(StoreUnusable, match="CRM_DATA_DIR"):
        open_store()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root@localhost/desk",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://h:notaport/d",
        "oracle://x",
    ],
)
def test_an_address_of_something_else_says_what_to_write(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"sqlite:///path/to/file\.db"):
        Store(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_server_that_does_not_answer_is_named_without_its_password(scheme: str) -> None:
    with pytest.raises(StoreUnusable, match="can't be reached") as raised:
        Store(f"{scheme}://ann:hunter2@127.0.0.1:1/desk")
    assert "desk on 127.0.0.1" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_database_that_is_not_there_says_so(postgresql_server: str) -> None:
    with pytest.raises(StoreUnusable, match="does not exist"):
        Store(postgresql_server.replace("/postgres?", "/nowhere?"))


def test_open_store_makes_and_migrates_an_sqlite_store_and_keeps_it() -> None:
    first = open_store()
    with first.writing() as connection:
        _add_shop(connection, 1)
    first.close()
    assert (settings().data_dir / "desk.db").exists()
    second = open_store()
    assert _shops(second) == [1]
    second.close()


def test_open_store_needs_no_lock_for_a_store_that_is_up_to_date() -> None:
    open_store().close()
    with _lock_held(settings().store_url):
        store = open_store()
        assert _shops(store) == []
        store.close()


def test_open_store_asks_a_person_to_migrate_postgresql(
    postgresql_server: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", postgresql_server)
    settings.cache_clear()
    with pytest.raises(StoreUnusable, match="python -m crm_core migrate"):
        open_store()
    monkeypatch.setenv("CRM_DATABASE_URL", postgresql_url)
    settings.cache_clear()
    store = open_store()
    assert _shops(store) == []
    store.close()


def test_an_error_that_nobody_expected_does_not_quote_what_was_written(store: Store) -> None:
    with store.writing() as connection:
        _add_shop(connection, 1)
    again = text("INSERT INTO shop (id, base_url, created_at) VALUES (1, :url, 0)")
    with store.writing() as connection, pytest.raises(IntegrityError) as broken:
        connection.execute(again, {"url": "anna@example.test"})
    assert "anna@example.test" not in str(broken.value)
