"""The forms that mend a cart, one press at a time, on the screen of the cart."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from crm_core.sales.cart_addresses import AddressKind
from crm_core.store import tables
from crm_core.store.keys import origin_of, record_key
from demo_store import Faults
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def _editor(desk: Desk, key: int, section: str = "Items") -> AppTest:
    """The cart's screen with the drawer open at a section."""
    at = desk.open("cart", id=str(key))
    at.button(key=f"open-editor-{'Addresses' if section == 'Addresses' else 'Items'}").click().run()
    if section == "Coupon":
        at.segmented_control(key="edit-section").set_value("Coupon").run()
    assert is_well(at)
    return at


def _lines(desk: Desk, key: int) -> dict[str, float]:
    """What the shop holds: quantities by SKU."""
    return {line["sku"]: line["qty"] for line in desk.shop.cart(origin_of(key)[1])["lines"]}


def _item(desk: Desk, key: int, sku: str) -> int:
    return next(int(line["item_id"]) for line in desk.shop.cart(origin_of(key)[1])["lines"] if line["sku"] == sku)


def _cart(desk: Desk, *lines: tuple[str, int], **details: Any) -> int:
    """The key of a cart in the shop, mirrored."""
    origin_id = desk.shop.add_cart(lines or (("MUG-01", 2),), **details)
    desk.read("customers", "carts")
    return record_key(1, origin_id)


def _field(at: AppTest, kind: str, ending: str) -> Any:
    """The one field whose key ends so."""
    (found,) = (each for each in at.get(kind) if str(each.key).endswith(f"-{ending}"))
    return found


def _quantity(at: AppTest, item_id: int) -> Any:
    return next(each for each in at.number_input if f"qty-{item_id}-" in str(each.key))


def _press(at: AppTest, label: str, which: int = 0) -> AppTest:
    [each for each in at.button if each.label == label][which].click()
    return at.run()


def _said(at: AppTest) -> str:
    """What the screen says, as a person reads it."""
    return words_of(at).replace("\\", "").replace("\u2060", "")


def _search(at: AppTest, words: str) -> AppTest:
    _field(at, "text_input", "words").set_value(words)
    return _press(at, "Search")


def _writes(desk: Desk, key: int) -> list[str]:
    cart_id = origin_of(key)[1]
    return [
        each
        for each in desk.shop.requests
        if not each.startswith("GET") and f"/carts/{cart_id}/" in each and "estimate" not in each
    ]


def test_opening_the_editor_and_searching_write_nothing(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _editor(desk, key)
    _search(at, "mug")
    for section in ("Coupon", "Addresses"):
        at.segmented_control(key="edit-section").set_value(section).run()
        assert is_well(at)
    assert _writes(desk, key) == []


def test_a_quantity_is_saved_once_and_the_screen_shows_it(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2), ("BOOK 01", 1))
    at = _editor(desk, key)
    item = _item(desk, key, "MUG-01")
    _quantity(at, item).set_value(5.0)
    at.button(key=f"edit-line-{item}-submit-0").click().run()
    assert is_well(at)
    assert _lines(desk, key) == {"MUG-01": 5, "BOOK 01": 1}
    assert "Now 5 × Stoneware mug, blue" in _said(at)
    assert _quantity(at, item).value == 5
    assert len(_writes(desk, key)) == 1
    assert [row.qty for row in desk.rows(tables.cart_item.select().where(tables.cart_item.c.cart_id == key))] == [5, 1]


def test_a_refused_quantity_is_told_at_its_line_and_what_was_typed_stays(desk: Desk) -> None:
    key = desk.new_cart(("RARE-01", 1))
    at = _editor(desk, key)
    item = _item(desk, key, "RARE-01")
    _quantity(at, item).set_value(500.0)
    at.button(key=f"edit-line-{item}-submit-0").click().run()
    assert not at.exception
    assert "not available" in at.error[0].value
    assert _quantity(at, item).value == 500
    assert _lines(desk, key) == {"RARE-01": 1}


def test_who_changes_a_line_that_somebody_else_has_changed_or_removed_is_told(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2), ("BOOK 01", 1))
    item, gone = _item(desk, key, "MUG-01"), _item(desk, key, "BOOK 01")
    one, other = _editor(desk, key), _editor(desk, key)
    _quantity(one, item).set_value(5.0)
    one.button(key=f"edit-line-{item}-submit-0").click().run()
    _quantity(other, item).set_value(3.0)
    other.button(key=f"edit-line-{item}-submit-0").click().run()
    assert "it holds 5 × Stoneware mug, blue now, not 2" in other.warning[0].value.replace("\\", "")
    assert _quantity(other, item).value == 5
    other.button(key=f"edit-line-{gone}-replace").click().run()
    _search(other, "lantern")
    one.button(key=f"edit-line-{gone}-remove-1").click().run()
    assert _lines(desk, key) == {"MUG-01": 5}
    _press(other, "Put it in")
    assert "That line is no longer in the cart" in other.warning[0].value
    assert "Add a product" in _said(other)
    assert _lines(desk, key) == {"MUG-01": 5}


def test_a_line_is_removed_and_the_last_one_leaves_an_empty_cart(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2), ("BOOK 01", 1))
    at = _editor(desk, key)
    _press(at, "Remove", 1)
    assert "Book: The House in Winter removed" in _said(at)
    assert _lines(desk, key) == {"MUG-01": 2}
    _press(at, "Remove")
    assert is_well(at)
    assert "The cart is empty" in _said(at)
    assert _lines(desk, key) == {}


def test_a_line_that_the_shop_hides_is_replaced(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1), ("VASE-01", 2))
    hidden = _item(desk, key, "VASE-01")
    desk.shop.disable_product("VASE-01")
    try:
        desk.read("carts")
        at = desk.open("cart", id=str(key))
        _press(at, "Synchronise")
        at.button(key="open-editor-Items").click().run()
        assert "Not in the shop" in _said(at)
        at.button(key=f"edit-line-{hidden}-replace").click().run()
        _search(at, "lantern")
        assert _field(at, "number_input", "pieces").value == 2
        _press(at, "Put it in")
    finally:
        desk.shop.enable_product("VASE-01")
    assert is_well(at)
    assert "replaced by 2 × Storm lantern" in _said(at)
    assert _lines(desk, key) == {"MUG-01": 1, "LANTERN-01": 2}


def test_a_product_is_found_by_words_and_added_with_its_price_and_stock_shown(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _editor(desk, key)
    _search(at, "teapot")
    assert re.search(r"Cast-iron teapot.*€5\d\.95.*[\d,]+ left", _said(at), re.DOTALL)
    _field(at, "number_input", "pieces").set_value(3.0).run()
    _press(at, "Add")
    assert is_well(at)
    assert "3 × Cast-iron teapot added" in _said(at)
    assert _lines(desk, key) == {"MUG-01": 1, "TEAPOT-01": 3}
    assert len(_writes(desk, key)) == 1


def test_prices_found_for_a_cart_of_another_currency_are_about_and_in_that_one(desk: Desk) -> None:
    at = _search(_editor(desk, _cart(desk, ("BOOK 01", 1), store_id=3)), "teapot")
    assert "catalogue prices in USD at the cart's rate" in _said(at)
    assert re.search(r"Cast-iron teapot.*about\S* US\$\d\d\.\d\d", _said(at), re.DOTALL)
    assert "€" not in _said(at).partition("catalogue prices")[2].partition("left")[0]


def test_what_cannot_be_added_says_why(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.set_stock("CLOCK-01", 0, in_stock=False)
    try:
        at = _search(_editor(desk, key), "clock")
    finally:
        desk.shop.set_stock("CLOCK-01", 1000)
    assert "It is out of stock" in _said(at)
    assert next(each for each in at.button if each.label == "Add").disabled
    _search(at, "no such thing")
    assert "no product with “no such thing”" in _said(at)


def test_a_configurable_product_is_added_by_what_is_chosen(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _search(_editor(desk, key), "felt slippers")
    _press(at, "Choose")
    size = next(each for each in at.selectbox if each.label == "Size")
    assert size.options == ["37", "39", "41", "43"]
    size.select("41").run()
    _press(at, "Add")
    assert is_well(at)
    assert "added" in _said(at)
    assert _lines(desk, key) == {"MUG-01": 1, "SLIPPER-41": 1}
    assert ":small[:gray[Size 41 · SLIPPER-41]]" in _said(at)


def test_a_wrong_coupon_is_told_and_costs_nothing_a_right_one_is_put_on_and_taken_off(desk: Desk) -> None:
    key = _cart(desk, ("TEAPOT-01", 1), coupon="WELCOME10")
    at = desk.open("cart", id=str(key))
    _press(at, "Synchronise")
    at.button(key="open-editor-Items").click().run()
    at.segmented_control(key="edit-section").set_value("Coupon").run()
    for code, why in (("SPRING25", "expired"), ("NO-SUCH", "does not exist")):
        _field(at, "text_input", "coupon").set_value(code)
        _press(at, "Put it on")
        assert why in _said(at)
        assert desk.shop.cart(origin_of(key)[1])["coupon_code"] == "WELCOME10"
    _press(at, "Take it off")
    assert is_well(at)
    assert desk.shop.cart(origin_of(key)[1])["coupon_code"] is None
    assert "The cart has no coupon" in _said(at)
    _field(at, "text_input", "coupon").set_value("WELCOME10")
    _press(at, "Put it on")
    assert is_well(at)
    assert "The coupon WELCOME10 is on the cart" in _said(at)


def test_who_changes_a_coupon_that_somebody_else_has_changed_is_told_and_sees_it(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    one, other = _editor(desk, key, "Coupon"), _editor(desk, key, "Coupon")
    for at in (one, other):
        _field(at, "text_input", "coupon").set_value("WELCOME10")
    _press(one, "Put it on")
    _press(other, "Put it on")
    assert "The cart has the coupon WELCOME10 now." in _said(other)
    assert "Coupon **WELCOME10**" in _said(other)
    _press(one, "Take it off")
    _press(other, "Take it off")
    assert "WELCOME10 is no longer on the cart" in _said(other)
    assert "The cart has no coupon" in _said(other)
    assert len(_writes(desk, key)) == 2
    _press(other, "Put it on")
    assert is_well(other)
    assert desk.shop.cart(origin_of(key)[1])["coupon_code"] == "WELCOME10"


def _fill(at: AppTest, **values: str) -> None:
    for name, value in values.items():
        kind = "text_area" if name == "street" else "text_input"
        _field(at, kind, name).set_value(value)


def test_an_address_is_entered_with_a_region_of_its_country(desk: Desk) -> None:
    key = _cart(desk, ("MUG-01", 1), store_id=3, ready=False, email=None)
    at = _editor(desk, key, "Addresses")
    country = _field(at, "selectbox", "country")
    assert country.options == ["Canada", "United States"]
    country.select("United States").run()
    _fill(at, firstname="Ada", lastname="Vos", street="1 Main St\nFloor 2", postcode="97201", city="Portland")
    _press(at, "Save the shipping address")
    assert "lacks: telephone" in _said(at)
    assert _field(at, "text_input", "city").value == "Portland"
    _fill(at, telephone="+1 503 555 0101", email="ada@example.test")
    _press(at, "Save the shipping address")
    assert "Choose a region" in _said(at)
    assert _writes(desk, key) == []
    _field(at, "selectbox", "region-US").select("Oregon")
    assert _field(at, "checkbox", "both").value
    _press(at, "Save the shipping address")
    assert is_well(at)
    assert "Addresses saved" in _said(at)
    held = desk.shop.cart(origin_of(key)[1])
    for address in (held["billing"], held["shipping"]):
        assert (address["region_id"], address["city"], address["street"]) == (51, "Portland", ["1 Main St", "Floor 2"])
    assert len(_writes(desk, key)) == 1


def test_an_address_is_picked_from_the_customers_address_book(desk: Desk) -> None:
    address = {"firstname": "Ada", "lastname": "Vos", "street": ["Kade 1"], "city": "Gouda", "postcode": "2801 AA"}
    customer = desk.shop.add_customer(
        "ada.book@example.test", address=address | {"country_id": "NL", "telephone": "+31 182 555 010"}
    )
    key = _cart(desk, ("MUG-01", 1), customer_id=customer)
    at = _editor(desk, key, "Addresses")
    start = _field(at, "selectbox", "start")
    assert start.options[-2:] == ["Address book: Ada Vos, Kade 1, 2801 AA Gouda", "A new address"]
    start.select(start.options[-2]).run()
    assert _field(at, "text_input", "city").value == "Gouda"
    _press(at, "Save the shipping address")
    assert is_well(at)
    assert desk.shop.cart(origin_of(key)[1])["shipping"]["city"] == "Gouda"


def test_one_address_is_changed_and_the_other_stays(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _editor(desk, key, "Addresses")
    at.segmented_control(key="edit-kind").set_value(AddressKind.BILLING).run()
    assert not _field(at, "checkbox", "both").value
    _fill(at, city="Utrecht", company="Vos BV")
    _press(at, "Save the billing address")
    assert is_well(at)
    held = desk.shop.cart(origin_of(key)[1])
    assert (held["billing"]["city"], held["billing"]["company"]) == ("Utrecht", "Vos BV")
    assert held["shipping"]["city"] == "Amsterdam"
    assert held["billing"]["email"] == "guest@example.test"


def test_who_saves_an_address_that_somebody_else_has_changed_is_told_and_what_was_typed_stays(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    one, other = _editor(desk, key, "Addresses"), _editor(desk, key, "Addresses")
    _fill(one, city="Gouda")
    _press(one, "Save the shipping address")
    other.run()
    assert _field(other, "text_input", "city").value == "Amsterdam", "the desk knows better, but this is what was seen"
    _fill(other, city="Delft")
    _press(other, "Save the shipping address")
    assert "The shipping address has changed meanwhile: city Gouda." in _said(other)
    assert _field(other, "text_input", "city").value == "Delft"
    assert desk.shop.cart(origin_of(key)[1])["shipping"]["city"] == "Gouda"
    _press(other, "Save the shipping address")
    assert is_well(other)
    assert "Shipping address saved" in _said(other)
    assert desk.shop.cart(origin_of(key)[1])["shipping"]["city"] == "Delft"
    other.segmented_control(key="edit-kind").set_value(AddressKind.BILLING).run()
    desk.shop.cart(origin_of(key)[1])["billing"]["city"] = "Leiden"
    _fill(other, company="Vos BV")
    _press(other, "Save the billing address")
    assert "The billing address has changed meanwhile: city Leiden." in _said(other)


def test_an_address_that_was_read_anew_before_its_form_was_opened_is_what_the_person_saw(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _editor(desk, key, "Addresses")
    at.segmented_control(key="edit-section").set_value("Coupon").run()
    desk.shop.cart(origin_of(key)[1])["shipping"]["city"] = "Gouda"
    desk.read("carts")
    at.segmented_control(key="edit-section").set_value("Addresses").run()
    assert _field(at, "text_input", "city").value == "Gouda"
    _fill(at, company="Vos BV")
    _press(at, "Save the shipping address")
    assert is_well(at)
    assert desk.shop.cart(origin_of(key)[1])["shipping"]["company"] == "Vos BV"


def test_what_the_preflight_misses_is_entered_right_there_and_the_cart_is_placed(desk: Desk) -> None:
    key = _cart(desk, ("MUG-01", 1), ready=False, email=None)
    at = desk.open("cart", id=str(key))
    at.button(key="place-order").click().run()
    assert "No shipping address" in _said(at)
    _press(at, "Enter the shipping address")
    _field(at, "selectbox", "country").select("Netherlands").run()
    values = {"firstname": "Ada", "lastname": "Vos", "street": "Kade 1", "postcode": "2801 AA", "city": "Gouda"}
    _fill(at, **values, telephone="+31 182 555 010", email="ada.drawer@example.test")
    _press(at, "Save the shipping address")
    assert not at.exception
    assert "No shipping address" not in _said(at)
    assert "No e-mail address" not in _said(at)
    at.selectbox(key="placing-shipping").set_value("flatrate_flatrate").run()
    at.selectbox(key="placing-payment").set_value("checkmo").run()
    at.button(key="placing-confirm-0").click().run()
    assert "is placed for" in at.success[0].value
    order = desk.shop.order(desk.shop.orders_of(origin_of(key)[1])[0])
    assert order["customer_email"] == "ada.drawer@example.test"


def test_a_guests_email_is_entered_where_there_is_an_address(desk: Desk) -> None:
    key = _cart(desk, ("MUG-01", 1), email=None)
    at = _editor(desk, key, "Addresses")
    _field(at, "text_input", "guest-email").set_value("nonsense")
    at.button(key="edit-guest-email-submit-0").click().run()
    assert "“nonsense” is not an e-mail address" in _said(at)
    _field(at, "text_input", "guest-email").set_value("guest.new@example.test")
    at.button(key="edit-guest-email-submit-1").click().run()
    assert is_well(at)
    assert desk.shop.cart(origin_of(key)[1])["billing"]["email"] == "guest.new@example.test"


def test_who_saves_an_email_that_somebody_else_has_changed_is_told_and_what_was_typed_stays(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    one, other = _editor(desk, key, "Addresses"), _editor(desk, key, "Addresses")
    for at, name in ((one, "one"), (other, "other")):
        _field(at, "text_input", "guest-email").set_value(f"{name}@example.test")
        at.button(key="edit-guest-email-submit-0").click().run()
    assert "e-mail address has changed meanwhile: one@example.test now" in _said(other)
    assert _field(other, "text_input", "guest-email").value == "other@example.test"
    other.button(key="edit-guest-email-submit-1").click().run()
    assert is_well(other)
    assert desk.shop.cart(origin_of(key)[1])["billing"]["email"] == "other@example.test"


def test_a_cart_that_cannot_be_changed_has_its_button_shut_with_the_reason(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.do(update(tables.channel).values(allow_writes=False))
    at = desk.open("cart", id=str(key))
    button = at.button(key="open-editor-Items")
    assert button.disabled
    assert "read-only" in button.help.replace("\\", "")


def test_a_cart_that_is_ordered_meanwhile_takes_no_change_and_says_so(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _editor(desk, key)
    desk.shop.place(origin_of(key)[1])
    _press(at, "Remove")
    assert not at.exception
    assert "Already ordered" in _said(at)
    assert _writes(desk, key) == []


def test_a_shop_that_cannot_answer_a_search_is_told_and_the_cart_can_still_be_changed(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1), ("BOOK 01", 1))
    at = _editor(desk, key)
    desk.shop.faults = Faults(html=True, matching=r"^GET .*/products")
    try:
        _search(at, "mug")
    finally:
        desk.shop.faults = Faults()
    assert not at.exception
    assert at.error
    _press(at, "Remove")
    assert _lines(desk, key) == {"BOOK 01": 1}
