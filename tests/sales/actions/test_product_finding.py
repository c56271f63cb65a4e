"""Finding products for a cart and the countries of its address, against the demo store over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import update

from crm_core.errors import BadInput, NotAllowed, PermissionMissing
from crm_core.sales.cart_fixes import AddLine, mend
from crm_core.sales.countries import countries_of
from crm_core.sales.product_finding import FoundProduct, find_products, product_choices
from crm_core.store import tables
from crm_core.store.documents import Option, decode_options
from tests.sales.desk import Desk, answered

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What the shop answers is the same to every database."""

LACKING = b'{"message":"The consumer isn\'t authorized to access %resources.","parameters":{"resources":"%s"}}'


def _lacking(resource: str) -> bytes:
    return LACKING.replace(b"%s", resource.encode())


def _found(desk: Desk, cart_id: int, words: str) -> dict[str, FoundProduct]:
    return {each.sku: each for each in find_products(desk.store, desk.key(cart_id), words).products}


def _asked(desk: Desk) -> Iterator[str]:
    return (each for each in desk.front.asked if not each.startswith("GET"))


def test_products_are_found_with_their_price_and_what_open_orders_leave(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.shop.set_stock("TEAPOT-01", 5)
    desk.shop.place(desk.shop.add_cart([("TEAPOT-01", 3)]))
    found = _found(desk, cart_id, "teapot")["TEAPOT-01"]
    assert (found.name, found.price, found.left) == ("Cast-iron teapot", Decimal("54.95"), Decimal(2))
    assert (found.is_salable, found.why_not, found.needs_choices) == (True, None, False)
    assert not list(_asked(desk))


def test_a_price_is_told_in_the_carts_currency(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), store_id=3)
    found = find_products(desk.store, desk.key(cart_id), "teapot")
    assert (found.currency, found.is_converted) == ("USD", True)
    assert found.products[0].price == Decimal("60.445")


def test_what_cannot_be_added_says_why(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.shop.set_stock("CLOCK-01", 0, in_stock=False)
    lamp = desk.shop.records.product_of_sku("LAMP-01")
    assert lamp is not None
    lamp["website_ids"] = [2]
    assert _found(desk, cart_id, "clock")["CLOCK-01"].why_not == "It is out of stock."
    assert _found(desk, cart_id, "lamp")["LAMP-01"].why_not == "It is not sold in this cart's website."
    desk.shop.disable_product("VASE-01")
    assert _found(desk, cart_id, "vase") == {}


def test_long_lists_come_in_pages(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    first = find_products(desk.store, desk.key(cart_id), "o")
    second = find_products(desk.store, desk.key(cart_id), "o", 2)
    assert (len(first.products), first.page, second.page) == (10, 1, 2)
    assert first.pages == -(-first.total // 10)
    assert not {each.sku for each in first.products} & {each.sku for each in second.products}


def test_no_word_is_no_search(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    with pytest.raises(BadInput, match="part of the product's name"):
        find_products(desk.store, desk.key(cart_id), "  ")


def test_stock_that_may_not_be_read_is_a_note_and_stops_nothing(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.front.on(r"/inventory/", answered(401, _lacking("Magento_InventorySalesApi::stock")))
    found = find_products(desk.store, desk.key(cart_id), "teapot")
    assert found.products[0].why_not is None
    assert (found.products[0].is_salable, found.products[0].left) == (None, None)
    (note,) = found.notes
    assert note.startswith("The stock is not known: ")
    assert "Magento_InventorySalesApi::stock" in note


def test_without_the_permission_to_see_products_it_is_named(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.front.on(r"/V1/products", answered(401, _lacking("Magento_Catalog::products")))
    with pytest.raises(PermissionMissing, match="Magento_Catalog::products"):
        find_products(desk.store, desk.key(cart_id), "teapot")


def test_a_configurable_product_tells_what_it_comes_in_and_what_each_choice_leads_to(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.shop.set_stock("SLIPPER-43", 0, in_stock=False)
    parent = _found(desk, cart_id, "felt slippers")["SLIPPER"]
    assert (parent.needs_choices, parent.price, parent.why_not) == (True, None, None)
    known = product_choices(desk.store, desk.key(cart_id), "SLIPPER")
    (size,) = known.choices
    assert list(size.values.values()) == ["37", "39", "41", "43"]
    numbers = {word: number for number, word in size.values.items()}
    right, out = ({size.attribute_id: numbers[word]} for word in ("41", "43"))
    variant = known.variant(right)
    assert variant is not None
    assert (variant.product.sku, variant.product.price) == ("SLIPPER-41", Decimal(45))
    sold_out = known.variant(out)
    assert sold_out is not None
    assert sold_out.product.why_not == "It is out of stock."
    assert known.variant({}) is None

    done = mend(desk.store, desk.key(cart_id), AddLine("SLIPPER", Decimal(2), right), "Anna")
    assert done.message == "2 × Felt slippers (Size 41) added."
    with desk.store.reading() as connection:
        rows = connection.execute(tables.cart_item.select().where(tables.cart_item.c.sku == "SLIPPER-41")).all()
    assert decode_options(rows[0].options) == [Option("Size", "41")]


def test_without_the_permission_to_read_the_words_of_choices_it_is_named(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.front.on(r"/V1/products/attributes", answered(401, _lacking("Magento_Catalog::attributes_attributes")))
    with pytest.raises(PermissionMissing, match="Magento_Catalog::attributes_attributes"):
        product_choices(desk.store, desk.key(cart_id), "SLIPPER")


def test_what_is_not_configurable_has_nothing_to_choose(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    with pytest.raises(BadInput, match="no longer has MUG-01 to choose from"):
        product_choices(desk.store, desk.key(cart_id), "MUG-01")


def test_countries_are_those_of_the_carts_store_view_and_are_asked_once(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), store_id=3)
    countries = {each.id: each for each in countries_of(desk.store, desk.key(cart_id))}
    assert list(countries) == ["CA", "US"]
    assert (51, "Oregon") in [(region.id, region.name) for region in countries["US"].regions]
    assert countries["US"].needs_region
    assert countries["US"].needs_postcode
    countries_of(desk.store, desk.key(cart_id))
    assert desk.front.count(r"/us_en/V1/directory/countries") == 1
    own = {each.id: each for each in countries_of(desk.store, desk.key(desk.add_cart()))}
    assert own["IE"].needs_postcode is False
    assert own["NL"].needs_region is False


def test_a_cart_that_no_channel_reads_finds_nothing(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), store_id=3)
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(website_ids="[1]"))
    for ask in (lambda key: find_products(desk.store, key, "mug"), lambda key: countries_of(desk.store, key)):
        with pytest.raises(NotAllowed, match="No channel reads this cart's store view"):
            ask(desk.key(cart_id))
