"""What the demo shop sells: things for house, hearth and garden, some in sizes and colours, two of them virtual."""

from __future__ import annotations

from itertools import product as combinations
from typing import Any

from demo_store import attributes
from demo_store.records import Records
from demo_store.state import Doc

# SKU, name, price in EUR, weight in kg
_SIMPLE = (
    ("MUG-01", "Stoneware mug, blue", 12.10, 0.4),
    ("MUG-02", 'Stoneware mug "Delft"', 14.50, 0.4),
    ("TEAPOT-01", "Cast-iron teapot", 54.95, 1.8),
    ("PLATE-06", "Dinner plates, set of six", 64.00, 3.6),
    ("BOWL-01", "Olive wood salad bowl", 39.95, 1.1),
    ("KNIFE-03", "Chef's knife, 20 cm", 89.00, 0.3),
    ("BOARD-02", "Oak cutting board", 34.50, 1.6),
    ("PAN-28", "Carbon steel pan, 28 cm", 59.95, 2.1),
    ("APRON-01", "Linen apron", 29.95, 0.3),
    ("TOWEL-04", "Tea towels, set of four", 19.95, 0.4),
    ("LAMP-01", "Table lamp Søren", 119.00, 2.4),
    ("LAMP-02", "Floor lamp Ljus", 189.00, 6.5),
    ("BULB-E27", "LED filament bulb E27", 8.95, 0.1),
    ("CANDLE-03", "Beeswax candles, set of three", 17.50, 0.6),
    ("VASE-01", "Hand-blown vase", 44.95, 1.2),
    ("FRAME-A3", "Picture frame A3, walnut", 32.00, 1.0),
    ("MIRROR-60", "Round mirror, 60 cm", 99.00, 4.2),
    ("CLOCK-01", "Wall clock, station", 74.50, 1.3),
    ("RUG-170", "Wool rug, 170 x 240", 349.00, 12.0),
    ("CUSHION-01", "Cushion, ochre velvet", 36.95, 0.6),
    ("THROW-01", "Mohair throw", 129.00, 1.1),
    ("CHAIR/1", "Dining chair, ash", 149.00, 5.4),
    ("STOOL-02", "Kitchen stool", 69.95, 3.2),
    ("TABLE-140", "Café table, 140 cm", 449.00, 24.0),
    ("SHELF-80", "Wall shelf, 80 cm", 54.00, 3.8),
    ("BASKET-01", "Willow log basket", 46.50, 2.0),
    ("STOVE-SET", "Fireside companion set", 84.95, 5.0),
    ("BELLOWS-01", "Bellows, leather", 42.00, 0.8),
    ("BOOK 01", "Book: The House in Winter", 32.00, 0.9),
    ("BOOK 02", "Book: Bread, Slowly", 27.50, 0.8),
    ("SOAP-02", "Savon de Marseille, two bars", 9.90, 0.6),
    ("BRUSH-01", "Dish brush, beech", 6.50, 0.1),
    ("POT-30", "Terracotta pot, 30 cm", 24.95, 4.0),
    ("CAN-05", "Watering can, 5 l", 28.50, 0.9),
    ("SECATEURS", "Secateurs", 49.00, 0.3),
    ("GLOVES-M", "Garden gloves", 14.95, 0.2),
    ("BENCH-120", "Garden bench, 120 cm", 279.00, 18.0),
    ("LANTERN-01", "Storm lantern", 38.50, 1.4),
    ("DRAWER-OLD", "Drawer unit (discontinued)", 159.00, 14.0),
    ("RARE-01", "Etched carafe, last pieces", 79.00, 1.0),
)
_COLOUR, _SIZE = 93, 144
# SKU, name, price in EUR, what it comes in
_CONFIGURABLE: tuple[tuple[str, str, float, dict[int, tuple[str, ...]]], ...] = (
    ("SLIPPER", "Felt slippers", 45.00, {_SIZE: ("37", "39", "41", "43")}),
    ("ROBE", "Linen bathrobe", 110.00, {_SIZE: ("S", "M", "L")}),
    ("DUVET", "Duvet cover, washed cotton", 95.00, {_SIZE: ("140", "200", "240")}),
)
_NEW: tuple[tuple[str, str, float, dict[int, tuple[str, ...]]], ...] = (
    ("SWEATER", "Lambswool sweater", 89.00, {_COLOUR: ("Moss", "Navy", "Oatmeal"), _SIZE: ("S", "M", "L")}),
    ("CURTAIN", "Linen curtain", 64.00, {_COLOUR: ("White", "Sand"), _SIZE: ("140", "200")}),
)
NEW_IN = frozenset(sku for sku, *_ in _NEW)
"""Configurable products that nobody has bought yet: they come in colours and sizes, to try out."""

_VIRTUAL = (
    ("COURSE-01", "Bread baking course (online)", 40.00),
    ("WARRANTY-3", "Three-year warranty", 24.00),
)


def stock_up(records: Records) -> None:
    """Put the assortment and the coupons WELCOME10 (10 %) and SPRING25 (expired) into an empty shop."""
    for sku, name, price, weight in _SIMPLE:
        _add(records, sku, name, price, "simple", weight=weight, qty=5 if sku == "RARE-01" else 10000)
    attributes.add(records, _COLOUR, "color", "Colour")
    attributes.add(records, _SIZE, "size", "Size")
    for configurable in _CONFIGURABLE:
        _add_variants(records, *configurable)
    for sku, name, price in _VIRTUAL:
        _add(records, sku, name, price, "virtual")
    for configurable in _NEW:
        _add_variants(records, *configurable)
    for code, percent, expires in (("WELCOME10", 10, None), ("SPRING25", 25, "2020-05-31 22:00:00")):
        ident = records.next_id("rule")
        rule: Doc = {"rule_id": ident, "name": f"{code.title()}: {percent} percent off", "is_active": True}
        rule |= {"discount_amount": percent, "apply_to_shipping": False}
        records.state.put("rule", ident, rule)
        coupon: Doc = {"coupon_id": ident, "rule_id": ident, "code": code, "usage_limit": 0, "usage_per_customer": 0}
        coupon |= {"times_used": 0, "expiration_date": expires, "is_primary": True}
        records.state.put("coupon", ident, coupon | {"created_at": records.stamp(), "type": 0})


def _add_variants(records: Records, sku: str, name: str, price: float, comes_in: dict[int, tuple[str, ...]]) -> None:
    """A configurable product and, for each combination of what it comes in, the simple product behind it."""
    parent = _add(records, sku, name, price, "configurable", weight=0.5, qty=0)
    parent |= {"attributes": list(comes_in), "children": []}
    for words in combinations(*comes_in.values()):
        child = _add(records, "-".join((sku, *words)), ", ".join((name, *words)), price, "simple", weight=0.5)
        child["parent_id"] = parent["id"]
        child["choices"] = {
            str(ident): attributes.word(records, ident, text) for ident, text in zip(comes_in, words, strict=True)
        }
        parent["children"].append(child["id"])


def _add(
    records: Records, sku: str, name: str, price: float, kind: str, *, weight: float = 0, qty: int = 10000
) -> dict[str, Any]:
    ident = records.next_id("product")
    product: Doc = {"id": ident, "sku": sku, "name": name, "price": price, "status": 1, "type_id": kind}
    product |= {"website_ids": [1, 2], "weight": weight, "qty": qty, "reserved": 0, "is_in_stock": True}
    product |= {"min_sale_qty": 1, "max_sale_qty": 10000, "qty_increments": 0, "backorders": 0}
    now = records.stamp()
    return records.state.put("product", ident, product | {"created_at": now, "updated_at": now})
