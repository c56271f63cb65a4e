"""The door is open before the shop is ready: who comes early waits and is not turned away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from demo_store.server import answering, listen
from demo_store.shop import Shop


def test_a_caller_who_comes_before_the_shop_is_made_waits_for_its_answer() -> None:
    door = listen()
    url = f"http://127.0.0.1:{door.getsockname()[1]}/rest/V1/store/websites"
    with ThreadPoolExecutor(1) as callers:
        early = callers.submit(requests.get, url, headers={"Authorization": "Bearer demo"}, timeout=30)
        shop = Shop()
        with answering(shop, door):
            assert early.result().status_code == 200
        shop.close()
