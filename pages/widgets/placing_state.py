"""How far the drawer that places an order is: what the shop said, what was pressed last, and what came of it.

It stands in the session, changed in place. What was asked or sent is waited for by every run of the screen that comes
meanwhile: Streamlit starts a new one beside the old one, which it stops only once that draws again.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import RLock

from crm_core.errors import DeskError
from crm_core.sales.cart_writing import Mended
from crm_core.sales.offer import Choice, Offer, offer_of
from crm_core.sales.outcomes import Outcome, Refused, TotalsChanged
from crm_core.sales.placing import place
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.store.documents import Totals
from pages.widgets import desk
from pages.widgets.mending import Outdated

_asking = ThreadPoolExecutor(32, thread_name_prefix="place-order")
"""What is asked begins with the click, while the screen behind the drawer is still being drawn."""


@dataclass
class Placing:
    """The cart that the drawer is open for, what the shop said of it, and what came of the last press."""

    cart_key: int
    asked: Future[Preflight] | None = None
    found: Preflight | None = None
    offer: Offer | None = None
    totals_before: Totals | None = None
    """As the desk had them when the drawer was opened."""
    changes: tuple[str, ...] = ()
    mended: Mended | Outdated | None = None
    """What came of the last press of a fix, after which the shop is asked anew."""
    placing: Future[Outcome] | None = None
    """The order is on its way; a run that is interrupted leaves it to the next one."""
    outcome: Outcome | None = None
    error: DeskError | None = None
    is_known: bool = False
    """Whether the shop has told anything since the drawer was opened."""
    drawn_anew: bool = False
    presses: int = 0
    """How often Place order was pressed: each press makes another button of it; one of the old one sends nothing."""
    _keeping: RLock = field(default_factory=RLock)
    """Of all the runs that waited, one keeps the answer, and the others draw what it kept.

    What is waited for goes last: a run that begins meanwhile waits too, and does not draw as if nothing were asked.
    """

    def ask(self, *, recalculate: bool = False) -> None:
        """The shop is asked anew, in the name of the person at the screen."""
        with self._keeping:
            self.found = self.offer = self.error = None
            try:
                person = desk.person()
                self.asked = _asking.submit(preflight, desk.store(), self.cart_key, person, recalculate=recalculate)
            except DeskError as error:
                self.asked, self.error = None, error

    def hear(self) -> None:
        """Waits for what was asked, and keeps it unless something else was asked since."""
        asked = self.asked
        if asked is None:
            return
        wait((asked,))
        with self._keeping:
            if self.asked is not asked:
                return
            try:
                found = asked.result()
                self.take(found, offer_of(found))
            except DeskError as error:
                self.error = error
            finally:
                self.asked = None

    def send(self, choice: Choice) -> None:
        """The order is placed on these terms, in the name of the person at the screen."""
        with self._keeping:
            self.placing = _asking.submit(place, desk.store(), self.cart_key, choice, desk.person())

    def came_of_it(self) -> None:
        """Waits for the order that is on its way, and keeps what came of it."""
        placing = self.placing
        if placing is None:
            return
        wait((placing,))
        with self._keeping:
            if self.placing is not placing:
                return
            try:
                outcome = self.outcome = placing.result()
                if isinstance(outcome, Refused) and outcome.after is not None:
                    self.take(outcome.after, offer_of(outcome.after))
                elif isinstance(outcome, TotalsChanged) and outcome.offer is not None:
                    self.take(outcome.offer.preflight, outcome.offer)
                elif isinstance(outcome, Refused | TotalsChanged):
                    self.ask()
            except DeskError as error:
                self.error = error
            finally:
                self.placing = None

    def take(self, found: Preflight, offer: Offer | None) -> None:
        """The shop said this; the totals before are those of the first time."""
        if not self.is_known:
            self.is_known, self.totals_before = True, found.known.totals
        self.changes = tuple(dict.fromkeys((*self.changes, *found.changes)))
        self.found, self.offer, self.asked = found, offer, None
