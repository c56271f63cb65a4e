"""The customer of a cart or an order: how to reach them, and what they bought so far."""

from __future__ import annotations

import streamlit as st

from crm_core.insight.related import CustomerFacts
from crm_core.store.documents import Address
from pages.widgets import desk
from pages.widgets.layout import card, spread
from pages.widgets.text import dotted, escaped, joined_money, mail_link, plural, when


def draw_customer(who: CustomerFacts, is_guest: bool, email: str | None, *addresses: Address | None) -> None:
    """The card; `email` is the record's own, the telephone that of the first address that has one."""
    with card("Customer"):
        with spread():
            st.markdown(f":small[{escaped(who.name, 80) or 'No name given'}]", width="content")
            if who.key is not None:
                st.page_link(
                    "pages/sales/customer.py",
                    label="View customer",
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params={"id": str(who.key)},
                )
        mails = {each.lower(): each for each in (who.email, email) if each}
        lines = [f":gray[:material/mail:] {mail_link(each)}" for each in mails.values()]
        telephone = next((each.telephone for each in (*addresses, *who.addresses) if each and each.telephone), None)
        if telephone:
            lines.append(f":gray[:material/call:] {escaped(telephone, 40)}")
        if lines:
            st.markdown("  \n".join(f":small[{line}]" for line in lines))
        st.caption(dotted(_facts(who, is_guest)))
        if who.gone_at:
            st.caption(
                f":orange[:material/person_off:] Deleted in the shop, noticed {when(who.gone_at, desk.reader_zone())}"
            )


def _facts(who: CustomerFacts, is_guest: bool) -> list[str]:
    facts = ["Guest" if is_guest else f"{escaped(who.group, 40)} group" if who.group else "Customer"]
    bought = joined_money(who.value)
    facts.append(f"{plural(who.orders, 'order')}, {bought} so far" if who.orders else "no order so far")
    if who.is_subscribed is not None:
        facts.append("newsletter yes" if who.is_subscribed else "newsletter no")
    return facts
