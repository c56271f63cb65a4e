"""Customer accounts: kept in the shape in which the API answers them, and saved as PUT /customers/:id saves them."""

from __future__ import annotations

import re
from typing import Any

from demo_store.addresses import entered
from demo_store.records import Records
from demo_store.refusal import Refusal, no_such, required
from demo_store.search import Columns
from demo_store.state import Doc

_ADDRESS_COLUMNS = ("firstname", "lastname", "telephone", "postcode", "city", "country_id", "company", "region_id")
_PLAIN = ("firstname", "lastname", "middlename", "prefix", "suffix", "taxvat", "gender", "dob", "group_id", "store_id")
_KNOWN = frozenset(
    {
        *_PLAIN,
        *("id", "email", "website_id", "addresses", "default_billing", "default_shipping", "created_at", "updated_at"),
        *("created_in", "confirmation", "disable_auto_group_change", "extension_attributes", "custom_attributes"),
    }
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_NAME = re.compile(r"[^<>{}\U00010000-\U0010ffff]*\Z")


def _read(customer: Doc, name: str) -> Any:
    if name == "entity_id":
        return customer["id"]
    if name.startswith("billing_"):
        default = customer.get("default_billing")
        address = next((one for one in customer["addresses"] if str(one["id"]) == default), None)
        return (address or {}).get(name.removeprefix("billing_"))
    return customer.get(name)


COLUMNS = Columns.named(
    _read,
    flat=False,
    numbers="entity_id website_id store_id group_id gender default_billing default_shipping",
    texts="email firstname lastname middlename taxvat created_in "
    + " ".join(f"billing_{name}" for name in _ADDRESS_COLUMNS),
    times="created_at updated_at dob",
)


def create(
    records: Records,
    email: str,
    address: dict[str, Any],
    store_id: int,
    *,
    group_id: int = 1,
    is_subscribed: bool = False,
) -> Doc:
    """A new account of the person in the address, which becomes its default for both uses; stored and returned."""
    ident, book, now = records.next_id("customer"), records.next_id("customer_address"), records.stamp()
    given = dict(address)
    region = {name: given.pop(name, None) for name in ("region_code", "region")}
    region["region_id"] = given.get("region_id", 0)
    entry: Doc = {"id": book, "customer_id": ident, "region": region, "region_id": region["region_id"]}
    entry |= given | {"default_shipping": True, "default_billing": True}
    view = records.view(store_id)
    customer: Doc = {"id": ident, "group_id": group_id, "default_billing": str(book), "default_shipping": str(book)}
    customer |= {"created_at": now, "updated_at": now, "created_in": view["name"], "email": email}
    customer |= {"firstname": given["firstname"], "lastname": given["lastname"], "store_id": store_id}
    customer |= {"website_id": view["website_id"], "addresses": [entry], "disable_auto_group_change": 0}
    customer["extension_attributes"] = {"is_subscribed": is_subscribed}
    return records.state.put("customer", ident, customer)


def existing(records: Records, customer_id: int) -> Doc:
    """The account of an id; Refusal 404 where there is none."""
    found = records.state.get("customer", customer_id)
    if found is None:
        raise no_such("customerId", customer_id)
    return found


def quoted(customer: Doc | None) -> Doc:
    """The `customer` of a cart: the live account, or the empty one of a guest."""
    return customer if customer is not None else {"email": None, "firstname": None, "lastname": None}


def save(records: Records, customer_id: int, body: Any) -> Doc:
    """PUT /customers/:id: change what the body names and re-date the account, whatever changed.

    An `addresses` list replaces the address book (an empty one clears it); without the key it stays. A null date of
    birth clears nothing. Raises Refusal 400 for a bad value or an unknown key, 404 for an unknown account.
    """
    given = body.get("customer") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("customer")
    customer = existing(records, customer_id)
    for key in given:
        if key not in _KNOWN:
            camel = "".join(part.capitalize() for part in key.split("_"))
            raise Refusal(
                400, '"%fieldName" is not supported. Correct the field name and try again.', {"fieldName": camel}
            )
    if "id" in given and given["id"] != customer_id:
        raise Refusal(400, "A customer with the same email address already exists in an associated website.")
    _check(records, customer, given)
    for key in _PLAIN:
        if given.get(key) is not None:
            customer[key] = given[key]
    for key in ("email", "website_id"):
        if given.get(key) is not None:
            customer[key] = given[key]
    if isinstance(given.get("addresses"), list):
        _replace_addresses(records, customer, given["addresses"])
    subscribed = (given.get("extension_attributes") or {}).get("is_subscribed")
    if subscribed is not None:
        customer["extension_attributes"]["is_subscribed"] = bool(subscribed)
    customer["updated_at"] = records.stamp()
    records.state.touch("customer", customer_id)
    return customer


def _check(records: Records, customer: Doc, given: dict[str, Any]) -> None:
    email = given.get("email")
    if email is not None:
        if not _EMAIL.match(str(email)):
            raise Refusal(400, '"Email" is not a valid email address.')
        site = given.get("website_id", customer["website_id"])
        for other in records.state.all("customer"):
            same = other["email"].casefold() == email.casefold() and other["website_id"] == site
            if same and other["id"] != customer["id"]:
                raise Refusal(400, "A customer with the same email address already exists in an associated website.")
    if given.get("group_id") is not None and given["group_id"] not in {0, 1, 2, 3}:
        raise Refusal(400, "The specified customer group id does not exist.")
    for key, label in (("firstname", "First Name"), ("lastname", "Last Name")):
        if given.get(key) is not None and not _NAME.match(str(given[key])):
            raise Refusal(400, f"{label} is not valid!")


def _replace_addresses(records: Records, customer: Doc, given: list[Any]) -> None:
    kept = {one["id"]: one for one in customer["addresses"]}
    book: list[Doc] = []
    for one in given:
        address = kept.get(one.get("id")) or {"id": records.next_id("customer_address"), "customer_id": customer["id"]}
        book.append(address | entered(one))
    customer["addresses"] = book
    idents = {str(one["id"]) for one in book}
    for name in ("default_billing", "default_shipping"):
        if customer.get(name) not in idents:
            customer.pop(name, None)


GROUPS = ("NOT LOGGED IN", "General", "Wholesale", "Retailer")


def groups() -> list[Doc]:
    """The customer groups of a fresh Magento, as customerGroups/search answers them."""
    return [
        {"id": ident, "code": code, "tax_class_id": 3, "tax_class_name": "Retail Customer"}
        for ident, code in enumerate(GROUPS)
    ]


def _read_group(group: Doc, name: str) -> Any:
    return group["id"] if name in {"id", "customer_group_id"} else group.get(name)


GROUP_COLUMNS = Columns(
    {"id": "number", "customer_group_id": "number", "code": "text", "tax_class_id": "number"},
    _read_group,
    flat=True,
    key="id",
)
