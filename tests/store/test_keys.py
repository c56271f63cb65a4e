"""A record key is one number for a shop's record, and gives both back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.store.keys import origin_of, record_key

_shops = st.integers(1, 2**23 - 1)
_origins = st.integers(0, 2**40 - 1)


@given(_shops, _origins)
def test_a_key_gives_its_shop_and_origin_back_and_fits_64_bits(shop_id: int, origin_id: int) -> None:
    key = record_key(shop_id, origin_id)
    assert origin_of(key) == (shop_id, origin_id)
    assert 0 < key < 2**63


@given(_shops, _origins, _origins)
def test_keys_of_a_shop_sort_like_its_ids(shop_id: int, one: int, other: int) -> None:
    assert (record_key(shop_id, one) < record_key(shop_id, other)) == (one < other)


@pytest.mark.parametrize(("shop_id", "origin_id"), [(0, 1), (-1, 1), (2**23, 1), (1, -1), (1, 2**40)])
def test_what_does_not_fit_is_refused(shop_id: int, origin_id: int) -> None:
    with pytest.raises(ValueError, match="is not"):
        record_key(shop_id, origin_id)
