"""The preflight of a cart: every check at once, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crm_core.access.people import require_person
from crm_core.errors import PermissionMissing
from crm_core.sales.preflight.address import address_checks
from crm_core.sales.preflight.asking import Asking, Told
from crm_core.sales.preflight.cart import cart_checks, desk_checks
from crm_core.sales.preflight.check import STANDING, Check, Code, Verdict, passes
from crm_core.sales.preflight.coupon import coupon_check
from crm_core.sales.preflight.customer import customer_checks
from crm_core.sales.preflight.lines import line_checks
from crm_core.sales.preflight.payment import payment_check
from crm_core.sales.preflight.plan import AS_IT_STANDS, Plan
from crm_core.sales.preflight.price import price_checks
from crm_core.sales.preflight.reading import Reading, read
from crm_core.sales.preflight.shipping import chosen_code, shipping_check
from crm_core.sales.preflight.standing import Standing, standing
from crm_core.sales.preflight.unknowable import unknowable_checks
from crm_core.store.database import Store
from crm_core.sync.channels import opened
from crm_core.sync.record import keep_cart

_NEEDED_TO_PLACE = frozenset(("Magento_Cart::manage",))


@dataclass(frozen=True)
class Preflight:
    """Every check of one cart at one moment; `at` is UTC."""

    known: Standing
    """The cart as the desk had it before."""
    checks: tuple[Check, ...]
    reading: Reading | None
    """What the shop said; None where it was not asked."""
    changes: tuple[str, ...]
    """What of that the desk did not know yet, in sentences; it is in the store now."""
    plan: Plan
    at: datetime

    @property
    def verdict(self) -> Verdict:
        """What will come of placing it: the worst of the checks, what can never be known beforehand left aside.

        PASS means that the shop refuses it for none but a STANDING reason.
        """
        verdicts = {check.verdict for check in self.checks if check.code not in STANDING}
        worst = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.LOOK)
        return next((verdict for verdict in worst if verdict in verdicts), Verdict.PASS)

    @property
    def blocking(self) -> tuple[Check, ...]:
        """What must be settled before it can be placed."""
        return tuple(check for check in self.checks if check.verdict is Verdict.FAIL)

    @property
    def obstacles(self) -> tuple[Check, ...]:
        """What must be settled beside choosing how it is shipped and paid."""
        return tuple(check for check in self.blocking if not check.is_choice)

    @property
    def to_choose(self) -> tuple[Check, ...]:
        """What waits for a first choice of shipping or payment: neither the cart nor the person has made one."""
        reading = self.reading
        if reading is None:
            return ()
        saved = None if reading.payment.value is None else reading.payment.value.method
        chosen = {Code.SHIPPING: chosen_code(reading, self.plan), Code.PAYMENT: self.plan.payment or saved}
        return tuple(check for check in self.blocking if check.is_choice and chosen.get(check.code) is None)

    @property
    def summary(self) -> str:
        """One line: what is to be settled, or that it is ready."""
        passed = sum(check.verdict is Verdict.PASS for check in self.checks)
        if self.blocking:
            return f"{_things(len(self.blocking))} to settle"
        looks = sum(check.verdict is Verdict.LOOK for check in self.checks)
        unknown = sum(check.verdict is Verdict.UNKNOWN and check.code not in STANDING for check in self.checks)
        parts = [f"{_things(looks)} to look at"] if looks else []
        parts += [f"{_things(unknown)} not known"] if unknown else []
        start = "Can be placed" if parts else "Ready to place"
        return " · ".join([start, *parts, f"{passed} checks passed"])

    def planned(self, plan: Plan) -> Preflight:
        """The same preflight with other choices; what the shop has said is enough for that."""
        if self.reading is None or not self.reading.is_open:
            return replace(self, plan=plan)
        again = {Code.SHIPPING: shipping_check(self.reading, plan), Code.PAYMENT: payment_check(self.reading, plan)}
        return replace(self, checks=tuple(again.get(check.code, check) for check in self.checks), plan=plan)

    def of(self, code: Code) -> tuple[Check, ...]:
        """The checks with that code."""
        return tuple(check for check in self.checks if check.code == code)


def preflight(
    store: Store, cart_key: int, person: str, *, plan: Plan = AS_IT_STANDS, recalculate: bool = False
) -> Preflight:
    """Everything that would stop or change the order, read from the shop now, with nothing written there.

    Only with `recalculate`, which is the person's press on Check, the shop recalculates a cart whose prices have
    changed. `plan` is what the person has chosen so far. What the shop said of the cart, its orders and its totals
    is in the store afterwards.

    Raises NotFound for an unknown cart, NotAllowed if nobody is signed in or the cart's store view is not known, and
    ChannelError if the shop does not accept the channel's credentials or its address is wrong; a shop that cannot
    answer is a check that says so.
    """
    require_person(person)
    known = standing(store, cart_key)
    checks = desk_checks(known)
    channel = known.channel
    if channel is None or channel.paused_at is not None:
        return _result(known, checks, None, (), plan)
    asked_at = datetime.now(UTC)
    with opened(store, channel) as shop:
        with Asking(channel.connections) as asking:
            reading = read(asking, shop, known, recalculate=recalculate)
        changes: list[str] = []
        if reading.cart.is_told:
            changes = keep_cart(
                store,
                shop,
                cart_key,
                cart=reading.cart.value,
                orders=reading.orders.value or (),
                totals=reading.totals.value,
                asked_at=asked_at,
            )
    checks += _shop_checks(known, reading, plan)
    return _result(known, checks, reading, tuple(changes), plan)


def _shop_checks(known: Standing, reading: Reading, plan: Plan) -> list[Check]:
    checks = [*cart_checks(known, reading), *_permissions(reading)]
    cart = reading.cart.value
    if cart is not None and reading.is_open:
        checks += customer_checks(cart, reading.website_id)
        checks += line_checks(known, reading)
        checks += price_checks(known, reading)
        checks.append(coupon_check(known, reading))
        checks += address_checks(reading)
        checks.append(shipping_check(reading, plan))
        checks.append(payment_check(reading, plan))
        checks += unknowable_checks()
    return checks


def _permissions(reading: Reading) -> list[Check]:
    """One line for each permission that the channel's credentials lack."""
    told: tuple[Told[object], ...] = (
        reading.cart,
        reading.orders,
        reading.is_due,
        reading.products,
        reading.salable,
        *(stock.item for stock in reading.stock.values()),
        *reading.countries.values(),
        reading.rates,
        reading.coupon_code,
        reading.coupon,
        reading.totals,
        reading.payment,
        reading.payment_methods,
        reading.shipping_methods,
    )
    lacking = {each.trouble.resource: each.trouble for each in told if isinstance(each.trouble, PermissionMissing)}
    if not lacking:
        return [passes(Code.PERMISSION, "The channel's credentials may read what is needed")]
    return [
        Check(
            Code.PERMISSION,
            Verdict.FAIL if resource in _NEEDED_TO_PLACE else Verdict.UNKNOWN,
            f"The shop does not allow it: {resource or 'a permission that it does not name'}",
            str(trouble),
        )
        for resource, trouble in lacking.items()
    ]


def _result(
    known: Standing, checks: list[Check], reading: Reading | None, changes: tuple[str, ...], plan: Plan
) -> Preflight:
    order = {code: position for position, code in enumerate(Code)}
    return Preflight(
        known=known,
        checks=tuple(sorted(checks, key=lambda check: order[check.code])),
        reading=reading,
        changes=changes,
        plan=plan,
        at=datetime.now(UTC),
    )


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"
