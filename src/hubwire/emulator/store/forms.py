"""Forms: their fields, and what a submission must have. Forms exist once they are seeded; before, any id is a form.

Source: HubSpot's submission pages: the error types, and that a submission without a token only has fields of the form.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hubwire.emulator.wire import Refusal


class FormField(msgspec.Struct, kw_only=True, rename="camel"):
    """One field; with `options`, only these values are accepted."""

    name: str
    label: str = ""
    object_type_id: str = "0-1"
    required: bool = False
    options: list[str] = []


class Form(msgspec.Struct, kw_only=True):
    """One form."""

    id: str
    name: str = ""
    fields: list[FormField] = []
    captcha: bool = False

    def check(self, values: Mapping[tuple[str, str], str], *, is_open: bool) -> None:
        """Refuse a submission with these values, by object type id and name. `is_open`: it has no token."""
        if self.captcha:
            raise with_captcha()
        known = {(field.object_type_id, field.name): field for field in self.fields}
        errors = [
            ("REQUIRED_FIELD", f"Required field '{name}' is missing")
            for (type_id, name), field in known.items()
            if field.required and not values.get((type_id, name))
        ]
        for place, value in values.items():
            field = known.get(place)
            if field is None and is_open:
                errors.append(("FIELD_NOT_IN_FORM_DEFINITION", f"Field '{place[1]}' is not part of the form"))
            elif field is not None and field.options and any(part not in field.options for part in value.split(";")):
                errors.append(("VALUE_NOT_IN_FIELD_DEFINITION", f"Field '{place[1]}' has no such option"))
        if errors:
            raise refusal(*errors)


def with_captcha() -> Refusal:
    """The refusal of a form that needs a person."""
    return refusal(("FORM_HAS_RECAPTCHA_ENABLED", "Submissions through the API need a form without captcha"))


def refusal(*errors: tuple[str, str]) -> Refusal:
    """The 400 of a submission, with the type and the message of each error."""
    shown = [{"message": message, "errorType": error_type} for error_type, message in errors]
    return Refusal(400, "The request is not valid", errors=shown)
