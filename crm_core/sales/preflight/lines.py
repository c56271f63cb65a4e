"""Checks of the lines: the ones that the shop no longer shows, variants, websites, stock and allowed quantities.

Magento counts a line whose product is disabled or deleted, and shows it nowhere; it orders the rest without a word, and
may charge the shipping of all (observed on Magento 2.4.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from crm_core.magento.payloads import Cart, CartItem, exact
from crm_core.magento.products import Product
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, quantity, untold
from crm_core.sales.preflight.reading import Reading, Stock
from crm_core.sales.preflight.standing import Standing
from crm_core.sales.sale_limits import limits_of


def line_checks(known: Standing, reading: Reading) -> list[Check]:
    """Every line that cannot be ordered as it is, or should be looked at; one line for what is in order."""
    cart = reading.cart.value
    if cart is None:
        return []
    items = cart.items or []
    if not items and not cart.items_count:
        return [Check(Code.LINES, Verdict.FAIL, "The cart is empty", "Add a product before ordering.")]
    checks = _hidden(known, cart, items, reading)
    if not items:
        detail = "The shop has disabled or deleted their products. Add a product, or have one switched on again."
        return [Check(Code.LINES, Verdict.FAIL, "None of its lines can be ordered", detail), *checks]
    if not checks:
        checks = [passes(Code.LINES, "The shop shows every line that it counts", Figure("Lines", len(items)))]
    return [*checks, *_products(items, reading), *_stock(items, reading)]


def _hidden(known: Standing, cart: Cart, items: list[CartItem], reading: Reading) -> list[Check]:
    shown = {item.item_id for item in items}
    counted = cart.items_count or 0
    pieces = sum((exact(item.qty or 0.0) for item in items), Decimal(0))
    missing = counted - len(items)
    told = exact(cart.items_qty or 0.0)
    if missing <= 0 and told <= pieces:
        return []
    hidden = [line for line in known.lines if line.item_id not in shown and line.state != "removed"]
    checks = [_hidden_line(line, reading) for line in hidden[: max(missing, 0)]]
    if len(checks) < missing or missing <= 0:
        figures = (
            Figure("Lines counted", counted),
            Figure("Lines shown", len(items)),
            Figure("Pieces counted", told),
            Figure("Pieces shown", pieces),
        )
        detail = "The shop would order the lines that it shows, and its total may still count the others."
        title = "The shop counts more than it shows"
        checks.append(Check(Code.LINES, Verdict.LOOK, title, detail, figures=figures))
    return checks


def _hidden_line(line: Row[Any], reading: Reading) -> Check:
    product = (reading.products.value or {}).get(line.sku)
    if not reading.products.is_told:
        why = "The shop no longer shows it: its product is disabled or deleted."
    elif product is None:
        why = "Its product was deleted."
    elif not product.is_enabled:
        why = "Its product is disabled in this website."
    else:
        why = "The shop no longer shows it, though its product is enabled: the product that it is a variant of is not."
    return Check(
        Code.HIDDEN_LINE,
        Verdict.LOOK,
        f"{line.name} will not be ordered",
        f"{why} The shop would order the rest, and its total may still count this line and its shipping.",
        figures=(Figure("Quantity", line.qty),),
        item_id=line.item_id,
        fixes=(
            Fix(FixKind.REMOVE_LINE, "Remove the line", {"item_id": line.item_id, "seen": line.qty}),
            Fix(FixKind.REPLACE_LINE, "Replace it", {"item_id": line.item_id, "sku": line.sku, "seen": line.qty}),
        ),
    )


def _products(items: list[CartItem], reading: Reading) -> Iterable[Check]:
    if not reading.products.is_told:
        yield untold(Code.WEBSITE, "Whether the products are sold in this website", reading.products.trouble)
        return
    products = _by_sku(reading.products.value or {})
    clean = True
    for item in items:
        product = products.get((item.sku or "").casefold())
        if product is None:
            clean = False
            yield Check(
                Code.WEBSITE,
                Verdict.UNKNOWN,
                f"{_name(item)} was not found by its SKU “{item.sku}”",
                "Its options make a SKU of their own, so stock and website are not checked. The shop decides.",
                item_id=item.item_id,
                verified=False,
            )
        elif item.product_type == "configurable" and product.type_id == "configurable":
            clean = False
            yield Check(
                Code.VARIANT,
                Verdict.FAIL,
                f"The chosen variant of {_name(item)} was deleted",
                "Replace the line with a variant that exists.",
                item_id=item.item_id,
                fixes=_line_fixes(item),
            )
        elif reading.website_id not in product.website_ids:
            clean = False
            yield Check(
                Code.WEBSITE,
                Verdict.LOOK,
                f"{_name(item)} is not sold in this website",
                "The shop would take it all the same. Make sure that it may be sold there.",
                figures=(Figure("Sold in websites", ", ".join(map(str, product.website_ids)) or "none"),),
                item_id=item.item_id,
                fixes=_line_fixes(item),
            )
    if clean:
        yield passes(Code.WEBSITE, "Every product is sold in this website")


def _stock(items: list[CartItem], reading: Reading) -> Iterable[Check]:
    if not reading.salable.is_told:
        yield untold(Code.STOCK, "The stock", reading.salable.trouble)
        return
    answers = {sku.casefold(): answer for sku, answer in (reading.salable.value or {}).items()}
    wanted: dict[str, Decimal] = {}
    for item in items:
        wanted[item.sku or ""] = wanted.get(item.sku or "", Decimal(0)) + exact(item.qty or 0.0)
    clean = True
    for item in items:
        answer = answers.get((item.sku or "").casefold())
        if answer is not None and answer.salable is True:
            continue
        clean = False
        if answer is None or answer.salable is None:
            yield Check(
                Code.STOCK,
                Verdict.UNKNOWN,
                f"The stock of {_name(item)} is not known",
                "The shop tells the stock of simple products only. It decides when the order is placed.",
                item_id=item.item_id,
            )
        else:
            yield _short(item, wanted[item.sku or ""], reading.stock.get(item.sku or ""), _shop_words(answer.errors))
    if clean:
        yield passes(Code.STOCK, "Everything is in stock in these quantities")


def _short(item: CartItem, wanted: Decimal, stock: Stock | None, words: str) -> Check:
    limits = None if stock is None else stock.item.value
    left = None if stock is None or stock.salable.value is None else exact(stock.salable.value)
    name = _name(item)
    figures = [Figure("In the cart", wanted)]
    if left is not None:
        figures.append(Figure("Left to sell", left))

    def check(code: Code, title: str, detail: str, better: Decimal | None, *more: Figure) -> Check:
        fixes = _line_fixes(item)
        # Other lines of the SKU count with this one.
        mine = None if better is None else better - wanted + exact(item.qty or 0.0)
        if mine is not None and mine > 0:
            arguments = {"item_id": item.item_id, "quantity": mine, "seen": exact(item.qty or 0.0)}
            fixes = (Fix(FixKind.SET_QUANTITY, f"Make it {quantity(mine)}", arguments), *fixes)
        return Check(code, Verdict.FAIL, title, detail, (*figures, *more), item.item_id, fixes)

    if limits is not None and limits.is_in_stock is False:
        return check(Code.OUT_OF_STOCK, f"{name} is out of stock", "Remove or replace it.", None)
    if limits is not None:
        allowed = limits_of(limits)
        least, most, step = allowed.least, allowed.most, allowed.step
        if wanted < least:
            title = f"{name} is sold from {quantity(least)} up"
            return check(Code.BELOW_MINIMUM, title, "", least, Figure("Fewest", least))
        if most and wanted > most:
            title = f"{name} is sold up to {quantity(most)} at a time"
            return check(Code.ABOVE_MAXIMUM, title, "", most, Figure("Most", most))
        if step and wanted % step:
            title = f"{name} is sold in steps of {quantity(step)}"
            return check(Code.INCREMENTS, title, "", wanted - wanted % step + step, Figure("Step", step))
    if left is not None and left <= 0:
        return check(Code.OUT_OF_STOCK, f"{name} is out of stock", "Open orders have taken what is left.", None)
    if left is None or left >= wanted:
        return check(Code.SHORT, f"{name} cannot be had in this quantity", words, None)
    return check(Code.SHORT, f"Only {quantity(left)} of {name} left", words, left)


def _shop_words(errors: Iterable[Any] | None) -> str:
    said = [error.message for error in errors or () if error.message]
    return f"The shop says: {said[-1]}." if said else ""


def _line_fixes(item: CartItem) -> tuple[Fix, ...]:
    line = {"item_id": item.item_id, "seen": exact(item.qty or 0.0)}
    return (
        Fix(FixKind.REMOVE_LINE, "Remove the line", line),
        Fix(FixKind.REPLACE_LINE, "Replace it", {**line, "sku": item.sku}),
    )


def _by_sku(products: dict[str, Product]) -> dict[str, Product]:
    return {sku.casefold(): product for sku, product in products.items()}


def _name(item: CartItem) -> str:
    return item.name or item.sku or f"line {item.item_id}"
