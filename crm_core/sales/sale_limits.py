"""How many pieces of a product may be bought at once, by its stock record in the shop."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from crm_core.magento.payloads import exact
from crm_core.magento.products import StockItem
from crm_core.sales.preflight.check import quantity

_NONE = Decimal(0)


@dataclass(frozen=True)
class SaleLimits:
    """The fewest, the most and the step of one purchase; zero: no such limit."""

    least: Decimal
    most: Decimal
    step: Decimal

    def allow(self, pieces: Decimal) -> bool:
        """Whether so many may be bought at once."""
        is_too_many = bool(self.most) and pieces > self.most
        is_between = bool(self.step) and pieces % self.step != 0
        return pieces >= self.least and not is_too_many and not is_between

    @property
    def words(self) -> str:
        """Such as "from 2 up to 10 at a time, in steps of 2"; empty where nothing limits a purchase."""
        least = f"from {quantity(self.least)}" if self.least else ""
        most = f"up to {quantity(self.most)} at a time" if self.most else ""
        step = f"in steps of {quantity(self.step)}" if self.step else ""
        return ", ".join(words for words in (f"{least} {most}".strip(), step) if words)


def limits_of(item: StockItem) -> SaleLimits:
    """The limits that the stock record holds."""
    return SaleLimits(
        least=exact(item.min_sale_qty or 0.0),
        most=exact(item.max_sale_qty or 0.0),
        step=exact(item.qty_increments or 0.0) if item.enable_qty_increments else _NONE,
    )
