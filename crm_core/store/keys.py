"""Record keys: one 64-bit number for (shop, origin id) to find, join and sort a mirrored record by."""

from __future__ import annotations

_ORIGIN_BITS = 40
_ORIGIN_LIMIT = 1 << _ORIGIN_BITS
_SHOP_LIMIT = 1 << 23


def record_key(shop_id: int, origin_id: int) -> int:
    """The key of the record that shop `shop_id` knows as `origin_id`; keys of one shop sort like its ids.

    Magento's ids are 32-bit and unsigned, so 40 bits hold them. Raises ValueError for an id that does not fit.
    """
    if not 0 <= origin_id < _ORIGIN_LIMIT:
        raise ValueError(f"{origin_id} is not an id of a Magento record")
    if not 0 < shop_id < _SHOP_LIMIT:
        raise ValueError(f"{shop_id} is not the id of a shop")
    return shop_id << _ORIGIN_BITS | origin_id


def origin_of(key: int) -> tuple[int, int]:
    """The (shop id, origin id) behind a record key."""
    return key >> _ORIGIN_BITS, key & (_ORIGIN_LIMIT - 1)
