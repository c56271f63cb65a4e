"""The screen of the product: who is it, and where to. Run it with `streamlit run app.py`; `make run` does.

st.navigation runs for everybody, and every address leads somebody who has not signed in to the sign-in alone: a page
script is never run by its own address.
"""

from __future__ import annotations

import streamlit as st

from pages.widgets import desk, left_behind, no_such_page, screen_address
from pages.widgets.sidebar import person_line, status_line

st.set_page_config(
    page_title="Sales Desk",
    page_icon="/app/static/favicon.png",
    layout="wide",
    initial_sidebar_state=212,
    menu_items={"About": "Magento Sales Desk: the carts and orders of your Magento stores on one screen."},
)
st.logo("/app/static/logo.svg", icon_image="/app/static/mark.svg", size="medium")

_addresses = (
    "", "home", "dashboard", "carts", "orders", "customers", "attempts", "cart", "order", "customer", "several",
    "channels",
)  # fmt: skip
if desk.knows_reader():
    _dashboard = st.Page(
        "pages/sales/dashboard.py", title="Dashboard", icon=":material/monitoring:", url_path="", default=True
    )
    _chosen = st.navigation(
        {
            "Sales": [
                _dashboard,
                st.Page("pages/sales/carts.py", title="Carts", icon=":material/shopping_cart:", url_path="carts"),
                st.Page("pages/sales/orders.py", title="Orders", icon=":material/receipt_long:", url_path="orders"),
                st.Page("pages/sales/customers.py", title="Customers", icon=":material/group:", url_path="customers"),
                st.Page("pages/sales/attempts.py", title="Attempts", icon=":material/fact_check:", url_path="attempts"),
            ],
            "Set-up": [
                st.Page("pages/setup/channels.py", title="Channels", icon=":material/hub:", url_path="channels"),
            ],
            "": [
                # Streamlit serves the first page at / only. Leading there would leave no way back in the browser.
                st.Page("pages/sales/dashboard.py", title="Dashboard", url_path="dashboard", visibility="hidden"),
                st.Page("pages/sales/dashboard.py", title="Dashboard", url_path="home", visibility="hidden"),
                st.Page("pages/sales/cart.py", title="Cart", url_path="cart", visibility="hidden"),
                st.Page("pages/sales/order.py", title="Order", url_path="order", visibility="hidden"),
                st.Page("pages/sales/several.py", title="Several carts", url_path="several", visibility="hidden"),
                st.Page("pages/sales/customer.py", title="Customer", url_path="customer", visibility="hidden"),
                *no_such_page.pages_for(desk.asked_address(), _addresses, _dashboard),
            ],
        },
        expanded=True,
    )
    screen_address.restore(_chosen.url_path)
    left_behind.close_elsewhere(_chosen.url_path, screen_address.asked_for(_chosen.url_path))
    with st.sidebar:
        status_line()
        person_line()
else:
    _chosen = st.navigation(
        [
            st.Page("pages/setup/sign_in.py", title="Sign in", url_path=address, default=not address)
            for address in _addresses
        ],
        position="hidden",
    )
_chosen.run()
