"""Reads skus.json: real skuIds and service plan ids of the products a scenario may buy.

Source: Microsoft's table "Product names and service plan identifiers for licensing", reduced to the plans that matter here.
"""

import json
from functools import cache
from importlib.resources import files

from local.tenant.model.products import Product, ServicePlan


@cache
def products() -> dict[str, Product]:
    """Every known product by skuPartNumber."""
    data = json.loads(files("local.tenant").joinpath("skus.json").read_text("utf-8"))
    plans = {
        name: ServicePlan(id=plan["id"], name=name, service=plan["service"]) for name, plan in data["plans"].items()
    }
    return {
        part: Product(sku_id=sku["id"], part_number=part, plans=tuple(plans[name] for name in sku["plans"]))
        for part, sku in data["skus"].items()
    }
