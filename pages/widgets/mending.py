"""One press, one change of a cart: the buttons of every form that mends one, and what came of the last press.

What was pressed last stands in the session in one object a place, changed in place, which Streamlit cannot interrupt.
Every press makes other buttons of all of them, so the second half of a double click is for one that is no more and
sends nothing, however late it comes; a press of a button as it is drawn now always counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import streamlit as st

from crm_core.errors import BadInput, ChangedMeanwhile, DeskError, OutcomeUnknown
from crm_core.sales.cart_fixes import Change, mend
from crm_core.sales.cart_writing import Mended
from pages.widgets import desk
from pages.widgets.text import message

T = TypeVar("T")

OnChanged = Callable[[Mended], None]
Outdated = ChangedMeanwhile | OutcomeUnknown
"""What a press ended with that leaves the cart another than what is shown of it, or perhaps another."""
OnOutdated = Callable[[Outdated], bool]
"""Reads anew what is shown of the cart. Whether it tells what came of the press, so that the form does not."""


@dataclass
class _Presses:
    """How often was pressed, how often it worked, and what came of it last: of `change`, at `spot`."""

    presses: int = 0
    changes: int = 0
    spot: str = ""
    change: Change | None = None
    """None: what was typed made none."""
    done: Mended | None = None
    trouble: DeskError | None = None


@dataclass(frozen=True)
class Mending:
    """Forms that change one cart, at a `place` of the screen; `on_changed` is called after each change that worked.

    `on_outdated` is called after one that left the cart another than what is shown of it, or perhaps another.
    """

    cart_key: int
    place: str
    on_changed: OnChanged
    on_outdated: OnOutdated | None = None

    @property
    def presses(self) -> _Presses:
        """What was pressed here."""
        found: _Presses = st.session_state.setdefault(f"{self.place}-presses", _Presses())
        return found

    def key(self, *parts: object) -> str:
        """The key of a field; another one after each change that worked, so that the field shows the cart anew."""
        return "-".join(map(str, (self.place, self.presses.changes, *parts)))

    def value(self, *parts: object) -> Any:
        """What stands in the field with that key."""
        return st.session_state.get(self.key(*parts))

    def quantity(self, key: str) -> Decimal:
        """The quantity that stands in the field with that key. Raises BadInput if none does."""
        value = st.session_state.get(key)
        if value is None:
            raise BadInput("Enter how many.")
        return Decimal(repr(value))

    def shown(self, spot: str, field: str, now: T) -> T:
        """What the person has seen of the cart in the form at that spot, which is what it was when it was first drawn.

        It is `now` while the `field` of the form is not on the screen yet, and again once a press there was told that
        it is another. Ask before the field is drawn.
        """
        key = self.key(spot, "shown")
        if field not in st.session_state:
            st.session_state.pop(key, None)
        seen: T = st.session_state.setdefault(key, now)
        return seen

    def button(self, label: str, spot: str, change: Callable[[], Change], **options: Any) -> None:
        """A button that makes the change; `spot` names where a refusal is to be shown, with `draw_trouble`."""
        presses = self.presses.presses
        key = f"{self.place}-{spot}-{options.pop('name', 'press')}-{presses}"
        st.button(label, key=key, on_click=self._press, args=(presses, spot, change), **options)

    def submit(self, label: str, spot: str, change: Callable[[], Change], **options: Any) -> None:
        """The same at the end of a form."""
        presses = self.presses.presses
        key = f"{self.place}-{spot}-submit-{presses}"
        st.form_submit_button(label, key=key, on_click=self._press, args=(presses, spot, change), **options)

    def draw_done(self) -> None:
        """The last change, if it worked, in the words of the core."""
        done = self.presses.done
        if done is None:
            return
        st.success(message(done.message, 300), icon=":material/check:")
        for note in done.notes:
            st.warning(message(note, 300), icon=":material/warning:")

    def draw_trouble(self, spot: str) -> None:
        """Why the last press at that spot did not work, in the shop's words or the core's."""
        now = self.presses
        if now.trouble is not None and now.spot == spot:
            desk.say(now.trouble)

    def _press(self, drawn_at: int, spot: str, change: Callable[[], Change]) -> None:
        now = self.presses
        if now.presses != drawn_at:
            return
        now.presses += 1
        now.spot, now.change, now.done, now.trouble = spot, None, None, None
        try:
            now.change = change()
            now.done = mend(desk.store(), self.cart_key, now.change, desk.person())
        except (ChangedMeanwhile, OutcomeUnknown) as error:
            st.session_state.pop(self.key(spot, "shown"), None)
            is_told = self.on_outdated is not None and self.on_outdated(error)
            now.trouble = None if is_told else error
            return
        except DeskError as error:
            now.trouble = error
            return
        now.changes += 1
        self.on_changed(now.done)


def forget(place: str) -> None:
    """Everything that was typed, found and said at that place is forgotten."""
    for key in [key for key in st.session_state if str(key).startswith(f"{place}-")]:
        del st.session_state[key]
