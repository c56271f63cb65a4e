"""The tree of errors, split by what the caller must do about them.

DeskError                    everything the product raises on purpose
├── BadInput                 the person's words are off: show the message, nothing was done
│   ├── NotFound             the record named does not exist here
│   └── ChangedMeanwhile     the record is no longer as the person saw it: show it as it is now
├── NotAllowed               the action is not open now, or not to this person: show why
├── SetupError               someone must change a setting or the installation before trying again
│   ├── StoreUnusable        the database is locked, read-only, missing or of another version
│   │   └── TooSlow          the store needed longer for an answer than it was given: ask for less
│   └── ChannelError         the connection to a shop needs a person: address, sign-in, permission
│       ├── WrongAddress     nothing, a redirect or something that is not Magento's REST API answers there
│       ├── SignInFailed     the shop does not accept the credentials
│       └── PermissionMissing  the credentials lack a permission (named by its ACL resource)
├── ShopUnavailable          try again later, the same call may pass (429, 5xx, broken connection)
│   ├── ShopUnreachable      no connection could be made: asking again at once brings the same
│   └── ShopFailed           the shop failed over this very call (500, 504, time-out): ask for less, or leave it
├── ShopRefused              the shop understood and said no (4xx): show its message
│   └── ShopHasNoSuch        the shop has no such record (404)
├── ShopAnsweredNonsense     the answer is not what the API promises (HTML, broken JSON, wrong types)
├── OutcomeUnknown           a write was sent and no clear answer came: read back, never send again blindly
├── BadRecord                one record cannot be mirrored: quarantine it and go on
└── LeaseLost                another worker holds this work now: stop writing
"""

from __future__ import annotations

from collections.abc import Mapping


class DeskError(Exception):
    """Everything the product raises on purpose; its text is fit to be shown to a person."""


class BadInput(DeskError):
    """What the person asked for cannot be understood; nothing was done."""


class NotFound(BadInput):
    """The record named does not exist in the store."""


def not_in_store(record: str) -> NotFound:
    """To raise where the store has no such "cart", "order" or "customer"."""
    return NotFound(f"This {record} is not in the store. It may belong to a channel that was removed.")


class ChangedMeanwhile(BadInput):
    """The record is no longer as the person saw it, so it was left as it is: show it anew, with this text."""


class NotAllowed(DeskError):
    """The action is not open in the record's present state, or not to this person; the text says why."""


class SetupError(DeskError):
    """Someone must change a setting or the installation before the same thing can work."""


class StoreUnusable(SetupError):
    """The database is locked, read-only, missing, or of another version than this program."""


class TooSlow(StoreUnusable):
    """A question to the store took longer than the time it was given; ask for less."""


class ChannelError(SetupError):
    """The connection to a shop needs a person; the channel pauses unless it may pass by itself."""


class WrongAddress(ChannelError):
    """Nothing, a redirect, or something that is not Magento's REST API answers at the channel's address.

    Where the shop was read before it may pass by itself (a deployment, maintenance, a firewall): the channel goes on.
    """


class SignInFailed(ChannelError):
    """The shop does not accept the channel's credentials. Never retried: six failures lock an admin account."""


class PermissionMissing(ChannelError):
    """The credentials lack a permission in the shop.

    `resource` is Magento's ACL name, such as ``Magento_Cart::manage``; empty if the shop did not name one.
    """

    def __init__(self, message: str, resource: str = "") -> None:
        super().__init__(message)
        self.resource = resource


class ShopUnavailable(DeskError):
    """The shop could not answer now: 429, 5xx, maintenance, a broken connection, a time-out.

    `retry_after` is the shop's own wish in seconds, if it named one.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ShopUnreachable(ShopUnavailable):
    """No connection to the shop could be made: its name is not known, or nothing accepts a connection there.

    Nothing was sent. Who waits for the answer is told soon, since asking again at once brings the same.
    """


class ShopFailed(ShopUnavailable):
    """The shop failed over this very call: 500, 504, no answer in time.

    A smaller page may pass; where a page of one record does not, that record is what the shop fails over.
    """


class ShopRefused(DeskError):
    """The shop understood the call and said no; the text is its message with the parameters filled in.

    `status` is the HTTP status, `parameters` what the shop put into its message, by name or by number from 1. Never
    branch on the text: it is translated to the shop's language.
    """

    def __init__(self, message: str, status: int = 400, parameters: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.parameters = parameters or {}


class ShopHasNoSuch(ShopRefused):
    """The shop has no such record, or no such route (404)."""

    def __init__(self, message: str, parameters: Mapping[str, object] | None = None) -> None:
        super().__init__(message, 404, parameters)


class ShopAnsweredNonsense(DeskError):
    """The answer is not what the API promises: HTML, truncated JSON, other types. Nothing of it was kept."""


class OutcomeUnknown(DeskError):
    """A write was sent and no clear answer came. Read the outcome back; never send the write again blindly.

    `why` says what came instead of a clear answer, in a sentence; empty if that is all the text says.
    """

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why


class BadRecord(DeskError):
    """One record cannot be mirrored as it came; it goes to quarantine and the run goes on."""


class LeaseLost(DeskError):
    """Another worker holds this work now; the caller must stop writing at once."""
