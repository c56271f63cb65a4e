"""Checks of the way of paying: offered now, usable without the customer, and complete.

Without a method in the request the shop does not check the saved one again; the desk always sends it (observed on
Magento 2.4.7: 200 without, 400 with it, for one that was switched off).
"""

from __future__ import annotations

from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.price import not_read
from crm_core.sales.preflight.reading import Reading
from crm_core.sales.preflight.shipping import expected_total

OFFLINE_METHODS = ("checkmo", "banktransfer", "cashondelivery", "purchaseorder")
"""Magento's ways of paying that need nothing of the customer at the screen, beside FREE for a total of zero."""

FREE = "free"
PURCHASE_ORDER = "purchaseorder"


def payment_check(reading: Reading, plan: Plan) -> Check:
    """Whether the chosen way of paying will be taken for what the order comes to."""
    for told, what in ((reading.payment_methods, "The ways of paying"), (reading.payment, "The chosen way of paying")):
        if told is reading.payment and plan.payment is not None:
            break
        if not told.asked:
            return not_read(Code.PAYMENT, "The ways of paying")
        if told.trouble is not None:
            return untold(Code.PAYMENT, what, told.trouble)
    offered = {method.code: method.title or method.code for method in reading.payment_methods.value or ()}
    total = expected_total(reading, plan)
    is_free = total is not None and total == 0
    usable = tuple(code for code in offered if (code == FREE if is_free else code in OFFLINE_METHODS))
    figures = tuple(Figure("Offered", title) for title in offered.values())
    if not usable:
        return Check(
            Code.PAYMENT,
            Verdict.FAIL,
            "The shop offers no way of paying that works without the customer",
            "Have one of check, bank transfer, cash on delivery or purchase order switched on, or ask the customer to "
            "pay in the shop.",
            figures=figures,
        )
    choose = (Fix(FixKind.CHOOSE_PAYMENT, "Choose a way of paying", {"codes": usable}),)
    saved = reading.payment.value
    wanted = plan.payment or (saved.method if saved else None)
    if wanted is None:
        return _fails("No way of paying is chosen", "Choose one.", figures, choose)
    if wanted not in offered:
        detail = "It was switched off, or does not serve this country or this total. Choose another."
        return _fails(f"The chosen way of paying is not offered any more ({wanted})", detail, figures, choose)
    if wanted not in usable:
        if is_free:
            detail = "The order comes to nothing, and the shop then takes “free” and nothing else."
        elif wanted == FREE:
            detail = "The order comes to more than nothing. Choose another."
        else:
            detail = "It needs the customer at the screen. Choose one that does not."
        return _fails(f"{offered[wanted]} cannot be used here", detail, figures, choose)
    number = plan.po_number or (saved.po_number if saved and wanted == saved.method else None)
    if wanted == PURCHASE_ORDER and not (number or "").strip():
        fixes = (Fix(FixKind.ENTER_PO_NUMBER, "Enter the purchase order number"), *choose)
        return _fails("The purchase order has no number", "Ask the customer for it and enter it.", figures, fixes)
    return passes(Code.PAYMENT, f"{offered[wanted]} is offered")


def _fails(title: str, detail: str, figures: tuple[Figure, ...], fixes: tuple[Fix, ...]) -> Check:
    return Check(Code.PAYMENT, Verdict.FAIL, title, detail, figures=figures, fixes=fixes)
