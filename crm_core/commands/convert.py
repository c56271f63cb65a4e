"""`python -m crm_core convert`: one cart becomes an order, or it is said why not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

import typer
from babel.numbers import get_currency_precision

from crm_core.access.people import person_of_this_machine
from crm_core.commands.console import err, opened, out, plain, row, table
from crm_core.errors import BadInput, DeskError, NotAllowed, OutcomeUnknown
from crm_core.insight.amounts import price
from crm_core.sales.offer import Choice, Offer, PaymentOption, ShippingOption, offer_of, prepare, why_no_offer
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Placed, Refused, TotalsChanged, Unclear, what_follows
from crm_core.sales.placing import place
from crm_core.sales.preflight.check import Check, Code, Verdict
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.sales.shops import cart_of_channel
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.sync.channels import channel_by_name

DONE, REFUSED, USAGE, UNCLEAR = 0, 1, 2, 3
"""What the program ends with."""

_LONGEST_NUMBER = 10
"""Digits of the largest number that Magento gives a cart: 32 bits without a sign."""


@dataclass
class _Report:
    """What came of it: the program's status, the word and the sentence for it, and facts for --json."""

    status: int
    outcome: str
    message: str
    facts: dict[str, Any] = field(default_factory=dict)


def convert(
    cart: Annotated[str, typer.Argument(help="Magento's number of the cart.", show_default=False)],
    channel: Annotated[str, typer.Option(help="Name of the channel that reads the cart.", show_default=False)],
    shipping: Annotated[
        str | None, typer.Option(help="Carrier and method, such as flatrate_flatrate. None: the cart's own.")
    ] = None,
    payment: Annotated[
        str | None, typer.Option(help="Way of paying, such as checkmo. None: the only one that there is.")
    ] = None,
    po_number: Annotated[str | None, typer.Option(help="The customer's purchase order number.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and show it; order nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Turn a cart into an order. Ends with 0 placed, 1 refused or not allowed, 2 words off, 3 unclear.

    It is placed in the name of CRM_USER, else of the operating system's user. Nothing is ever sent twice: after 3 the
    worker finds out whether there is an order. A dry run ends with 0 if the order can be placed.
    """
    wishes = Plan(shipping, payment, po_number)
    try:
        with opened() as store:
            known = channel_by_name(store, channel)
            key = cart_of_channel(store, known, _number(cart))
            person = person_of_this_machine()
            report = _checked(store, key, wishes, person) if dry_run else _placed(store, key, wishes, person)
    except DeskError as trouble:
        report = _troubled(trouble)
    if as_json:
        is_number = cart.isascii() and cart.isdecimal() and len(cart) <= _LONGEST_NUMBER
        out.print_json(
            json.dumps(
                {"cart": int(cart) if is_number else cart, "channel": channel, **_common(report), **report.facts}
            )
        )
    else:
        _print(report)
    if report.status:
        raise typer.Exit(report.status)


def _number(cart: str) -> int:
    """The cart's number. Raises BadInput for words that are none."""
    if not (cart.isascii() and cart.isdecimal() and len(cart) <= _LONGEST_NUMBER and int(cart)):
        raise BadInput(f"“{cart}” is not the number of a cart. It is the one in the cart's heading, such as 237.")
    return int(cart)


# ---- placing --------------------------------------------------------------------------------------------------------


def _placed(store: Store, key: int, wishes: Plan, person: str) -> _Report:
    offer = prepare(store, key, person, recalculate=True)
    choice = _choice(offer, wishes)
    outcome = place(store, key, choice, person)
    report = _of_outcome(store, key, outcome)
    looks = [check.sentence for check in offer.preflight.checks if check.verdict is Verdict.LOOK]
    report.facts |= {"changes": list(offer.preflight.changes), "warnings": looks, "person": person}
    return report


def _choice(offer: Offer, wishes: Plan) -> Choice:
    """The choice to place. Raises NotAllowed for what no choice mends, BadInput with all that is left to choose."""
    checked = offer.preflight.planned(wishes)
    # Where the shop did not tell what it offers, there is nothing to choose from.
    offered_at_all = {Code.SHIPPING: offer.is_virtual or bool(offer.shipping), Code.PAYMENT: bool(offer.payment)}
    stops = [each for each in checked.checks if each in checked.obstacles or not offered_at_all.get(each.code, True)]
    if stops:
        raise NotAllowed(" ".join(check.sentence for check in stops))
    shipping = _shipping(offer, wishes.shipping)
    missing = []
    if shipping is None and not offer.is_virtual:
        offered = ", ".join(f"{each.code} ({price(each.price, offer.currency)})" for each in offer.shipping)
        missing.append(f"Choose how it is sent with --shipping. The shop offers: {offered}.")
    fitting = offer.payment_with(shipping)
    payment = _payment(fitting, wishes.payment)
    if payment is None:
        codes = ", ".join(each.code + " (with --po-number)" * each.needs_po_number for each in fitting)
        total = "" if missing else " for this total"
        missing.append(f"Choose how it is paid with --payment. The shop offers{total}: {codes}.")
    elif payment.needs_po_number and not (wishes.po_number or "").strip():
        missing.append("Give the customer's purchase order number with --po-number.")
    if payment is None or missing:
        raise BadInput(" ".join(missing))
    return offer.choose(None if shipping is None else shipping.code, payment.code, wishes.po_number)


def _shipping(offer: Offer, wanted: str | None) -> ShippingOption | None:
    """The one that was asked for or stands to reason; None: there is nothing to send, or it is left to choose."""
    if offer.is_virtual:
        return None
    if wanted is None:
        return offer.chosen_shipping
    return next((option for option in offer.shipping if option.code == wanted), None)


def _payment(options: Sequence[PaymentOption], wanted: str | None) -> PaymentOption | None:
    """The one that was asked for, or the only one; None: it is left to choose."""
    if wanted is None:
        return options[0] if len(options) == 1 else None
    return next((option for option in options if option.code == wanted), None)


def _of_outcome(store: Store, key: int, outcome: Outcome) -> _Report:
    match outcome:
        case Placed():
            order = {
                "id": origin_of(outcome.order_key)[1],
                "increment_id": outcome.increment_id,
                "grand_total": _text(outcome.grand_total, outcome.currency),
                "agreed_grand_total": _text(outcome.agreed_grand_total, outcome.currency),
                "currency": outcome.currency,
            }
            placed: dict[str, Any] = {"attempt": outcome.attempt_id, "order": order, "alarm": outcome.alarm}
            return _Report(DONE, "placed", outcome.message, placed)
        case Refused():
            facts: dict[str, Any] = {"attempt": outcome.attempt_id, "http_status": outcome.status}
            if outcome.check is not None:
                facts["check"] = _check(outcome.check)
            return _Report(REFUSED, "refused", outcome.message, facts)
        case TotalsChanged():
            what = "The lines have changed since they were read"
            if not outcome.lines_changed and outcome.after is not None:
                was, now = price(outcome.before, outcome.currency_before), price(outcome.after, outcome.currency)
                what = f"The total was {was} when it was read and is {now} now"
            message = f"{what}. Nothing was ordered. Look, and run it again to order on these terms."
            shown = {} if outcome.offer is None else {"offer": _offer(outcome.offer)}
            return _Report(REFUSED, "changed", message, shown)
        case Unclear():
            until = f"{outcome.lookup_until:%H:%M} UTC" if outcome.lookup_until else ""
            message = f"{outcome.known} {what_follows(store, key, outcome, until)}".strip()
            return _Report(UNCLEAR, "unclear", message, {"attempt": outcome.attempt_id})
        case AlreadyHeld():
            facts = {"by": outcome.by, "increment_id": outcome.increment_id}
            return _Report(REFUSED, "already_held", outcome.message, facts)


def _troubled(trouble: DeskError) -> _Report:
    if isinstance(trouble, OutcomeUnknown):
        return _Report(UNCLEAR, "unclear", str(trouble))
    if isinstance(trouble, BadInput):
        return _Report(USAGE, "usage", str(trouble))
    return _Report(REFUSED, "not_allowed" if isinstance(trouble, NotAllowed) else "trouble", str(trouble))


# ---- checking -------------------------------------------------------------------------------------------------------


def _checked(store: Store, key: int, wishes: Plan, person: str) -> _Report:
    """Every check, with what the command line leaves open filled in where there is nothing to choose."""
    result = preflight(store, key, person, plan=wishes, recalculate=True)
    offer = offer_of(result)
    facts: dict[str, Any] = {"changes": list(result.changes)}
    if offer is None:
        return _Report(REFUSED, "blocked", f"{why_no_offer(result)} Nothing was ordered.", facts | _checks(result))
    facts["offer"] = _offer(offer)
    try:
        choice = _choice(offer, wishes)
    except NotAllowed as reason:
        return _Report(REFUSED, "blocked", f"{reason} Nothing was ordered.", facts | _checks(result))
    except BadInput as open_choice:
        return _Report(USAGE, "usage", f"{open_choice} Nothing was ordered.", facts | _checks(result))
    planned = result.planned(choice.plan)
    return _Report(DONE, "ready", f"{planned.summary}. Nothing was ordered.", facts | _checks(planned))


def _checks(result: Preflight) -> dict[str, Any]:
    return {"checks": [_check(each) for each in result.checks]}


def _check(check: Check) -> dict[str, str]:
    return {"code": check.code.value, "verdict": check.verdict.value, "title": check.title, "detail": check.detail}


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "currency": offer.currency,
        "grand_total": _text(offer.grand_total(offer.chosen_shipping), offer.currency),
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "qty": f"{line.qty.normalize():f}",
                "row_total": _text(line.row_total, offer.currency),
            }
            for line in offer.lines
        ],
        "shipping": [
            {
                "code": each.code,
                "title": each.title,
                "price": _text(each.price, offer.currency),
                "grand_total": _text(each.grand_total, offer.currency),
            }
            for each in offer.shipping
        ],
        "payment": [{"code": each.code, "title": each.title} for each in offer.payment],
    }


# ---- telling --------------------------------------------------------------------------------------------------------


def _common(report: _Report) -> dict[str, Any]:
    return {"status": report.status, "outcome": report.outcome, "message": report.message}


def _print(report: _Report) -> None:
    """The message last, where it is seen; trouble goes to the error output."""
    if "offer" in report.facts:
        _print_offer(report.facts["offer"])
    if "checks" in report.facts:
        made = table("Verdict", "Check", "Detail")
        for check in report.facts["checks"]:
            row(made, Verdict(check["verdict"]).words, check["title"], check["detail"])
        out.print(made)
    for each in (*report.facts.get("changes", ()), *report.facts.get("warnings", ()), report.facts.get("alarm")):
        if each:
            err.print(plain(each), soft_wrap=True)
    if "check" in report.facts:
        found = report.facts["check"]
        words = Verdict(found["verdict"]).words
        err.print(plain(f"{words}: {found['title']}. {found['detail']}"), soft_wrap=True)
    if "person" in report.facts:
        err.print(f"As {plain(report.facts['person'])}. Set CRM_USER to your name if that is not you.", soft_wrap=True)
    if report.outcome == "refused" and report.facts["http_status"]:  # the shop's words alone do not say what came of it
        err.print("Magento refused the order. Nothing was placed.", style="red", soft_wrap=True)
    for line in report.message.splitlines():
        if report.status:
            err.print(plain(line), style="red", soft_wrap=True)
        else:
            out.print(plain(line), soft_wrap=True)


def _print_offer(offer: dict[str, Any]) -> None:
    currency = offer["currency"]
    lines = table("SKU", "Product", "Quantity", "Without tax", numbers=("Quantity", "Without tax"))
    for line in offer["lines"]:
        row(lines, line["sku"], line["name"], line["qty"], _told(line["row_total"], currency))
    if offer["lines"]:
        out.print(lines)
    ways = table("Way to ship or pay", "Code", "Price", "Order's total", numbers=("Price", "Order's total"))
    for each in offer["shipping"]:
        row(ways, each["title"], each["code"], _told(each["price"], currency), _told(each["grand_total"], currency))
    for each in offer["payment"]:
        row(ways, each["title"], each["code"], "", "")
    out.print(ways)


def _told(amount: str | None, currency: str) -> str:
    return "–" if amount is None else price(Decimal(amount), currency)


def _text(amount: Decimal | None, currency: str) -> str | None:
    """Such as "742.14": with the decimal places of the currency, more only where the shop tells more."""
    if amount is None:
        return None
    usual = round(amount, get_currency_precision(currency))
    return f"{usual if usual == amount else amount.normalize():f}"
