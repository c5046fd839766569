"""The product names are what the generator makes of the table of products."""

from pathlib import Path

import pytest

from local.sku_names import MODULE, module_from

TABLE = MODULE.parents[3] / "shared" / "data" / "intune-skus.csv"


@pytest.mark.skipif(not TABLE.exists(), reason=f"the table of products is not here: {TABLE}")
def test_the_module_is_what_the_table_says() -> None:
    assert MODULE.read_text("utf-8") == module_from(TABLE)


def _made_of(tmp_path: Path, *lines: str) -> dict[str, str]:
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines), encoding="utf-8-sig")
    module: dict[str, dict[str, str]] = {}
    exec(module_from(table), module)  # noqa: S102  # our own generator's text
    return module["SKU_NAMES"]


@pytest.mark.parametrize("columns", ["skuPartNumber,productDisplayName", "String_Id,Product_Display_Name"])
def test_each_product_gets_its_name_once_and_in_order(tmp_path: Path, columns: str) -> None:
    made = _made_of(tmp_path, columns, 'SPB,"Premium, for ""you"""', "A,It's\\A", 'SPB,"Premium, for ""you"""')
    assert list(made.items()) == [("A", "It's\\A"), ("SPB", 'Premium, for "you"')]


@pytest.mark.parametrize(
    "lines",
    [
        ("part,name", "SPB,Premium"),
        ("skuPartNumber,productDisplayName", "SPB,"),
        ("skuPartNumber,productDisplayName", ",Premium"),
        ("skuPartNumber,productDisplayName", "SPB,Premium", "SPB,Standard"),
    ],
    ids=["no such columns", "no name", "no part number", "two names"],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"table\.csv"):
        _made_of(tmp_path, *lines)
