"""Changing the lines of a cart, against the demo store over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from crm_core.errors import (
    BadInput,
    ChangedMeanwhile,
    ShopRefused,
)
from crm_core.magento.catalogue import Catalogue
from crm_core.sales.cart_fixes import (
    AddLine,
    RemoveLine,
    ReplaceLine,
    SetQuantity,
    why_not_changed,
)
from crm_core.sales.outcomes import Placed
from crm_core.store.rollups import recount
from crm_core.sync.channels import open_shop
from tests.recorded import recorded
from tests.sales.actions.cart_changes import (
    WRITE,
    events_of,
    in_shop,
    item_of,
    mended,
    on_desk,
    on_sqlite,
    removal,
    replacement,
    set_to,
    writes_to,
)
from tests.sales.desk import Desk, answered


def test_lines_are_changed_once_each_in_the_carts_own_store_view_and_mirrored(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1), store_id=2)
    done = mended(desk, cart_id, set_to(desk, cart_id, 3))
    assert done.message == "Now 3 × Stoneware mug, blue."
    assert any("Quantity" in change or "2 → 3" in change for change in done.changes)
    assert mended(desk, cart_id, removal(desk, cart_id, "BOOK 01"), "Ben").message.endswith("removed.")
    assert mended(desk, cart_id, AddLine("BOOK 02", Decimal(1))).message == "1 × Book: Bread, Slowly added."
    replaced = mended(desk, cart_id, replacement(desk, cart_id, "BOOK 02", "SOAP-02", 4))
    assert replaced.message == "Book: Bread, Slowly replaced by 4 × Savon de Marseille, two bars."
    assert in_shop(desk, cart_id) == {"MUG-01": 3, "SOAP-02": 4}
    assert on_desk(desk, cart_id) == {
        "MUG-01": "present",
        "BOOK 01": "removed",
        "BOOK 02": "removed",
        "SOAP-02": "present",
    }
    assert desk.row(cart_id).items_qty == 7
    assert desk.shop.cart(cart_id)["store_id"] == 2
    assert len(writes_to(desk)) == 5
    assert all("/rest/nl/V1/carts/" in each for each in writes_to(desk))
    assert [(kind, person) for kind, person, _ in events_of(desk, cart_id)] == [
        ("line", "Anna"),
        ("line", "Ben"),
        ("line", "Anna"),
        ("line", "Anna"),
    ]
    with desk.store.reading() as connection:
        assert recount(connection) == []


def test_a_line_that_somebody_changed_meanwhile_is_left_so_and_that_is_told(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    item_id, seen = item_of(desk, cart_id), Decimal(1)
    mended(desk, cart_id, SetQuantity(item_id, Decimal(5), seen), "Anna")
    sent = len(writes_to(desk))
    for change in (
        SetQuantity(item_id, Decimal(3), seen),
        RemoveLine(item_id, seen),
        ReplaceLine(item_id, "BOOK 01", Decimal(1), seen),
    ):
        with pytest.raises(ChangedMeanwhile, match="holds 5 × Stoneware mug, blue now, not 1"):
            mended(desk, cart_id, change, "Ben")
    assert in_shop(desk, cart_id) == {"MUG-01": 5}
    assert len(writes_to(desk)) == sent
    mended(desk, cart_id, SetQuantity(item_id, Decimal(3), Decimal(5)), "Ben")
    assert in_shop(desk, cart_id) == {"MUG-01": 3}


def test_a_hidden_line_is_removed_and_is_counted_no_more(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("BOOK 01", 1))
    hidden = item_of(desk, cart_id, "BOOK 01")
    desk.shop.disable_product("BOOK 01")
    desk.synchronise(cart_id)
    with pytest.raises(BadInput, match="disabled or deleted"):
        mended(desk, cart_id, SetQuantity(hidden, Decimal(2), Decimal(1)))
    assert on_desk(desk, cart_id) == {"MUG-01": "present", "BOOK 01": "unavailable"}
    mended(desk, cart_id, RemoveLine(hidden, Decimal(1)))
    assert on_desk(desk, cart_id) == {"MUG-01": "present", "BOOK 01": "removed"}
    assert desk.row(cart_id).unavailable_count == 0
    assert in_shop(desk, cart_id) == {"MUG-01": 1}
    with pytest.raises(ChangedMeanwhile, match="no longer in the cart"):
        mended(desk, cart_id, RemoveLine(hidden, Decimal(1)))


def test_a_cart_whose_only_line_is_hidden_is_mended_and_placed(desk: Desk) -> None:
    cart_id = desk.add_cart(("BOOK 01", 1))
    desk.shop.disable_product("BOOK 01")
    desk.synchronise(cart_id)
    assert why_not_changed(desk.store, desk.key(cart_id)) is None
    mended(desk, cart_id, replacement(desk, cart_id, "BOOK 01", "BOOK 02", 2))
    assert in_shop(desk, cart_id) == {"BOOK 02": 2}
    assert isinstance(desk.place(cart_id), Placed)


@on_sqlite
def test_a_replacement_that_the_shop_refuses_leaves_the_cart_as_it_was(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    with pytest.raises(ShopRefused, match="requested qty"):
        mended(desk, cart_id, replacement(desk, cart_id, "MUG-01", "RARE-01", 50))
    assert in_shop(desk, cart_id) == {"MUG-01": 2}
    assert [kind for kind, _, _ in events_of(desk, cart_id)] == ["refused"]
    assert len(writes_to(desk)) == 1


@on_sqlite
def test_a_replacement_that_stops_halfway_says_what_is_in_the_cart_now(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    desk.front.on(r"DELETE .*", answered(400, b'{"message":"Not now."}'))
    done = mended(desk, cart_id, replacement(desk, cart_id, "MUG-01", "BOOK 01", 1))
    told = "Book: The House in Winter was added, but Stoneware mug, blue is still in the cart: Not now."
    assert done.message == told
    assert events_of(desk, cart_id) == [("line", "Anna", told)]
    assert set(on_desk(desk, cart_id)) == {"MUG-01", "BOOK 01"}


@on_sqlite
def test_a_variant_is_added_by_its_options_and_replaces_another(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("SLIPPER-37", 1))
    with pytest.raises(ShopRefused, match="option"):
        mended(desk, cart_id, AddLine("SLIPPER", Decimal(1)))
    catalogue = Catalogue(open_shop(desk.store, desk.channel).magento.connection)
    choices = catalogue.choices(catalogue.products(["SLIPPER"], "default")["SLIPPER"], "default")
    options = next(variant.options for variant in choices.variants if variant.product.sku == "SLIPPER-41")
    change = replacement(desk, cart_id, "SLIPPER-37", "SLIPPER", 2, options)
    replaced = mended(desk, cart_id, change)
    assert replaced.message == "Felt slippers replaced by 2 × Felt slippers (Size 41)."
    assert in_shop(desk, cart_id) == {"MUG-01": 1, "SLIPPER-41": 2}
    # The same variant again: the shop lets the line grow, and the desk sets what was asked for.
    again = replacement(desk, cart_id, "SLIPPER-41", "SLIPPER", 3, options)
    mended(desk, cart_id, again)
    assert in_shop(desk, cart_id) == {"MUG-01": 1, "SLIPPER-41": 3}


@on_sqlite
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cart_add_too_many", "The requested qty is not available"),
        ("cart_add_unknown_sku", "The product that was requested doesn't exist."),
    ],
)
def test_every_recorded_refusal_of_a_line_is_shown_as_magento_words_it(desk: Desk, name: str, words: str) -> None:
    cart_id = desk.add_cart()
    response = recorded(name)["response"]
    desk.front.on(WRITE, answered(response["status"], json.dumps(response["body"]).encode()))
    with pytest.raises(ShopRefused, match=words):
        mended(desk, cart_id, AddLine("NOPE", Decimal(1)))
    ((kind, _, text),) = events_of(desk, cart_id)
    assert kind == "refused"
    assert words in text


@on_sqlite
def test_a_quantity_beyond_what_may_be_bought_at_once_is_refused_with_what_may_be(desk: Desk) -> None:
    desk.shop.set_sale_limits("MUG-01", minimum=2, maximum=10, increments=2)
    cart_id = desk.add_cart(("MUG-01", 2))
    allowed = "MUG-01 is sold from 2 up to 10 at a time, in steps of 2."
    exceeded = "The requested qty exceeds the maximum qty allowed in shopping cart"
    for change in (set_to(desk, cart_id, 12), AddLine("MUG-01", Decimal(10))):
        with pytest.raises(ShopRefused) as caught:
            mended(desk, cart_id, change)
        assert str(caught.value) == f"{exceeded}. {allowed}"
    with pytest.raises(ShopRefused, match=allowed):
        mended(desk, cart_id, set_to(desk, cart_id, 3))
    assert in_shop(desk, cart_id) == {"MUG-01": 2}


@on_sqlite
def test_what_was_done_is_said_of_a_product_with_a_very_long_name_too(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    long = "Teapot with a handle of bamboo " * 8
    line = next(line for line in desk.shop.cart(cart_id)["lines"] if line["sku"] == "MUG-01")
    line["name"] = long.strip()
    desk.synchronise(cart_id)
    said = mended(desk, cart_id, removal(desk, cart_id)).message
    assert said.startswith("Teapot with a handle")
    assert said.endswith("… removed.")
    assert len(said) < 100


@on_sqlite
def test_a_refusal_for_another_reason_or_without_a_stock_record_is_told_as_it_is(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.shop.set_salable("RARE-01", 3)
    with pytest.raises(ShopRefused, match=r"^The requested qty is not available$"):
        mended(desk, cart_id, AddLine("RARE-01", Decimal(5)))
    desk.front.on(r"GET .*/stockItems/", answered(401, b'{"message":"No %resources","parameters":{"resources":"x"}}'))
    desk.shop.set_sale_limits("MUG-01", maximum=4)
    with pytest.raises(ShopRefused, match=r"allowed in shopping cart$"):
        mended(desk, cart_id, set_to(desk, cart_id, 9))


@on_sqlite
@pytest.mark.parametrize("pieces", [Decimal(0), Decimal(-1), Decimal("NaN")])
def test_a_quantity_that_no_line_can_hold_is_never_sent(desk: Desk, pieces: Decimal) -> None:
    cart_id = desk.add_cart()
    with pytest.raises(BadInput, match="not a quantity"):
        mended(desk, cart_id, set_to(desk, cart_id, pieces))
    assert writes_to(desk) == []
    assert events_of(desk, cart_id) == []
