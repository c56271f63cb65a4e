from __future__ import annotations

import pytest

from crm_core.sales.preflight.check import Verdict
from tests.sales.desk import Desk
from tests.sales.preflight.random_carts import try_carts


@pytest.mark.parametrize("seed", range(20, 22))
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_nothing_is_refused_after_green_but_for_what_cannot_be_known_and_nothing_placed_after_red(
    desk: Desk, seed: int
) -> None:
    tally = try_carts(desk, 200, seed)
    assert tally.broken == []
    assert min(tally.checked[verdict] for verdict in (Verdict.PASS, Verdict.LOOK, Verdict.FAIL)) >= 10, tally
    assert tally.checked[Verdict.UNKNOWN] > 0
