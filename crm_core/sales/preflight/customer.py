"""Checks of whose cart it is: the customer's account and website, and the e-mail address that an order needs."""

from __future__ import annotations

from crm_core.insight.names import full_name
from crm_core.magento.payloads import Cart
from crm_core.sales.address_rules import is_email
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes


def customer_checks(cart: Cart, website_id: int) -> list[Check]:
    """Whether the customer still exists and belongs to the cart's website, and whether there is an e-mail address."""
    return [_customer(cart, website_id), _email(cart)]


def _is_customers(cart: Cart) -> bool:
    return cart.customer is not None and cart.customer.id is not None


def _customer(cart: Cart, website_id: int) -> Check:
    customer = cart.customer
    if customer is None or customer.id is None:
        if cart.customer_is_guest is False:
            return Check(
                Code.CUSTOMER,
                Verdict.LOOK,
                "The customer's account was deleted",
                "The shop would take it as a guest's order, in nobody's account.",
            )
        return passes(Code.CUSTOMER, "A guest's cart")
    name = full_name(customer.firstname, customer.lastname) or customer.email or "customer"
    if customer.website_id is not None and customer.website_id != website_id:
        return Check(
            Code.CUSTOMER,
            Verdict.LOOK,
            f"{name} belongs to another website",
            "The shop would take the order all the same; the customer may not see it in their account.",
            figures=(Figure("Customer's website", customer.website_id), Figure("Cart's website", website_id)),
        )
    return passes(Code.CUSTOMER, f"{name} has an account in this website")


def _email(cart: Cart) -> Check:
    billing = cart.billing_address.email if cart.billing_address else None
    shipping = cart.shipping.address.email if cart.shipping and cart.shipping.address else None
    # A guest's order takes it from the billing address and from nowhere else (observed on Magento 2.4.7).
    own = (cart.customer.email if cart.customer else None) if _is_customers(cart) else billing
    fix = (Fix(FixKind.ENTER_EMAIL, "Enter an e-mail address"),)
    wrong = next((email for email in (own, billing, shipping) if email and not is_email(email)), None)
    if wrong is not None:
        detail = "The shop takes no order with it, nor saves an address that has it. Correct it."
        return Check(Code.EMAIL, Verdict.FAIL, f"“{wrong}” is not an e-mail address", detail, fixes=fix)
    if not own:
        detail = "The shop takes no order without one. Enter it."
        return Check(Code.EMAIL, Verdict.FAIL, "No e-mail address", detail, fixes=fix)
    return passes(Code.EMAIL, f"E-mail: {own}")
