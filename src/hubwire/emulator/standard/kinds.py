"""The object types of every portal: names, type ids, required properties, and the default properties of a read.

Source: HubSpot's object guides (type ids, "required properties to create records") and OpenAPI. The words in error
texts are recorded for contacts, companies, deals and orders and chosen by analogy for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One object type.

    Shape: `word` is the singular as paths and v3 association types have it; `created` and `modified` name the
    properties that hold the two times; `pipeline` names the properties of pipeline and stage, empty where there are
    none.
    """

    name: str
    type_id: str
    word: str
    required: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    pipeline: tuple[str, str] | None = None
    label: str = ""

    @property
    def is_custom(self) -> bool:
        """True for the account's own types."""
        return not self.type_id.startswith("0-")

    @property
    def singular(self) -> str:
        """The type as error texts name it."""
        return self.word.upper()

    def aliases(self) -> tuple[str, ...]:
        """Every lower-case name that paths may use, beside `name`."""
        plain = (self.word, self.type_id, self.name.replace("_", "-"), self.word.replace("_", "-"))
        return tuple(dict.fromkeys([*plain, self.name.replace("_", ""), self.word.replace("_", "")]))

    def reads_unasked(self) -> tuple[str, ...]:
        """The properties of a read that names none."""
        return tuple(sorted({*self.reads, self.created, self.modified, "hs_object_id"}))


CONTACTS = Kind(
    "contacts",
    "0-1",
    "contact",
    reads=("email", "firstname", "lastname"),
    created="createdate",
    modified="lastmodifieddate",
    label="Contact",
)
COMPANIES = Kind("companies", "0-2", "company", reads=("domain", "name"), created="createdate", label="Company")

_DEAL_STAGE = ("pipeline", "dealstage")
_STAGE = ("hs_pipeline", "hs_pipeline_stage")
_DEAL_READS = ("amount", "closedate", "dealname", "dealstage", "pipeline")
_TICKET_READS = ("content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject")
_SERVICE_REQUIRED = ("hs_name", "hs_pipeline_stage")
_TIMESTAMP = ("hs_timestamp",)

STANDARD: tuple[Kind, ...] = (
    CONTACTS,
    COMPANIES,
    Kind("deals", "0-3", "deal", ("dealname",), _DEAL_READS, "createdate", pipeline=_DEAL_STAGE),
    Kind("tickets", "0-5", "ticket", ("subject", "hs_pipeline_stage"), _TICKET_READS, "createdate", pipeline=_STAGE),
    Kind("products", "0-7", "product", ("name",), ("description", "name", "price"), "createdate"),
    Kind("line_items", "0-8", "line_item", (), ("hs_product_id", "quantity"), "createdate"),
    Kind("quotes", "0-14", "quote", ("hs_title", "hs_expiration_date"), ("hs_expiration_date", "hs_title")),
    Kind("feedback_submissions", "0-19", "feedback_submission"),
    Kind("communications", "0-18", "communication", _TIMESTAMP),
    Kind("tasks", "0-27", "task", _TIMESTAMP),
    Kind("notes", "0-46", "note", _TIMESTAMP),
    Kind("meetings", "0-47", "meeting", _TIMESTAMP),
    Kind("calls", "0-48", "call", _TIMESTAMP),
    Kind("emails", "0-49", "email", _TIMESTAMP),
    Kind("invoices", "0-53", "invoice", ("hs_currency",)),
    Kind("subscriptions", "0-69", "subscription", ("hs_name",)),
    Kind("deal_splits", "0-72", "deal_split"),
    Kind("goal_targets", "0-74", "goal_target"),
    Kind("discounts", "0-84", "discount"),
    Kind("fees", "0-85", "fee"),
    Kind("taxes", "0-86", "tax"),
    Kind("commerce_payments", "0-101", "commerce_payment", ("hs_initial_amount", "hs_initiated_date")),
    Kind("users", "0-115", "user"),
    Kind("postal_mail", "0-116", "postal_mail_item", _TIMESTAMP),
    Kind("orders", "0-123", "order", ("hs_order_name",), pipeline=_STAGE),
    Kind("leads", "0-136", "lead", ("hs_lead_name",), pipeline=_STAGE),
    Kind("carts", "0-142", "cart"),
    Kind("services", "0-162", "service", _SERVICE_REQUIRED, pipeline=_STAGE),
    Kind("courses", "0-410", "course", ("hs_course_name",), pipeline=_STAGE),
    Kind("listings", "0-420", "listing", ("hs_name",), pipeline=_STAGE),
    Kind("appointments", "0-421", "appointment", ("hs_appointment_name",), pipeline=_STAGE),
    Kind("projects", "0-970", "project", _SERVICE_REQUIRED, pipeline=_STAGE),
)
BY_NAME = {kind.name: kind for kind in STANDARD}
LIBRARY = ("services", "courses", "listings", "appointments")
"""The types of the object library, which a person switches on in the account."""
