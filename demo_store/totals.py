"""What a cart costs: collected from today's prices into the cart, and shown as GET /carts/:id/totals shows it."""

from __future__ import annotations

from decimal import Decimal

from demo_store.attributes import words_chosen
from demo_store.catalog import shown
from demo_store.coupons import rule_of
from demo_store.numbers import ZERO, cents, dec, number
from demo_store.records import Records
from demo_store.state import Doc

_HUNDRED = Decimal(100)


def collect(records: Records, cart: Doc, store_id: int | None = None) -> None:
    """Recalculate the cart in place from current prices, taxes, its coupon and its stored shipping amount.

    Only lines that still show count; the counts become those of these lines. Base amounts are in the base currency,
    the others in the currency of `store_id` (the cart's own where not given). The shipping amount is not asked from
    the carrier again: that happens only when rates are collected.
    """
    store = store_id or cart["store_id"]
    tax = records.site(store)["tax"]
    rate = records.rate(records.currency(store))
    country = _destination(cart) or tax["default_country"]
    percent = dec(tax["percents"].get(country, 0))
    home = dec(tax["percents"].get(tax["home_country"], 0)) if tax["prices_include_tax"] else None
    rule = rule_of(records, cart)
    lines = [line for line in cart["lines"] if shown(records, line)]
    owed: dict[str, Decimal] = {}  # rounding carried from row to row
    for line in lines:
        _price(records, line, rate, percent, home, dec(rule["discount_amount"]) if rule else ZERO, owed)
    sums = _sums(lines)
    base_shipping = ZERO if cart["is_virtual"] or not lines else dec(cart["shipping_base_amount"])
    shipping = cents(base_shipping * rate)
    waived = bool(rule and rule["apply_to_shipping"])
    for prefix, amount in (("", shipping), ("base_", base_shipping)):
        sums[f"{prefix}shipping_amount"] = amount
        off = amount if waived else ZERO
        sums[f"{prefix}shipping_discount_amount"] = off
        sums[f"{prefix}discount_amount"] -= off
        sums[f"{prefix}grand_total"] = max(
            ZERO,
            sums[f"{prefix}subtotal"]
            + sums[f"{prefix}discount_amount"]
            + amount
            + sums[f"{prefix}tax_amount"]
            + sums[f"{prefix}compensation"],
        )
    cart["sums"] = {key: number(value) for key, value in sums.items()}
    cart["tax_percent"] = number(percent)
    cart["tax_code"] = f"{country} {number(percent)}" if percent else None
    for name in ("grand_total", "base_grand_total", "subtotal", "base_subtotal"):
        cart[name] = cart["sums"][name]
    cart["items_count"] = len(lines)
    cart["items_qty"] = number(sum((dec(line["qty"]) for line in lines), ZERO))
    cart["is_virtual"] = int(bool(lines) and all(line["product_type"] == "virtual" for line in lines))
    cart["trigger_recollect"] = 0


def _destination(cart: Doc) -> str | None:
    address = cart["billing"] if cart["is_virtual"] else cart["shipping"]
    country: str | None = address["country_id"] or cart["billing"]["country_id"]
    return country


def _price(
    records: Records,
    line: Doc,
    rate: Decimal,
    percent: Decimal,
    home: Decimal | None,
    discount_percent: Decimal,
    owed: dict[str, Decimal],
) -> None:
    """Price one line. `home` is the tax included in catalogue prices, None where they are without tax."""
    product = records.product(line.get("child_id")) or records.product(line["product_id"])
    catalogue = dec(line["custom_price"]) if line.get("custom_price") is not None else dec((product or {})["price"])
    net = catalogue if home is None else cents(catalogue / (1 + home / _HUNDRED))
    qty = dec(line["qty"])
    share = percent / _HUNDRED
    line["price"] = number(net)
    line["original_price"] = number(catalogue * rate)
    line["base_original_price"] = number(catalogue)
    for prefix, unit in (("base_", net), ("", cents(net * rate))):
        row = unit * qty
        if home is not None and percent == home:
            unit_gross = catalogue if prefix else cents(catalogue * rate)
            row_gross = unit_gross * qty
            discount = cents(row_gross * discount_percent / _HUNDRED)
            tax = cents((row_gross - discount) * share / (1 + share)) if discount else row_gross - row
            compensation = row_gross - row - tax
        else:
            row_gross = row + _carried(row * share, owed, f"{prefix}before")
            unit_gross = cents(row_gross / qty)
            discount = cents(row * discount_percent / _HUNDRED)
            tax = _carried((row - discount) * share, owed, prefix)
            compensation = ZERO
        line[f"{prefix}unit"] = number(unit)
        line[f"{prefix}price_incl_tax"] = number(unit_gross)
        line[f"{prefix}row_total"] = number(row)
        line[f"{prefix}row_total_incl_tax"] = number(row_gross)
        line[f"{prefix}discount_amount"] = number(discount)
        line[f"{prefix}tax_amount"] = number(tax)
        line[f"{prefix}compensation"] = number(compensation)
    line["tax_percent"] = number(percent)
    line["discount_percent"] = number(discount_percent)


def _carried(exact: Decimal, owed: dict[str, Decimal], name: str) -> Decimal:
    """An amount rounded to cents; what the rounding left is carried to the next row of the same name."""
    exact += owed.get(name, ZERO)
    rounded = cents(exact)
    owed[name] = exact - rounded
    return rounded


def _sums(lines: list[Doc]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for prefix in ("", "base_"):
        for name, column, sign in (
            ("subtotal", "row_total", 1),
            ("subtotal_incl_tax", "row_total_incl_tax", 1),
            ("discount_amount", "discount_amount", -1),
            ("tax_amount", "tax_amount", 1),
            ("compensation", "compensation", 1),
        ):
            total = sum((dec(line[f"{prefix}{column}"]) for line in lines), ZERO)
            sums[f"{prefix}{name}"] = total * sign
    return sums


def rest(records: Records, cart: Doc) -> Doc:
    """The body of GET /carts/:id/totals: the stored sums with the lines that still show, stale or not."""
    sums = cart["sums"]
    rule = rule_of(records, cart)
    coupon = cart["coupon_code"]
    body: Doc = {
        "grand_total": sums["grand_total"],
        "base_grand_total": sums["base_grand_total"],
        "subtotal": sums["subtotal"],
        "base_subtotal": sums["base_subtotal"],
        "discount_amount": sums["discount_amount"],
        "base_discount_amount": sums["base_discount_amount"],
        "subtotal_with_discount": number(dec(sums["subtotal"]) + dec(sums["discount_amount"])),
        "base_subtotal_with_discount": number(dec(sums["base_subtotal"]) + dec(sums["base_discount_amount"])),
        "shipping_amount": sums["shipping_amount"],
        "base_shipping_amount": sums["base_shipping_amount"],
        "shipping_discount_amount": sums["shipping_discount_amount"],
        "base_shipping_discount_amount": sums["base_shipping_discount_amount"],
        "tax_amount": sums["tax_amount"],
        "base_tax_amount": sums["base_tax_amount"],
        "weee_tax_applied_amount": None,
        "shipping_tax_amount": 0,
        "base_shipping_tax_amount": 0,
        "subtotal_incl_tax": sums["subtotal_incl_tax"],
    }
    if cart["is_virtual"]:
        body["base_subtotal_incl_tax"] = sums["base_subtotal_incl_tax"]
    body |= {
        "shipping_incl_tax": sums["shipping_amount"],
        "base_shipping_incl_tax": sums["base_shipping_amount"],
        "base_currency_code": cart["base_currency_code"],
        "quote_currency_code": cart["quote_currency_code"],
    }
    if coupon:
        body["coupon_code"] = coupon
    body["items_qty"] = cart["items_qty"]
    body["items"] = [_line(records, line) for line in cart["lines"] if shown(records, line)]
    body["total_segments"] = _segments(records, cart, rule)
    if rule is not None and sums["discount_amount"]:
        body["extension_attributes"] = {"coupon_label": rule["name"]}
    return body


def _line(records: Records, line: Doc) -> Doc:
    """A line of the totals. Its `price` is the base price even in another currency (observed on 2.4.7)."""
    variant = records.product(line.get("child_id"))
    both: Doc = {"item_id": line["item_id"], "price": line["base_unit"], "base_price": line["base_unit"]}
    both |= {"qty": line["qty"], "row_total": line["row_total"], "base_row_total": line["base_row_total"]}
    both["row_total_with_discount"] = 0
    for name in ("tax_amount", "base_tax_amount", "tax_percent", "discount_amount", "base_discount_amount"):
        both[name] = line[name]
    both["discount_percent"] = line["discount_percent"]
    for name in ("price_incl_tax", "base_price_incl_tax", "row_total_incl_tax", "base_row_total_incl_tax"):
        both[name] = line[name]
    return both | {
        "options": words_chosen(records, variant) if variant else "[]",
        "weee_tax_applied_amount": None,
        "weee_tax_applied": None,
        "name": line["name"],
    }


def _segments(records: Records, cart: Doc, rule: Doc | None) -> list[Doc]:
    sums = cart["sums"]
    included = records.site(cart["store_id"])["tax"]["prices_include_tax"]
    subtotal = sums["subtotal_incl_tax"] if included else sums["subtotal"]
    segments: list[Doc] = [{"code": "subtotal", "title": "Subtotal", "value": subtotal}]
    if sums["discount_amount"]:
        title = f"Discount ({rule['name']})" if rule else "Discount"
        segments.append({"code": "discount", "title": title, "value": sums["discount_amount"]})
    if not cart["is_virtual"]:
        title = "Shipping & Handling"
        if cart["shipping_method"]:
            title += f" ({cart['shipping_description']})"
        segments.append({"code": "shipping", "title": title, "value": sums["shipping_amount"]})
    details = []
    if sums["tax_amount"]:
        rates = [{"percent": str(cart["tax_percent"]), "title": cart["tax_code"]}]
        details = [{"amount": sums["tax_amount"], "rates": rates, "group_id": 1}]
    segments.append(
        {
            "code": "tax",
            "title": "Tax",
            "value": sums["tax_amount"],
            "extension_attributes": {"tax_grandtotal_details": details},
        }
    )
    segments.append({"code": "grand_total", "title": "Grand Total", "value": sums["grand_total"], "area": "footer"})
    return segments
