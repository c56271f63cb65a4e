from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import select, text, update
from streamlit.testing.v1 import AppTest

from crm_core.magento.auth import Bearer
from crm_core.settings import settings
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.sync.setting_up import add_channel
from pages.widgets.no_such_page import pages_for
from tests.pages.conftest import PAGES, Desk, forget_store, new_session
from tests.pages.screens import is_well, words_of


def test_every_screen_of_a_filled_desk_is_drawn_without_an_error(desk: Desk) -> None:
    customer = desk.rows(select(tables.customer.c.id).limit(1))[0].id
    keys = {"cart": desk.cart(), "order": desk.order(), "customer": customer}
    params = {page: {"id": str(key)} for page, key in keys.items()}
    assert is_well(desk.open())
    for page in PAGES:
        at = desk.open(page, **params.get(page, {}))
        assert is_well(at), page
        assert at.title, page


def test_after_a_price_change_neither_a_sync_nor_any_screen_moves_a_carts_time_in_the_shop(desk: Desk) -> None:
    def times() -> dict[int, str]:
        return {cart["entity_id"]: cart["updated_at"] for cart in desk.shop.records.state.all("cart")}

    key = desk.new_cart(("TEAPOT-01", 1))
    cart = origin_of(key)[1]
    desk.shop.touch_cart(cart, "2026-02-03 04:05:06")
    desk.shop.set_price("TEAPOT-01", "60.00")
    try:
        before = times()
        desk.read("customers", "orders", "carts")
        for page in ("", *PAGES):
            assert not desk.open(page, **({"id": str(key)} if page == "cart" else {})).exception
        desk.open("cart", id=str(key)).button(key="place-order").click().run()
        assert desk.shop.cart(cart)["trigger_recollect"]
        assert times() == before
    finally:
        desk.shop.set_price("TEAPOT-01", "54.95")


def test_days_at_both_ends_of_time_are_drawn(desk: Desk) -> None:
    keys = {"cart": desk.cart(), "order": desk.order()}
    for table, key in ((tables.cart, keys["cart"]), (tables.order, keys["order"])):
        desk.do(update(table).where(table.c.id == key).values(created_at=datetime(9999, 12, 31, 12, 30, tzinfo=UTC)))
        desk.do(update(table).where(table.c.id != key).values(created_at=datetime(1, 1, 1, tzinfo=UTC)))
    desk.do(update(tables.order).where(tables.order.c.id == keys["order"]).values(local_day=date(9999, 12, 31)))
    desk.do(update(tables.order).where(tables.order.c.id != keys["order"]).values(local_day=date(1, 1, 1)))
    with desk.store.writing() as connection:
        rollups.rebuild(connection)
    assert is_well(desk.open())
    for page in ("carts", "orders"):
        assert is_well(desk.open(page, sort="-created", created="2020-01-01.."))
        assert is_well(desk.open(page, sort="created"))
    for page, key in keys.items():
        assert is_well(desk.open(page, id=str(key)))


def test_a_new_desk_offers_to_connect_the_first_store_on_every_screen(empty_desk: AppTest) -> None:
    for page in ("", "carts", "orders", "customers", "channels"):
        if page:
            empty_desk.switch_page(PAGES[page]).run()
        assert is_well(empty_desk)
        assert "Connect your first Magento store" in words_of(empty_desk)
        assert any(button.label == "Add channel" for button in empty_desk.button)


@pytest.mark.usefixtures("empty_desk")
def test_a_first_import_under_way_is_said_and_no_empty_list_is_shown() -> None:
    store = Store(settings().store_url)
    add_channel(store, "New shop", "http://127.0.0.1:9", Bearer("demo"), person="Maja", check_first=False)
    store.close()
    at = new_session()
    forget_store()
    at.run()
    at.switch_page(PAGES["carts"]).run()
    assert is_well(at)
    assert "Reading New shop" in words_of(at)


def test_a_store_of_a_newer_version_is_told_and_the_app_stays_up(desk: Desk) -> None:
    desk.do(text("UPDATE alembic_version SET version_num = '9999'"))
    forget_store()
    at = desk.open()
    assert not at.exception
    assert "Install the newer version" in at.error[0].value


def test_a_store_that_is_no_database_is_told(empty_desk: AppTest, tmp_path: Path) -> None:
    for file in (tmp_path / "data").glob("desk.db*"):
        file.unlink()
    (tmp_path / "data" / "desk.db").write_bytes(b"not a database at all" * 100)
    forget_store()
    empty_desk.run()
    assert not empty_desk.exception
    assert empty_desk.error


def test_nobody_signed_in_on_an_open_address_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_HOST", "192.0.2.1")
    settings.cache_clear()
    at = desk.open("cart", id=str(desk.cart(status="open")))
    at.button(key="synchronise").click().run()
    assert "Nobody is signed in" in words_of(at)
    assert not desk.rows(select(tables.record_event.c.id))


def test_a_sign_in_that_is_set_up_in_part_tells_what_to_do() -> None:
    at = new_session()
    at.user["is_logged_in"] = False
    at.run()
    assert not at.error
    at.button[0].click().run()
    assert not at.exception
    assert "Nobody can sign in yet" in at.error[0].value
    assert "docs/settings" in at.error[0].value


@pytest.mark.parametrize("page", ["cart", "order"])
def test_an_id_that_does_not_exist_is_told_with_a_way_back(desk: Desk, page: str) -> None:
    at = desk.open(page)
    for wanted in ("", "999999", "0", "-1", "abc", "9" * 30, "1 OR 1=1", "٣"):
        at.query_params["id"] = wanted
        at.run()
        assert not at.exception, wanted
        assert at.warning, wanted
        assert at.get("page_link"), wanted
        assert "Try again" not in [each.label for each in at.button], wanted


def test_addresses_edited_by_hand_are_told_and_the_rest_of_them_holds(desk: Desk) -> None:
    at = desk.open(
        "carts", status="open,nonsense", total="x..y", page="-3", sort="drop table", f="<script>", country="DE"
    )
    assert is_well(at)
    said = " ".join(each.value for each in at.warning)
    for part in ("status", "total", "page", "sorted", "saved filter"):
        assert part in said
    assert any("Country" in option.content for pills in at.pills for option in pills.proto.options)


@pytest.mark.parametrize("asked", ["", " ", "/", "a/b", "carts", "carts "])
def test_an_address_that_is_a_pages_or_can_be_none_gets_no_page_of_its_own(asked: str) -> None:
    assert pages_for(asked, {"carts"}, st.Page(lambda: None, url_path="home")) == []
