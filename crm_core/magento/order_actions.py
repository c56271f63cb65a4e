"""What people do with an order in the shop: comment, hold, cancel, e-mail, invoice, ship, refund.

**Every call writes**, exactly once (`Connection.send` says what it raises), and most cannot be undone. Afterwards, and
after OutcomeUnknown before anything else, read the order back. `order_id` is the entity_id, never the increment_id. No
store view is named: a write to an order cannot move it. Each call names the permission that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crm_core.errors import BadInput
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode_new_id, decode_outcome, expect_done

LONGEST_COMMENT = 65_535
"""Bytes of a comment that Magento keeps; the rest it cuts off without a word (observed on 2.4.7)."""


@dataclass(frozen=True, slots=True)
class Track:
    """A parcel's tracking number. `carrier_code` is ``custom`` for a carrier that the shop does not know."""

    number: str
    title: str
    carrier_code: str = "custom"


class OrderActions:
    """The writes to orders, on the connection of the shop's reading side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def comment(self, order_id: int, text: str, *, notify: bool, visible: bool, status: str | None = None) -> None:
        """Add a comment; `notify` e-mails it to the customer, `visible` shows it in the customer's account.

        The order's `updated_at` does not move, and emoji are stored as ``????`` (both observed on 2.4.7). Raises
        BadInput for a text that Magento would cut, ShopRefused for a status that the order's state does not have.
        Magento_Sales::comment.
        """
        if len(text.encode()) > LONGEST_COMMENT:
            raise BadInput("The comment is too long: Magento would cut it off. Shorten it.")
        history: dict[str, Any] = {
            "comment": text,
            "is_customer_notified": int(notify),
            "is_visible_on_front": int(visible),
            "parent_id": order_id,
        }
        if status is not None:
            history["status"] = status
        self._do(f"/V1/orders/{order_id}/comments", {"statusHistory": history})

    def hold(self, order_id: int) -> None:
        """Put the order on hold. Raises ShopRefused in a state that does not allow it. Magento_Sales::hold."""
        self._do(f"/V1/orders/{order_id}/hold")

    def unhold(self, order_id: int) -> None:
        """Take the order off hold. Raises ShopRefused if it is not held. Magento_Sales::unhold."""
        self._do(f"/V1/orders/{order_id}/unhold")

    def cancel(self, order_id: int) -> bool:
        """Whether the order was cancelled; **False is a refusal**, and nothing was done.

        Magento answers so, with success, to an order that is held, invoiced, complete or cancelled already (observed
        on 2.4.7). Magento_Sales::cancel.
        """
        return self._asked(f"/V1/orders/{order_id}/cancel")

    def email(self, order_id: int) -> bool:
        """Whether the shop sent the order's e-mail to the customer at once.

        False where it sends e-mails later by its own schedule, or where order e-mails are switched off: REST does not
        tell which (read in Magento's source, not observed). Magento_Sales::emails.
        """
        return self._asked(f"/V1/orders/{order_id}/emails")

    def invoice(self, order_id: int, *, notify: bool, capture: bool, items: Mapping[int, Decimal] | None = None) -> int:
        """Invoice everything that is open, or so many of the order's items, and return the invoice's entity_id.

        `capture` takes the money where the way of paying can. `items` is order item_id to quantity, parents only.
        Raises ShopRefused if nothing is open or too many are asked for. Magento_Sales::invoice.
        """
        body = {"capture": capture, "notify": notify} | _items(items)
        return self._make(f"/V1/order/{order_id}/invoice", body)

    def ship(
        self,
        order_id: int,
        *,
        notify: bool,
        items: Mapping[int, Decimal] | None = None,
        tracks: Sequence[Track] = (),
        source_code: str | None = None,
    ) -> int:
        """Ship everything that is open, or so many of the order's items, and return the shipment's entity_id.

        `source_code` says from which inventory source, for shops with several; None is the default one. Raises
        ShopRefused if nothing is open to ship. Magento_Sales::ship.
        """
        body: dict[str, Any] = {"notify": notify} | _items(items)
        if tracks:
            body["tracks"] = [
                {"track_number": track.number, "title": track.title, "carrier_code": track.carrier_code}
                for track in tracks
            ]
        if source_code is not None:
            body["arguments"] = {"extension_attributes": {"source_code": source_code}}
        return self._make(f"/V1/order/{order_id}/ship", body)

    def refund_offline(
        self,
        order_id: int,
        *,
        notify: bool,
        items: Mapping[int, Decimal] | None = None,
        shipping_amount: Decimal | None = None,
        adjustment_positive: Decimal | None = None,
        adjustment_negative: Decimal | None = None,
        return_to_stock: Sequence[int] = (),
    ) -> int:
        """Record that everything, or so many of the order's items, was paid back; return the credit memo's entity_id.

        **No money moves**: paying back is somebody's own work. The amounts are in the order's base currency; without
        `shipping_amount` all shipping is refunded. `return_to_stock` lists order item_ids. Only a refund of everything
        was observed (2.4.7). Raises ShopRefused if nothing is left to refund. Magento_Sales::creditmemo.
        """
        amounts = {
            "shipping_amount": shipping_amount,
            "adjustment_positive": adjustment_positive,
            "adjustment_negative": adjustment_negative,
        }
        arguments: dict[str, Any] = {name: float(amount) for name, amount in amounts.items() if amount is not None}
        if return_to_stock:
            arguments["extension_attributes"] = {"return_to_stock_items": list(return_to_stock)}
        body = {"notify": notify} | _items(items) | ({"arguments": arguments} if arguments else {})
        return self._make(f"/V1/order/{order_id}/refund", body)

    def _do(self, path: str, body: object = None) -> None:
        expect_done(self._connection.send("POST", path, body, store=None), f"POST {path}")

    def _asked(self, path: str) -> bool:
        answer: bool = decode_outcome(self._connection.send("POST", path, store=None), bool, f"POST {path}")
        return answer

    def _make(self, path: str, body: object) -> int:
        return decode_new_id(self._connection.send("POST", path, body, store=None), f"POST {path}")


def _items(items: Mapping[int, Decimal] | None) -> dict[str, Any]:
    """The part of a body that names items; nothing for everything. Raises BadInput for an empty choice."""
    if items is None:
        return {}
    chosen = [
        {"order_item_id": item_id, "qty": float(quantity)}
        for item_id, quantity in items.items()
        if quantity.is_finite() and quantity > 0
    ]
    if len(chosen) < len(items) or not chosen:
        # Magento takes an empty list for everything.
        raise BadInput("Choose at least one line, each with a quantity above 0.")
    return {"items": chosen}
