"""HubSpot's object types: the names, ids and pipeline properties by which rules and calls know them. Pure.

Source: HubSpot's object guides and public API specifications. An object type has a number (`0-123`) that always works
in a path; custom objects are `2-N` or `p<hub>_<name>`, and their short names are known from the portal's schemas only.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class ObjectType(NamedTuple):
    """One object type.

    Shape: `name` is the singular that rules and reasons use (`line_item`); `plural` is the name in paths. `label` is
    the property that names a record for people. `pipeline` and `stage` are the properties of types with pipelines.
    """

    name: str
    type_id: str
    plural: str
    label: str = ""
    required: tuple[str, ...] = ()
    pipeline: str = ""
    stage: str = ""

    @property
    def is_custom(self) -> bool:
        """True for a type that the portal's owner defined."""
        return not self.type_id.startswith("0-")

    @property
    def path(self) -> str:
        """The type in paths: the name that HubSpot's guides use there, or else the id, which always works."""
        return self.type_id if self.is_custom or self.is_switched else self.plural

    @property
    def is_switched(self) -> bool:
        """True for a type of HubSpot's object library, which a person switches on."""
        return self.type_id in _LIBRARY

    @property
    def stored_as(self) -> str:
        """The type in Hubwire's memory: the singular name, or the id of a custom object."""
        return self.type_id if self.is_custom else self.name


_STAGES = ("hs_pipeline", "hs_pipeline_stage")
_LIBRARY = frozenset({"0-162", "0-410", "0-420", "0-421"})
"""The types of HubSpot's object library, whose guides have only ids in paths."""

STANDARD: tuple[ObjectType, ...] = (
    ObjectType("contact", "0-1", "contacts", "email"),
    ObjectType("company", "0-2", "companies", "name"),
    ObjectType("deal", "0-3", "deals", "dealname", ("dealname", "dealstage"), "pipeline", "dealstage"),
    ObjectType("ticket", "0-5", "tickets", "subject", ("subject", "hs_pipeline_stage"), *_STAGES),
    ObjectType("product", "0-7", "products", "name", ("name",)),
    ObjectType("line_item", "0-8", "line_items", "name"),
    ObjectType("order", "0-123", "orders", "hs_order_name", ("hs_order_name",), *_STAGES),
    ObjectType("lead", "0-136", "leads", "hs_lead_name", ("hs_lead_name",), *_STAGES),
    ObjectType("cart", "0-142", "carts", "hs_cart_name"),
    ObjectType("service", "0-162", "services", "hs_name", ("hs_name", *_STAGES), *_STAGES),
    ObjectType("course", "0-410", "courses", "hs_course_name", ("hs_course_name",), *_STAGES),
    ObjectType("listing", "0-420", "listings", "hs_name", ("hs_name",), *_STAGES),
    ObjectType("appointment", "0-421", "appointments", "hs_appointment_name", ("hs_appointment_name",), *_STAGES),
)
_BY_NAME = {name: found for found in STANDARD for name in (found.name, found.plural, found.type_id)}
TYPE_NAME = r"(?:[02]-[0-9]{1,18}|[A-Za-z][A-Za-z0-9_]{0,119})"
"""What can name an object type, as a pattern: `0-123`, `2-1234`, `order`, `p1234_boats`."""
_TYPE_NAME = re.compile(TYPE_NAME)
NOT_ASSOCIATED = frozenset({"product"})
"""Types whose records have no associations: a line item names its product by `hs_product_id`."""


def standard_type(name: str) -> ObjectType | None:
    """One of HubSpot's own types by its singular, plural or id; None for another name."""
    return _BY_NAME.get(name)


def type_name(name: str) -> str:
    """The name by which rules know a type: the singular of HubSpot's own types, any other name as it is."""
    found = _BY_NAME.get(name.strip().casefold())
    return found.name if found is not None else name.strip()


def is_type_name(name: str) -> bool:
    """Whether a text can name an object type: one of HubSpot's own, or a custom object by its id or its name."""
    found = _TYPE_NAME.fullmatch(name) is not None
    return name in _BY_NAME or (found and not name.startswith("0-"))
