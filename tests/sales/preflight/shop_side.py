"""What the tests of a preflight share: the preflight, and what the shop does with the cart after it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import structs
from sqlalchemy import update

from crm_core.errors import NotAllowed, ShopRefused
from crm_core.magento.cart_reading import CartReading
from crm_core.magento.payloads import Address, exact
from crm_core.sales.offer import Choice, ShippingOption, lines_mark
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Placed, TotalsChanged
from crm_core.sales.placing import place
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.plan import AS_IT_STANDS, Plan
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.store import tables
from crm_core.sync.channels import OpenShop, open_shop
from tests.recorded import exchanges
from tests.sales.desk import Desk

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""


@dataclass(frozen=True)
class Answer:
    """The shop's answer to the request that places; `order` is the order's entity_id where it did."""

    status: int
    message: str = ""
    parameters: Any = None
    order: int | None = None


def recorded(name: str) -> dict[str, Any]:
    """The exchange of that name with a running Magento 2.4.7: name, method, path, body, status, answer."""
    return exchanges("preflight_series")[name]


def in_step(desk: Desk) -> None:
    """The worker has just read the channel."""
    with desk.store.writing() as connection:
        connection.execute(update(tables.sync_state).values(last_success_at=datetime.now(UTC)))


def check(desk: Desk, cart_id: int, plan: Plan = AS_IT_STANDS, *, recalculate: bool = False) -> Preflight:
    """The preflight that the person sees."""
    return preflight(desk.store, desk.key(cart_id), "Anna", plan=plan, recalculate=recalculate)


def verdicts(told: Preflight, code: Code) -> list[Verdict]:
    """What the preflight makes of it, check by check."""
    return [each.verdict for each in told.of(code)]


def put(desk: Desk, cart_id: int, body: Any) -> Answer:
    """PUT order as the recordings did: nothing saved before it, in the cart's own store view."""
    url = urlsplit(desk.channel.base_url)
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    headers = {"Authorization": "Bearer demo", "Content-Type": "application/json", "Accept": "application/json"}
    stored = desk.shop.records.state.get("cart", cart_id)
    view = desk.shop.records.view(stored["store_id"])["code"] if stored else "default"
    target = f"/rest/{view}/V1/carts/{cart_id}/order"
    try:
        connection.request("PUT", target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status == 503:
        return Answer(503)
    told = json.loads(text)
    if isinstance(told, dict):
        return Answer(response.status, told["message"], told.get("parameters"))
    return Answer(response.status, order=told)


def place_raw(desk: Desk, cart_id: int) -> Answer:
    """The desk's two requests for the cart as it stands: shipping saved afresh, then the order with its payment."""
    shop = _shop(desk)
    cart = shop.magento.cart_by_search(cart_id)
    if cart is None or not cart.is_active:
        return Answer(404, parameters={"fieldName": "cartId", "fieldValue": cart_id})
    code = shop.store_views[cart.store_id or 0].code
    payment = CartReading(shop.magento.connection).selected_payment_method(cart_id, code)
    body = {"method": payment.method if payment else ""}
    if payment is not None and payment.po_number:
        body["po_number"] = payment.po_number
    try:
        method = None if cart.shipping is None else cart.shipping.method
        if cart.shipping is not None and method and cart.shipping.address is not None:
            carrier, _, name = method.partition("_")
            shop.checkout.set_shipping_information(
                cart_id,
                code,
                shipping_address=_unlinked(cart.shipping.address),
                billing_address=_unlinked(cart.billing_address or Address()),
                carrier_code=carrier,
                method_code=name,
            )
        elif cart.is_virtual:
            shop.checkout.set_billing_address(cart_id, code, _unlinked(cart.billing_address or Address()))
        return Answer(200, order=shop.checkout.place_order(cart_id, code, body))
    except ShopRefused as refused:
        return Answer(refused.status, str(refused), dict(refused.parameters))


def place_as_it_stands(desk: Desk, cart_id: int, plan: Plan = AS_IT_STANDS) -> Outcome | str:
    """The outcome of the desk's own placing with what the cart has, agreeing to each total; a text: not allowed."""
    shop = _shop(desk)
    cart = shop.magento.cart_by_search(cart_id)
    if cart is None or not cart.is_active:
        choice = Choice(None, "checkmo", Decimal(0), "EUR", "")
    else:
        code = shop.store_views[cart.store_id or 0].code
        payment = CartReading(shop.magento.connection).selected_payment_method(cart_id, code)
        saved = plan.shipping or (cart.shipping.method if cart.shipping else None)
        carrier, _, method = (saved or "").partition("_")
        zero = Decimal(0)
        option = ShippingOption(carrier, method, saved, zero, zero, zero, is_chosen=True) if saved else None
        choice = Choice(
            shipping=option,
            payment_method=plan.payment or (payment.method if payment else ""),
            grand_total=zero,
            currency=(cart.currency.quote_currency_code if cart.currency else None) or "EUR",
            lines=lines_mark((item.sku or "", exact(item.qty or 0.0)) for item in cart.items or ()),
            po_number=plan.po_number or (payment.po_number if payment else None),
        )
    try:
        outcome = place(desk.store, desk.key(cart_id), choice, "Anna")
        if isinstance(outcome, TotalsChanged):
            assert outcome.after is not None
            agreed = structs_replace(choice, outcome.after)
            outcome = place(desk.store, desk.key(cart_id), agreed, "Anna")
    except NotAllowed as reason:
        return str(reason)
    return outcome


def structs_replace(choice: Choice, total: Decimal) -> Choice:
    """The same choice at another total."""
    return Choice(choice.shipping, choice.payment_method, total, choice.currency, choice.lines, choice.po_number)


def is_placed(outcome: Outcome | str) -> bool:
    """Whether an order came of it."""
    assert not isinstance(outcome, TotalsChanged | AlreadyHeld) or not isinstance(outcome, Placed)
    return isinstance(outcome, Placed)


def _shop(desk: Desk) -> OpenShop:
    return open_shop(desk.store, desk.channel)


def _unlinked(address: Address) -> Address:
    return structs.replace(address, customer_address_id=None)
