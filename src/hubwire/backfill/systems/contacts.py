"""Recognises tables of people and companies by their columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hubwire.backfill.records import Sample
from hubwire.backfill.systems import address_books, customers, hubspot, mailing, salesforce
from hubwire.backfill.systems.cells import compressed
from hubwire.backfill.systems.hubspot import HUBSPOT_COMPANIES, HUBSPOT_CONTACTS
from hubwire.backfill.systems.shapes import Shape

_KNOWN: Final = (*hubspot.KNOWN, *salesforce.KNOWN, *mailing.KNOWN, *customers.KNOWN, *address_books.KNOWN)


def known_shape(sample: Sample) -> Shape | None:
    """The shape of an export with these columns; None for an unknown table."""
    columns = {compressed(column) for column in sample.columns}
    shape = next((known.shape for known in _KNOWN if known.fits(columns)), None)
    if shape is HUBSPOT_CONTACTS:
        return _with_labels(shape, sample.options.contact_labels)
    return _with_labels(shape, sample.options.company_labels) if shape is HUBSPOT_COMPANIES else shape


def _with_labels(shape: Shape, labels: Mapping[str, str]) -> Shape:
    """The shape with the portal's own labels, which rank after the known columns."""
    own = {compressed(label): f"traits.{name}" for label, name in labels.items()}
    return replace(
        shape,
        fields={
            **shape.fields,
            **{key: target for key, target in own.items() if _is_free(key, shape)},
        },
    )


def _is_free(key: str, shape: Shape) -> bool:
    return not (key in shape.fields or key in shape.left_out or key.startswith(tuple(shape.prefixes)))
