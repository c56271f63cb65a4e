"""From customers as a shop tells them to rows of the store, ready for a bulk upsert.

Values, hash and BadRecord are as for orders (crm_core.sync.order_mapping).
"""

from __future__ import annotations

from typing import NamedTuple

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.store import documents
from crm_core.store.keys import record_key
from crm_core.store.search_keys import email_key, name_key, region_key
from crm_core.sync.values import (
    Row,
    content_hash,
    country,
    has_nul,
    indexed,
    milliseconds,
    packed,
    small,
    without_nul,
)

CUSTOMER_COLUMNS = (
    "id", "shop_id", "origin_id", "website_id", "store_id", "group_id", "email", "firstname", "lastname",
    "name_key", "email_key", "billing_country", "billing_region", "addresses", "is_subscribed", "created_at",
    "updated_at", "content_hash", "first_seen_at", "synchronised_at", "gone_at",
)  # fmt: skip
"""Columns of customer in the order of MappedCustomer.values, then those that the writer adds."""

_NO_REGION = payloads.Region()
_NO_CUSTOMER_ADDRESS = payloads.CustomerAddress()


class MappedCustomer(NamedTuple):
    """A customer as a row. `values` are those of CUSTOMER_COLUMNS up to updated_at."""

    key: int
    origin_id: int
    content_hash: int
    values: Row


def map_customer(shop_id: int, customer: payloads.Customer) -> MappedCustomer:
    """The customer as a row. Raises BadRecord, naming the field, for what the store cannot keep."""
    try:
        mapped, data = _customer(shop_id, customer)
        return _customer(shop_id, without_nul(customer))[0] if has_nul(data) else mapped
    except (ValueError, OverflowError) as unfit:
        raise BadRecord(f"Customer {customer.id} cannot be kept: {unfit}.") from unfit
    except BadRecord as bad:
        raise BadRecord(f"Customer {customer.id}: {bad}") from bad


def _customer(shop_id: int, customer: payloads.Customer) -> tuple[MappedCustomer, bytes]:
    key = record_key(shop_id, customer.id)
    created = customer.created_at
    if created is None:
        raise BadRecord("it has no created_at.")
    billing = _billing_of(customer)
    said = (
        key,
        shop_id,
        customer.id,
        small(customer.website_id, "website_id") or 0,
        small(customer.store_id, "store_id"),
        small(customer.group_id, "group_id"),
        indexed(customer.email or "", "email"),
        customer.firstname or "",
        customer.lastname or "",
        name_key(customer.lastname, customer.firstname),
        email_key(customer.email),
        country(billing.country_id),
        region_key((billing.region or _NO_REGION).region),
        documents.encode([_customer_address(customer, address) for address in customer.addresses or ()]),
        customer.is_subscribed,
        milliseconds(created),
        milliseconds(customer.updated_at or created),
    )
    data = packed(said)
    return MappedCustomer(key, customer.id, content_hash(data), said), data


def _billing_of(customer: payloads.Customer) -> payloads.CustomerAddress:
    addresses = customer.addresses or [_NO_CUSTOMER_ADDRESS]
    return next((address for address in addresses if _is_default_billing(customer, address)), addresses[0])


def _is_default_billing(customer: payloads.Customer, address: payloads.CustomerAddress) -> bool:
    return bool(address.default_billing) or (address.id is not None and customer.default_billing == str(address.id))


def _customer_address(customer: payloads.Customer, address: payloads.CustomerAddress) -> documents.Address:
    region = address.region or _NO_REGION
    return documents.Address(
        prefix=address.prefix,
        firstname=address.firstname,
        middlename=address.middlename,
        lastname=address.lastname,
        suffix=address.suffix,
        company=address.company,
        street=[line for line in address.street or () if line],
        city=address.city,
        postcode=address.postcode,
        region=region.region,
        region_code=region.region_code,
        region_id=region.region_id or None,
        country_id=address.country_id,
        telephone=address.telephone,
        vat_id=address.vat_id,
        is_default_billing=_is_default_billing(customer, address),
        is_default_shipping=bool(address.default_shipping)
        or (address.id is not None and customer.default_shipping == str(address.id)),
        origin_id=address.id,
    )
