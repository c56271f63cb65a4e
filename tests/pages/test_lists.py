from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, update
from streamlit.testing.v1 import AppTest

from crm_core.insight.attempts import Wanted
from crm_core.insight.filters import Filter
from crm_core.insight.grids import cart_page
from crm_core.insight.periods import Period
from crm_core.insight.sorting import DEFAULT_SORT
from crm_core.magento.auth import Bearer
from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.sync.record import synchronise_cart
from crm_core.sync.setting_up import add_channel
from crm_core.sync.work import read_entity
from demo_store import Shop, serve
from pages.widgets import listing
from pages.widgets.desk import store as open_desk_store
from tests.pages.conftest import PAGES, Desk
from tests.pages.screens import is_well, params_of, words_of

_ATTEMPT = {
    "shop_id": 1,
    "cart_origin_id": 1,
    "channel_id": 1,
    "person": "Maja Petersen",
    "state": "refused",
    "holds": False,
    "claimed_at": datetime(2026, 5, 1, 12, tzinfo=UTC),
    "lookups": 0,
    "currency": "EUR",
    "shown_grand_total": Decimal("84.20"),
}


def test_carts_show_50_rows_newest_first_with_their_number_and_sum(desk: Desk) -> None:
    at = desk.open("carts")
    page = cart_page(desk.store, Filter("carts"), DEFAULT_SORT["carts"])
    grid = at.dataframe[0].value
    assert list(grid["number"]) == [str(row.origin_id) for row in page.rows]
    assert len(grid) == 50
    assert f"**{page.matching}** of {page.total:,} carts" in words_of(at)
    assert "Updated, newest first · 1–50 · as of " in words_of(at)


def test_times_in_a_list_say_which_year_they_are_of(desk: Desk) -> None:
    key, last_year = desk.order(), datetime.now(UTC).year - 1
    for created, shown in (
        (datetime(2019, 11, 20, 9, 12, tzinfo=UTC), "20 Nov 2019"),
        (datetime(last_year, 1, 2, 9, 12, tzinfo=UTC), f"2 Jan {last_year}"),
    ):
        desk.do(update(tables.order).where(tables.order.c.id == key).values(created_at=created))
        grid = desk.open("orders", sort="created").dataframe[0].value
        assert grid["created"][0] == shown


def test_orders_show_their_columns_as_text_that_cannot_be_markup(desk: Desk) -> None:
    grid = desk.open("orders").dataframe[0].value
    shown = {
        "status",
        "name",
        "total",
        "number",
        "created",
        "paid",
        "updated",
        "channel",
        "website",
        "store",
        "country",
    }
    assert shown <= set(grid)
    assert all(each.startswith("€") for each in grid["total"])
    assert all(isinstance(each, str) for each in grid["name"])


def test_what_is_typed_becomes_conditions_and_words_stay_in_the_box_not_in_the_address(desk: Desk) -> None:
    desk.new_cart(("MUG-01", 2))
    at = desk.open("carts")
    at.text_input(key="filter-text").set_value("total>5 status:open guest@example.test").run()
    params = params_of(at)
    assert params["total"] == "5.."
    assert params["status"] == "open"
    assert "guest" not in str(params)
    assert at.text_input(key="filter-text").value == "guest@example.test"
    again = desk.open("carts", **params)
    assert again.text_input(key="filter-text").value == "guest@example.test"
    assert again.dataframe[0].value.equals(at.dataframe[0].value)


def test_words_typed_while_another_program_holds_the_store_are_told_so_and_taken_later(
    desk: Desk,
) -> None:
    at = desk.open("carts")
    with open_desk_store().writing() as connection:  # the app's own connection need not wait long for its turn
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with desk.store.writing():
        at.text_input(key="filter-text").set_value("guest@example.test").run()
    assert is_well(at)
    assert "locked by another program" in str([toast.value for toast in at.toast])
    assert at.title[0].value == "Carts"
    assert not params_of(at)
    at.text_input(key="filter-text").set_value("guest@example.test").run()
    assert "f" in params_of(at)


def test_a_term_that_is_not_understood_is_said_once(desk: Desk) -> None:
    at = desk.open("carts")
    at.text_input(key="filter-text").set_value("colour:red").run()
    assert "colour" in at.warning[0].value
    assert not at.run().warning


def test_a_status_pressed_shows_only_those_rows_and_the_counts_stay(desk: Desk) -> None:
    at = desk.open("carts")
    before = [option.content for option in at.segmented_control(key="filter-status-single").proto.options]
    at.segmented_control(key="filter-status-single").set_value("open").run()
    assert params_of(at) == {"status": "open"}
    assert set(at.dataframe[0].value["status"].map(lambda chips: chips[0])) == {"● Open"}
    after = [option.content for option in at.segmented_control(key="filter-status-single").proto.options]
    assert before == after


def test_a_condition_is_taken_away_by_its_pill_and_all_by_clear(desk: Desk) -> None:
    at = desk.open("carts", country="DE", total="10..", updated="90d")
    assert at.pills(key="filter-conditions").value == ["updated", "total", "country", "filled"]
    at.pills(key="filter-conditions").set_value(["updated", "total", "filled"]).run()
    assert params_of(at) == {"total": "10..", "updated": "90d"}
    next(each for each in at.button if each.label == "Clear").click().run()
    assert params_of(at) == {}


def test_carts_without_items_are_left_out_with_a_word_that_brings_them_back(desk: Desk) -> None:
    desk.do(update(tables.cart).where(tables.cart.c.id == desk.cart(status="open")).values(items_qty=0))
    at = desk.open("carts")
    assert "carts with items" in words_of(at)
    assert "Clear" not in [each.label for each in at.button]
    pills = at.pills(key="filter-conditions")
    assert [option.content for option in pills.proto.options] == ["With items :material/close:"]
    pills.set_value([]).run()
    assert params_of(at) == {"items": "all"}
    assert "carts with items" not in words_of(at)
    at.pills(key="filter-conditions").set_value([]).run()
    assert params_of(at) == {}


def test_a_cart_whose_lines_the_shop_never_told_has_no_amount(desk: Desk) -> None:
    key = desk.cart(status="expired")
    unknown = {"base_subtotal": 0, "grand_total": None, "totals": None, "updated_at": datetime.now(UTC)}
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(**unknown))
    desk.do(delete(tables.cart_item).where(tables.cart_item.c.cart_id == key))
    grid = desk.open("carts").dataframe[0].value
    assert list(grid[grid["number"] == str(origin_of(key)[1])]["subtotal"].isna()) == [True]
    at = desk.open("cart", id=str(key))
    assert at.button(key="place-order").label == "Place order"
    assert "tells neither lines nor amounts" in words_of(at)
    assert "0.00" not in words_of(at)
    assert "in 0 lines" not in words_of(at)


def test_a_cart_with_unavailable_products_carries_a_sign_and_the_list_says_what_it_means(desk: Desk) -> None:
    desk.do(update(tables.cart).values(unavailable_count=0))
    assert "unavailable in the shop" not in words_of(desk.open("carts", status="open"))
    key = desk.new_cart(("MUG-01", 2), ("CUSHION-01", 1))
    desk.shop.disable_product("CUSHION-01")
    try:
        synchronise_cart(desk.store, key, "Maja Petersen")
        at = desk.open("carts", status="open")
    finally:
        desk.shop.enable_product("CUSHION-01")
    grid = at.dataframe[0].value
    assert list(grid[grid["number"] == str(origin_of(key)[1])]["qty"]) == ["⚠ 3"]
    assert sum("⚠" in each for each in grid["qty"]) == 1
    assert "⚠ products unavailable in the shop · " in words_of(at)


def test_the_popovers_write_the_same_address_as_the_keyboard(desk: Desk) -> None:
    at = desk.open("carts", sort="-subtotal")
    at.session_state["popover-updated"] = at.session_state["popover-more"] = at.session_state["popover-subtotal"] = True
    at.run()
    at.pills(key="filter-updated").set_value("90d").run()
    at.number_input(key="filter-amount-From").set_value(20.5).run()
    at.multiselect(key="filter-countries").set_value(["DE", "NL"]).run()
    at.pills(key="filter-guest").set_value(True).run()
    at.text_input(key="filter-sku").set_value("MUG-01").run()
    at.toggle(key="filter-empty").set_value(True).run()
    assert is_well(at)
    params = params_of(at)
    assert params.pop("sort") == "-subtotal"
    typed, _ = Filter.from_text("carts", "updated:90d total>=20.5 country:DE,NL customer:guest sku:MUG-01 items:all")
    assert params == typed.to_url()


@pytest.mark.parametrize(
    ("column", "first", "then"),
    [
        ("name", "Last name, A to Z", "Last name, Z to A"),
        ("subtotal", "Subtotal, highest first", "Subtotal, lowest first"),
        ("activity", "Last activity, newest first", "Last activity, oldest first"),
    ],
)
def test_a_header_sorts_as_one_looks_first_and_pressed_again_the_other_way_round(
    desk: Desk, column: str, first: str, then: str
) -> None:
    pressed = listing.everything("carts").sorted_by(column)
    assert first in words_of(desk.open("carts", **pressed.sort.to_url()))
    assert then in words_of(desk.open("carts", **pressed.sorted_by(column).sort.to_url()))


@pytest.mark.parametrize("screen", ["carts", "orders", "customers", "attempts"])
def test_a_parameter_that_is_no_filter_is_told_and_the_list_shows_all_the_same(desk: Desk, screen: str) -> None:
    known = {"attempts": "outcome", "customers": "country"}.get(screen, "status")
    desk.do(insert(tables.attempt).values(**_ATTEMPT))
    at = desk.open(screen, **{known[:-1]: "open"})
    [notice] = at.warning
    assert f"“{known[:-1]}” is no filter here; the list shows what it would without it" in notice.value
    assert f"Did you mean “{known}”?" in notice.value
    assert len(at.dataframe[0].value)
    several = desk.open(screen, **{f"utm_{each}": "mail" for each in "abcd"})
    [notice] = several.warning
    assert "and 1 more are no filters here" in notice.value.replace("\\", "")


def test_no_parameter_that_the_desk_or_streamlit_puts_into_an_address_is_told_as_unknown(desk: Desk) -> None:
    embedded = {"embed": "true", "embed_options": "dark_theme"}
    carts = "status:open channel:1 store:1.1 updated:90d created:90d total:5..900 currency:EUR country:DE sku:MUG-01"
    orders = "status:complete updated:90d created:90d total:5..900 country:DE customer:guest deleted:no"
    customers = "channel:1 website:1.1 group:1.1 updated:90d created:90d country:DE newsletter:yes deleted:yes"
    for screen, words, column in (
        ("carts", f"{carts} items:all customer:guest zzqq", "name"),
        ("orders", f"{orders} zzqq", "name"),
        ("customers", f"{customers} zzqq", "email"),
    ):
        at = desk.open(screen)
        at.text_input(key="filter-text").set_value(words).run()
        address = {**params_of(at), "sort": column, "page": "2", "left": f"{screen}?period=7d", **embedded}
        assert "f" in address
        assert not at.warning
        again = desk.open(screen, **address)
        assert is_well(again)
        assert not again.warning, again.warning[0].value
    desk.do(insert(tables.attempt).values(**_ATTEMPT))
    wanted = Wanted(("placed",), Period.parse("90d"), "Maja Petersen", 1, "lines")
    assert not desk.open("attempts", **wanted.to_url(), page="1", **embedded).warning


def test_a_page_is_turned_in_the_address_and_one_too_far_shows_the_last(desk: Desk) -> None:
    at = desk.open("carts")
    at.pagination(key="carts-pagination").set_value(2).run()
    assert params_of(at) == {"page": "2"}
    assert "51–" in words_of(at)
    last = desk.open("carts", page="900")
    assert is_well(last)
    assert [each.value for each in last.warning] == ["There is no page 900: the last one is shown."]
    assert last.pagination(key="carts-pagination").value == at.pagination(key="carts-pagination").proto.num_pages


def test_no_match_tells_the_filter_and_offers_the_way_out(desk: Desk) -> None:
    at = desk.open("carts", sku="NO-SUCH-SKU", status="lost")
    assert "No cart matches these filters" in words_of(at)
    assert "0 of" in words_of(at).replace("*", "")
    next(each for each in at.button if each.label == "Remove the status filter").click().run()
    assert params_of(at) == {"sku": "NO-SUCH-SKU"}


def test_filter_widgets_show_what_the_address_says(desk: Desk) -> None:
    at = desk.open("orders", total="10..99.5", country="DE", created="30d", customer="known", deleted="no")
    assert is_well(at)
    for popover in ("dates", "total", "more"):
        at.session_state[f"popover-{popover}"] = True
    at.run()
    assert at.number_input(key="filter-amount-From").value == 10
    assert Decimal(str(at.number_input(key="filter-amount-To").value)) == Decimal("99.5")
    assert at.multiselect(key="filter-countries").value == ["DE"]
    assert at.pills(key="filter-created").value == "30d"
    assert at.pills(key="filter-guest").value is False


def _type(at: AppTest, text: str) -> AppTest:
    return at.text_input(key="filter-text").set_value(text).run()


def test_an_amount_that_is_typed_takes_the_place_of_the_one_before(desk: Desk) -> None:
    at = _type(desk.open("orders"), "total>=50")
    assert params_of(at) == {"total": "50.."}
    _type(at, "total<=30 country:DE")
    assert is_well(at)
    assert params_of(at) == {"total": "..30", "country": "DE"}


def test_words_that_match_nothing_say_where_they_were_looked_for(desk: Desk) -> None:
    at = _type(desk.open("carts"), "zzqq")
    assert "not in product names" in words_of(at)
    assert "not in product names" in at.text_input(key="filter-text").help
    assert "not in product names" not in words_of(desk.open("carts", sku="zzqq"))


def _importing(shown: int) -> AppTest:
    """What a list says of a first import, when `shown` rows were counted before."""

    def script(shown: int) -> None:
        from crm_core.insight.filters import Filter
        from pages.widgets.first_run import draw_importing

        draw_importing(Filter("carts"), ("Test shop",), shown)

    return AppTest.from_function(script, args=(shown,)).run()


def test_rows_that_come_with_a_first_import_are_told_and_shown_when_asked_for(desk: Desk) -> None:
    assert "first import" not in words_of(desk.open("carts"))
    desk.do(update(tables.sync_state).values(first_import_done_at=None))
    at = desk.open("carts")
    assert "first import of Test shop is running, newest first." in words_of(at)
    assert not [each for each in at.button if each.label == "Show them"]
    total = int(at.session_state["carts-page"].total)
    later = _importing(total - 7)
    assert "running, newest first: 7 more carts came." in words_of(later)
    assert [each.label for each in later.button] == ["Show them"]
    desk.do(update(tables.sync_state).values(first_import_done_at=tables.sync_state.c.last_success_at))
    assert "is done: 7 more carts came." in words_of(_importing(total - 7))


def test_a_shop_without_orders_says_so_instead_of_reading_for_ever(empty_desk: AppTest) -> None:
    store = Store(settings().store_url)
    with serve(Shop()) as url:
        add_channel(store, "New shop", url, Bearer("demo"), person="Maja", check_first=False)
        read_entity(store, 1, "stores", holder="test")
        at = empty_desk.switch_page(PAGES["orders"]).run()
        assert "Reading New shop" in words_of(at)
        read_entity(store, 1, "orders", holder="test")
        assert "No orders in New shop yet" in words_of(at.run())
    store.close()
