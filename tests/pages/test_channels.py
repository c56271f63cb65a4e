from __future__ import annotations

from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from tests.pages.conftest import PAGES, Desk, Filled
from tests.pages.screens import is_well, words_of


def _press(at: AppTest, label: str) -> AppTest:
    return [each for each in at.button if each.label == label][-1].click().run()


def test_each_entity_stands_with_its_health_and_count(desk: Desk) -> None:
    at = desk.open("channels")
    table = at.dataframe[0].value
    assert list(table["entity"]) == ["Stores", "Customers", "Orders", "Carts"]
    assert all(words[0] == "✓ In step" for words in table["health"])
    assert list(table["mirrored"])[2] == len(desk.rows(select(tables.order.c.id)))


def test_sync_now_asks_the_worker_and_says_so(desk: Desk) -> None:
    at = desk.open("channels")
    _press(at, "Sync now")
    assert is_well(at)
    assert {row.requested_by for row in desk.rows(select(tables.sync_state))} == {"Maja Petersen"}
    assert any("reads what changed" in each.value for each in at.toast)


def test_check_tells_in_words_what_it_found(desk: Desk) -> None:
    at = desk.open("channels")
    _press(at, "Check")
    assert is_well(at)
    assert any("passed" in each.label for each in at.expander)


def test_a_paused_channel_says_why_and_sync_now_is_off(desk: Desk) -> None:
    desk.do(
        update(tables.channel).values(paused_at=tables.channel.c.created_at, paused_reason="The token was refused.")
    )
    at = desk.open("channels")
    assert "The token was refused" in at.error[0].value.replace("\\", "")
    assert at.button(key="sync-1").disabled


def test_the_first_store_is_connected_from_the_screen_after_a_check(empty_desk: AppTest, filled: Filled) -> None:
    at = empty_desk.switch_page(PAGES["channels"]).run()
    _press(at, "Add channel")
    at.text_input(key="channel-name").set_value("Nordlicht").run()
    _press(at, "Check and connect")
    assert "address of the store" in at.error[0].value
    at.text_input(key="channel-url").set_value(filled.url).run()
    _press(at, "Check and connect")
    assert "access token" in at.error[0].value
    at.text_input(key="channel-token").set_value("wrong").run()
    _press(at, "Check and connect")
    assert at.error
    at.text_input(key="channel-token").set_value("demo").run()
    _press(at, "Check and connect")
    assert is_well(at)
    store = Store(settings().store_url)
    with store.reading() as connection:
        row = connection.execute(select(tables.channel)).one()
    store.close()
    assert (row.name, row.created_by, row.allow_writes) == ("Nordlicht", "Maja Petersen", False)
    assert b"demo" not in row.credentials
    assert "channel-token" not in at.session_state


def test_a_channel_is_removed_only_after_a_second_press(desk: Desk) -> None:
    at = desk.open("channels")
    at.session_state["channel-removing"] = "Test shop"
    at.run()
    assert "Nothing changes in the shop" in words_of(at)
    _press(at, "Keep it")
    assert desk.rows(select(tables.channel.c.id))
    at.session_state["channel-removing"] = "Test shop"
    at.run()
    _press(at, "Remove")
    assert not desk.rows(select(tables.channel.c.id))
    assert "Connect your first Magento store" in words_of(at.run())
