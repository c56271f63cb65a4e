"""Countries and regions, from the recorded answers of a running Magento."""

from __future__ import annotations

import pytest

from crm_core.errors import BadInput
from crm_core.magento.connection import Connection
from crm_core.magento.directory import Directory
from tests.magento.conftest import ScriptedShop, replay


@pytest.fixture
def directory(connection: Connection) -> Directory:
    return Directory(connection)


def test_countries_are_those_of_the_store_view(shop: ScriptedShop, directory: Directory) -> None:
    shop.on("GET", "/rest/default/V1/directory/countries", replay("pf08_03_countries_default"))
    shop.on("GET", "/rest/us_en/V1/directory/countries", replay("pf08_04_countries_us"))
    germany, netherlands = directory.countries("default")
    assert (germany.id, germany.name, netherlands.id) == ("DE", "Germany", "NL")
    assert netherlands.available_regions is None
    regions = {region.code: (region.id, region.name) for region in germany.available_regions or ()}
    assert regions["BAY"] == (81, "Bayern")
    assert {"DE", "NL"} != {country.id for country in directory.countries("us_en")}


def test_28_no_country_is_read_outside_a_store_view(shop: ScriptedShop, directory: Directory) -> None:
    for code in ("", "all"):
        with pytest.raises(BadInput, match="store view"):
            directory.countries(code)
    assert shop.requests == []
