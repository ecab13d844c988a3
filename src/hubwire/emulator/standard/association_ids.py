"""The association types that HubSpot defines between its own object types.

Source: HubSpot's associations guide ("association type IDs"). Where it lists one direction only, the id of the opposite
direction is chosen (the next number), as is the primary label of deals, tickets and orders seen from the company.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from hubwire.emulator.standard.kinds import BY_NAME

Pair = tuple[str, str]


@dataclass(slots=True)
class AssociationType:
    """A way to associate a record of one type with one of another; `inverse` is the id seen from there."""

    type_id: int
    category: str
    label: str | None
    inverse: int
    name: str = ""


# from, to, id, inverse id
_UNLABELLED = """
contacts contacts 449 449
companies companies 450 450
deals deals 451 451
tickets tickets 452 452
contacts companies 279 280
contacts deals 4 3
contacts tickets 15 16
contacts orders 508 507
contacts carts 587 586
contacts quotes 70 69
contacts invoices 178 177
contacts subscriptions 296 295
contacts leads 609 608
contacts appointments 907 906
contacts courses 861 860
contacts listings 883 882
contacts services 799 798
contacts communications 82 81
contacts tasks 203 204
contacts notes 201 202
contacts meetings 199 200
contacts calls 193 194
contacts emails 197 198
companies deals 342 341
companies tickets 340 339
companies orders 935 934
companies quotes 72 71
companies invoices 180 179
companies subscriptions 298 297
companies leads 611 610
companies appointments 909 908
companies courses 939 938
companies listings 885 884
companies services 793 792
companies communications 88 87
companies tasks 191 192
companies notes 189 190
companies meetings 187 188
companies calls 181 182
companies emails 185 186
deals line_items 19 20
deals orders 511 512
deals carts 1346 1347
deals tickets 27 28
deals quotes 63 64
deals invoices 176 175
deals subscriptions 300 299
deals leads 1038 1037
deals appointments 945 944
deals courses 863 862
deals listings 887 886
deals services 795 794
deals communications 86 85
deals tasks 215 216
deals notes 213 214
deals meetings 211 212
deals calls 205 206
deals emails 209 210
tickets appointments 947 946
tickets courses 941 940
tickets listings 943 942
tickets services 797 796
tickets communications 84 83
tickets tasks 229 230
tickets notes 227 228
tickets meetings 225 226
tickets calls 219 220
tickets emails 223 224
tickets orders 526 525
tickets carts 595 594
tickets invoices 985 986
line_items orders 514 513
line_items carts 591 590
line_items quotes 68 67
line_items invoices 410 409
line_items subscriptions 302 301
orders carts 593 592
orders quotes 730 731
orders invoices 518 517
orders subscriptions 516 515
orders notes 764 765
orders tasks 726 727
carts quotes 732 733
quotes invoices 408 407
quotes subscriptions 304 303
invoices subscriptions 622 623
"""
_PRIMARY = """
contacts companies 1 2
deals companies 5 6
tickets companies 26 25
orders companies 509 510
leads contacts 578 579
leads companies 580 581
"""


def built_in() -> dict[Pair, list[AssociationType]]:
    """Fresh definitions by pair, the unlabelled type first."""
    return {pair: [replace(defined) for defined in types] for pair, types in _built_in().items()}


@cache
def _built_in() -> dict[Pair, list[AssociationType]]:
    known: dict[Pair, list[AssociationType]] = {}
    primaries = {(from_type, to_type) for from_type, to_type, *_ in _rows(_PRIMARY)}
    primaries |= {(to_type, from_type) for from_type, to_type in primaries}
    for from_type, to_type, type_id, inverse in _rows(_UNLABELLED):
        for pair, seen, back in (((from_type, to_type), type_id, inverse), ((to_type, from_type), inverse, type_id)):
            suffix = "_unlabeled" if pair in primaries else ""
            name = _name(*pair) + suffix
            known.setdefault(pair, []).append(AssociationType(seen, "HUBSPOT_DEFINED", None, back, name))
            if from_type == to_type:
                break
    for from_type, to_type, type_id, inverse in _rows(_PRIMARY):
        for pair, seen, back in (((from_type, to_type), type_id, inverse), ((to_type, from_type), inverse, type_id)):
            known[pair].append(AssociationType(seen, "HUBSPOT_DEFINED", "Primary", back, _name(*pair)))
    known["companies", "companies"] += [
        AssociationType(13, "HUBSPOT_DEFINED", "Child Company", 14, "parent_to_child_company"),
        AssociationType(14, "HUBSPOT_DEFINED", "Parent Company", 13, "child_to_parent_company"),
    ]
    return known


def primary_ids() -> dict[Pair, int]:
    """The pairs of which a record has one primary target, and the id of that label."""
    return {(from_type, to_type): type_id for from_type, to_type, type_id, _ in _rows(_PRIMARY)}


def _rows(table: str) -> list[tuple[str, str, int, int]]:
    lines = (line.split() for line in table.strip().splitlines())
    return [(from_type, to_type, int(type_id), int(inverse)) for from_type, to_type, type_id, inverse in lines]


def _name(from_type: str, to_type: str) -> str:
    return f"{BY_NAME[from_type].word}_to_{BY_NAME[to_type].word}"
