"""What the shop answers instead of a result: a status and Magento's error body, its parameters apart."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An answer that is not a result. `html` replaces the JSON body where Magento answers outside its REST layer."""

    def __init__(
        self,
        status: int,
        message: str,
        parameters: Any = None,
        *,
        html: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.parameters = parameters
        self.html = html
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON error body as Magento prints it: `parameters` only where the message has any."""
        if self.parameters is None:
            return {"message": self.message}
        return {"message": self.message, "parameters": self.parameters}


def no_such(field: str, value: object) -> Refusal:
    """The 404 of an entity that is not there (or, for carts, not active where only an active one will do)."""
    return Refusal(404, "No such entity with %fieldName = %fieldValue", {"fieldName": field, "fieldValue": value})


def no_such_order() -> Refusal:
    """The 404 of an order id that does not exist."""
    return Refusal(404, "The entity that was requested doesn't exist. Verify the entity and try again.")


def required(field: str) -> Refusal:
    """The 400 of a missing parameter or body key."""
    return Refusal(400, '"%fieldName" is required. Enter and try again.', {"fieldName": field})


def wrong_type(value: object, wanted: str) -> Refusal:
    """The 400 of a value that is not of the type the route wants ("int", "float")."""
    said = value if isinstance(value, str) else type(value).__name__
    return Refusal(
        400, f'The "{said}" value\'s type is invalid. The "{wanted}" type was expected. Verify and try again.'
    )


def not_authorised(resource: str) -> Refusal:
    """The 401 that Magento gives alike for no token, a wrong token and a missing permission."""
    return Refusal(401, "The consumer isn't authorized to access %resources.", {"resources": resource})


def internal_error(report: str) -> Refusal:
    """The 500 of production mode: nothing but a report id (for instance for an unknown filter column)."""
    return Refusal(500, f"Internal Error. Details are available in Magento log file. Report ID: webapi-{report}")


def no_route() -> Refusal:
    """The 404 of an unknown path and also of a known path with another verb."""
    return Refusal(404, "Request does not match any route.")
