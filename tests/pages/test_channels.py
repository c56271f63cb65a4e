from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from streamlit.testing.v1 import AppTest

from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.channels import channel_by_id
from crm_core.sync.removal import BEING_REMOVED
from crm_core.sync.setting_up import change_channel
from tests.pages.conftest import PAGES, Desk, Filled
from tests.pages.screens import is_well, words_of


def _press(at: AppTest, label: str) -> AppTest:
    return [each for each in at.button if each.label == label][-1].click().run()


def test_each_entity_stands_with_its_health_and_count(desk: Desk) -> None:
    at = desk.open("channels")
    table = at.dataframe[0].value
    assert list(table["entity"]) == ["Store views", "Customers", "Orders", "Carts"]
    assert all(words[0] == "✓ In step" for words in table["health"])
    mirrored = [len(desk.rows(select(each.c.id))) for each in (tables.store_view, tables.order)]
    assert list(table["mirrored"])[::2] == mirrored


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
    assert re.search(r"Checked (just now|\d+ \w+ ago)", words_of(at))


def test_a_paused_channel_says_why_and_sync_now_is_off(desk: Desk) -> None:
    desk.do(
        update(tables.channel).values(paused_at=tables.channel.c.created_at, paused_reason="The token was refused.")
    )
    at = desk.open("channels")
    assert "The token was refused" in at.error[0].value.replace("\\", "")
    assert at.button(key="sync-1").disabled
    assert "*Check* lets it go on" in at.error[0].value


@pytest.mark.parametrize(
    ("reason", "is_demo"),
    [
        (BEING_REMOVED, False),
        ("The demo store does not run beside another one. Remove this channel.", True),
    ],
)
def test_a_channel_that_is_to_be_removed_says_no_other_way_on(desk: Desk, reason: str, is_demo: bool) -> None:
    stopped = {"paused_at": datetime.now(UTC), "paused_reason": reason, "is_demo": is_demo}
    desk.do(update(tables.channel).values(**stopped))
    [told] = [each.value.replace("\\", "").splitlines() for each in desk.open("channels").error]
    assert told[1:] == [reason]


def test_a_channel_that_has_just_stopped_does_not_look_as_if_it_had_just_been_read(desk: Desk) -> None:
    now = datetime.now(UTC)
    desk.do(update(tables.sync_state).values(last_success_at=now - timedelta(seconds=20)))
    assert set(desk.open("channels").dataframe[0].value["last"]) == {"now"}
    desk.do(update(tables.channel).values(paused_at=now, paused_reason="The token was refused."))
    table = desk.open("channels").dataframe[0].value
    assert all(words[0] == "✕ Stopped" for words in table["health"])
    assert not {"now", "0 s", "—"} & {*table["last"], *table["behind"]}


def test_what_stops_several_at_once_is_told_in_one_message_and_once_and_when_it_is_tried_again(desk: Desk) -> None:
    def failing(entity: str, error: str, failures: int = 3) -> None:
        row = tables.sync_state.c.entity == entity
        due_at = datetime.now(UTC) + timedelta(minutes=10 if failures > 1 else 0)
        desk.do(update(tables.sync_state).where(row).values(failures=failures, last_error=error, due_at=due_at))

    for entity in ("stores", "orders"):
        failing(entity, "The shop is closed.")
    at = desk.open("channels")
    assert [each.value for each in at.error] == [
        "**Store views, orders: stopped. Tried again in 9 min.**  \nThe shop is closed\\."
    ]
    failing("carts", "No permission.")
    failing("customers", "The shop is closed.", failures=1)
    at = desk.open("channels")
    [stopped] = [each.value.replace("\\", "").replace("\u2060", "") for each in at.error]
    assert stopped.splitlines() == [
        "**Store views, orders, carts: stopped. Tried again in 9 min.**  ",
        "Store views, orders: The shop is closed.  ",
        "Carts: No permission.",
    ]
    assert at.warning[0].value.startswith("**Customers: not read at the last turn. Tried again at once.**")

    for entity in ("stores", "orders", "carts"):
        failing(entity, f"No permission for {entity}. Widen the role. Then check.")
    [stopped] = [each.value.replace("\\", "").replace("\u2060", "") for each in desk.open("channels").error]
    assert stopped.splitlines()[1:] == [
        "Store views: No permission for stores.  ",
        "Orders: No permission for orders.  ",
        "Carts: No permission for carts.  ",
        "Widen the role. Then check.",
    ]

    run = {"channel_id": 1, "entity": "stores", "kind": "tick", "started_at": datetime.now(UTC)}
    desk.do(insert(tables.sync_run).values(**run, renewed_at=datetime.now(UTC)))
    at = desk.open("channels")
    assert at.error[0].value.startswith("**Store views, orders, carts: stopped. Being tried again now.**")
    [table] = [each.value for each in at.dataframe if "next" in each.value]
    assert table["next"].iloc[0] == "running"
    assert table["health"].iloc[0][0] == "✕ Stopped"


def test_the_first_store_is_connected_from_the_screen_after_a_check(empty_desk: AppTest, filled: Filled) -> None:
    at = empty_desk.switch_page(PAGES["channels"]).run()
    _press(at, "Add channel")
    at.text_input(key="channel-name").set_value("Nordlicht").run()
    _press(at, "Check and connect")
    assert "address of the store" in at.error[0].value
    at.text_input(key="channel-url").set_value(filled.url).run()
    _press(at, "Check and connect")
    assert "all four values" in at.error[0].value
    at.segmented_control(key="channel-kind").set_value("token").run()
    at.text_input(key="channel-token").set_value("wrong")
    _press(at, "Check and connect")
    assert at.error
    at.text_input(key="channel-token").set_value("demo")
    at.text_input(key="channel-websites").set_value("us, elsewhere")
    _press(at, "Check and connect")
    assert "base, us" in at.error[0].value
    at.text_input(key="channel-websites").set_value("us,")
    _press(at, "Check and connect")
    assert is_well(at)
    store = Store(settings().store_url)
    with store.reading() as connection:
        row = connection.execute(select(tables.channel)).one()
    store.close()
    assert (row.name, row.created_by, row.allow_writes, row.website_ids) == ("Nordlicht", "Maja Petersen", False, "[2]")
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


def _settings(desk: Desk) -> AppTest:
    """The Channels screen with the drawer of the channel's settings open."""
    at = desk.open("channels")
    at.session_state["channel-settings"] = channel_by_id(desk.store, 1)
    return at.run()


def test_a_channels_settings_are_changed_from_the_screen(desk: Desk) -> None:
    at = _settings(desk)
    assert is_well(at)
    at.text_input(key="settings-name").set_value("Nordlicht")
    at.number_input(key="settings-every").set_value(120)
    at.number_input(key="settings-totals").set_value(30)
    at.date_input(key="settings-start").set_value(date(2026, 5, 1))
    at.multiselect(key="settings-websites").set_value(["2"])
    _press(at, "Save")
    assert is_well(at)
    changed = channel_by_id(desk.store, 1)
    assert (changed.name, changed.every_seconds, changed.website_ids) == ("Nordlicht", 120, frozenset({2}))
    assert (changed.start_date, changed.totals_a_run) == (datetime(2026, 5, 1, tzinfo=UTC), 30)
    assert "settings-name" not in at.session_state
    again = _settings(desk)
    assert again.multiselect(key="settings-websites").value == ["2"]
    again.multiselect(key="settings-websites").set_value([])
    again.date_input(key="settings-start").set_value(None)
    _press(again, "Save")
    assert channel_by_id(desk.store, 1).rules.websites is None
    assert channel_by_id(desk.store, 1).start_date is None


@pytest.mark.parametrize("day", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)])
def test_settings_open_for_any_start_date_that_the_command_line_took(desk: Desk, day: datetime) -> None:
    change_channel(desk.store, "Test shop", lambda rules: replace(rules, start_date=day))
    at = _settings(desk)
    assert is_well(at)
    _press(at, "Save")
    assert channel_by_id(desk.store, 1).start_date == day


def test_what_somebody_else_changed_while_the_settings_were_open_stays(desk: Desk) -> None:
    at = _settings(desk)
    change_channel(desk.store, "Test shop", lambda rules: replace(rules, allow_writes=False, page_size=50))
    at.number_input(key="settings-every").set_value(120)
    _press(at, "Save")
    changed = channel_by_id(desk.store, 1)
    assert (changed.every_seconds, changed.allow_writes, changed.page_size) == (120, False, 50)


def test_settings_that_were_cancelled_are_left_as_they_were(desk: Desk) -> None:
    before = channel_by_id(desk.store, 1)
    at = _settings(desk)
    at.number_input(key="settings-every").set_value(120)
    _press(at, "Cancel")
    assert is_well(at)
    assert "channel-settings" not in at.session_state
    assert channel_by_id(desk.store, 1) == before
    assert _settings(desk).number_input(key="settings-every").value == before.every_seconds


def test_settings_that_cannot_be_are_told_in_the_drawer_and_nothing_is_saved(desk: Desk) -> None:
    before = channel_by_id(desk.store, 1)
    at = _settings(desk)
    at.text_input(key="settings-name").set_value("  ")
    _press(at, "Save")
    assert "needs a name" in at.error[0].value
    assert channel_by_id(desk.store, 1) == before


def test_the_part_of_the_shops_rows_is_shown_while_some_are_missing(desk: Desk) -> None:
    assert "part" not in desk.open("channels").dataframe[0].value.columns
    desk.do(update(tables.sync_state).where(tables.sync_state.c.entity == "orders").values(remote_count=10_000))
    parts = desk.open("channels").dataframe[0].value["part"]
    assert [round(part) if part == part else None for part in parts] == [None, None, 1, None]


def test_a_record_in_quarantine_tells_its_whole_reason(desk: Desk) -> None:
    reason = "The line's quantity is not a number. " * 8 + "The end."
    seen = datetime.now(UTC) - timedelta(hours=5)
    row = {"channel_id": 1, "entity": "orders", "origin_id": 431, "reason": reason, "tries": 3}
    desk.do(insert(tables.quarantine).values(**row, first_seen_at=seen, last_tried_at=seen))
    [told] = desk.open("channels").table
    assert told.value["Record"][0] == "Order 431  \n:small[:gray[5 h · 3 tries]]"
    assert told.value["Reason"][0].endswith("The end\\.")
