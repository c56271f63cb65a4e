"""Editing a cart: what is sent, in which store view, and what the shop's answers mean."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from crm_core.errors import BadInput, DeskError, OutcomeUnknown, ShopHasNoSuch, ShopRefused
from crm_core.magento.cart_editing import CartEditing
from crm_core.magento.connection import Connection
from tests.magento.conftest import Answer, ScriptedShop, html, replay
from tests.recorded import recorded

Edit = Callable[[CartEditing, str], object]

EDITS: dict[str, Edit] = {
    "create_cart_for_customer": lambda editing, view: editing.create_cart_for_customer(5, view),
    "create_guest_cart": lambda editing, view: editing.create_guest_cart(view),
    "add_item": lambda editing, view: editing.add_item(81, view, "MUG-01", Decimal(1)),
    "set_quantity": lambda editing, view: editing.set_quantity(81, view, 9, Decimal(2)),
    "remove_item": lambda editing, view: editing.remove_item(81, view, 9),
    "set_coupon": lambda editing, view: editing.set_coupon(81, view, "TEN"),
    "remove_coupon": lambda editing, view: editing.remove_coupon(81, view),
}
every_edit = pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())


@pytest.fixture
def editing(connection: Connection) -> CartEditing:
    return CartEditing(connection)


@every_edit
@pytest.mark.parametrize("answer", [html(502), html(500), Answer(drop=True), Answer({"surprise": 1}), Answer("x")])
def test_an_edit_without_a_clear_answer_is_sent_once_and_told_as_unknown(
    shop: ScriptedShop, editing: CartEditing, edit: Edit, answer: Answer
) -> None:
    for method in ("POST", "PUT", "DELETE"):
        shop.on(method, ".*", answer)
    with pytest.raises(OutcomeUnknown):
        edit(editing, "nl")
    (request,) = shop.requests
    assert request.path.startswith("/rest/nl/V1/")


@every_edit
@pytest.mark.parametrize("code", ["", "all", "us/en"])
def test_28_an_edit_without_a_proper_store_view_is_never_sent(
    shop: ScriptedShop, editing: CartEditing, edit: Edit, code: str
) -> None:
    with pytest.raises(BadInput, match="store view"):
        edit(editing, code)
    assert shop.requests == []


def test_a_line_is_added_by_sku(shop: ScriptedShop, editing: CartEditing) -> None:
    line = recorded("pf31_12_update_visible_line")["response"]["body"]
    shop.on("POST", "/rest/nl/V1/carts/416/items", Answer(line))
    added = editing.add_item(416, "nl", "PF-OK", Decimal("2.000"))
    assert (added.item_id, added.sku, added.qty) == (788, "PF-OK", 2.0)
    assert shop.requests[0].json == {"cartItem": {"sku": "PF-OK", "qty": 2, "quote_id": "416"}}


def test_a_variant_is_added_by_what_was_chosen_of_its_parent(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("POST", ".*", Answer({"item_id": 1, "sku": "SHOE-Red", "qty": 1}))
    editing.add_item(5, "nl", "SHOE", Decimal(1), {93: 4, 142: 167})
    chosen = shop.requests[0].json["cartItem"]["product_option"]["extension_attributes"]["configurable_item_options"]
    assert chosen == [{"option_id": "93", "option_value": 4}, {"option_id": "142", "option_value": 167}]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("cart_add_too_many", ShopRefused, "The requested qty is not available"),
        ("cart_add_unknown_sku", ShopHasNoSuch, "The product that was requested doesn't exist"),
    ],
)
def test_a_line_that_cannot_be_had_is_refused_in_the_shops_words(
    shop: ScriptedShop, editing: CartEditing, name: str, kind: type[DeskError], words: str
) -> None:
    shop.on("POST", ".*", replay(name))
    with pytest.raises(kind, match=words):
        editing.add_item(237, "nl", "RARE-01", Decimal(50))
    sent = recorded(name)["request"]["body"]["cartItem"]
    assert shop.requests[0].json["cartItem"].keys() == sent.keys()


def test_a_quantity_is_set_as_the_shop_was_seen_to_take_it(shop: ScriptedShop, editing: CartEditing) -> None:
    exchange = recorded("pf31_12_update_visible_line")
    shop.on("PUT", "/rest/default/V1/carts/416/items/788", replay("pf31_12_update_visible_line"))
    assert editing.set_quantity(416, "default", 788, Decimal(2)).qty == 2.0
    assert shop.requests[0].json == exchange["request"]["body"]


def test_a_part_of_a_piece_is_sent_as_a_number(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("PUT", ".*", Answer({"item_id": 9, "qty": 0.25}))
    editing.set_quantity(1, "nl", 9, Decimal("0.25"))
    assert shop.requests[0].json["cartItem"]["qty"] == 0.25


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_no_quantity_is_no_edit(shop: ScriptedShop, editing: CartEditing, quantity: str) -> None:
    with pytest.raises(BadInput, match="remove the line"):
        editing.set_quantity(1, "nl", 9, Decimal(quantity))
    with pytest.raises(BadInput, match="quantity"):
        editing.add_item(1, "nl", "MUG-01", Decimal(quantity))
    assert shop.requests == []


def test_a_line_that_no_longer_shows_is_removed(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("DELETE", "/rest/nl/V1/carts/416/items/789", replay("pf31_11_delete_hidden_line"))
    editing.remove_item(416, "nl", 789)
    assert shop.requests[0].body == b""


def test_false_with_success_is_a_refusal(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("DELETE", ".*", Answer(False))
    with pytest.raises(ShopRefused, match="did not do DELETE"):
        editing.remove_item(416, "nl", 789)


def test_a_coupon_is_set_and_removed(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("PUT", "/rest/nl/V1/carts/81/coupons/TEN", replay("coupon_set"))
    shop.on("DELETE", "/rest/nl/V1/carts/81/coupons", replay("coupon_delete"))
    editing.set_coupon(81, "nl", "TEN")
    editing.remove_coupon(81, "nl")
    assert [request.method for request in shop.requests] == ["PUT", "DELETE"]


@pytest.mark.parametrize("name", ["coupon_set_bad", "pf13_12_apply_again"])
def test_a_wrong_coupon_is_refused_in_the_shops_words(shop: ScriptedShop, editing: CartEditing, name: str) -> None:
    shop.on("PUT", ".*", replay(name))
    with pytest.raises(ShopHasNoSuch, match="The coupon code isn't valid"):
        editing.set_coupon(81, "nl", "NOPE")


def test_a_coupon_with_odd_letters_stays_one_segment(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("PUT", ".*", Answer(True))
    editing.set_coupon(81, "nl", "10% off/é?x")
    assert shop.requests[0].path == "/rest/nl/V1/carts/81/coupons/10%25%20off%2F%C3%A9%3Fx"


@pytest.mark.parametrize("code", ["", "  ", ".", ".."])
def test_what_is_no_coupon_code_is_never_sent(shop: ScriptedShop, editing: CartEditing, code: str) -> None:
    with pytest.raises(BadInput):
        editing.set_coupon(81, "nl", code)
    assert shop.requests == []


def test_carts_are_made_for_a_customer_and_for_a_guest(shop: ScriptedShop, editing: CartEditing) -> None:
    shop.on("POST", "/rest/nl/V1/customers/5/carts", Answer(130))
    shop.on("POST", "/rest/nl/V1/carts", Answer("131"))
    assert editing.create_cart_for_customer(5, "nl") == 130
    assert editing.create_guest_cart("nl") == 131
