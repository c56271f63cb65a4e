"""Countries, regions and the fields of an address, from the recorded answers of a running Magento."""

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


def test_required_fields_of_an_address_are_told(shop: ScriptedShop, directory: Directory) -> None:
    shop.on("GET", "/rest/nl/V1/attributeMetadata/customerAddress", replay("pf10_52_attribute_metadata_address"))
    fields = directory.address_attributes("nl")
    required = {field.attribute_code for field in fields if field.required}
    assert required == {"firstname", "lastname", "street", "country_id", "city", "telephone"}
    labels = {field.attribute_code: field.label for field in fields}
    assert labels["postcode"] == "Zip/Postal Code"
    assert next(field.multiline_count for field in fields if field.attribute_code == "street") == 2


def test_28_no_country_is_read_outside_a_store_view(shop: ScriptedShop, directory: Directory) -> None:
    for code in ("", "all"):
        with pytest.raises(BadInput, match="store view"):
            directory.countries(code)
        with pytest.raises(BadInput, match="store view"):
            directory.address_attributes(code)
    assert shop.requests == []
