"""Orders of shops, a row for each line item: one `Order Completed` for each order, as Segment's ecommerce spec has it.

The rows of an order follow each other; only its first row may hold the totals. An order that was not paid is
skipped, and a cancelled one also becomes an `Order Cancelled`.
Sources: Segment spec, "Ecommerce events, v2"; headers in importers' public test files, named in
docs/how-to/import-formats.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hubwire.backfill.records import ColumnUse, Omission, Reading, Record, Sample
from hubwire.backfill.systems.cells import LostDigits, compressed, id_of, plain
from hubwire.backfill.systems.shapes import Message

MAX_ITEMS: Final = 250
TOO_MANY_ITEMS: Final = Omission(f"an item of an order that has more than {MAX_ITEMS}", True)
_AMOUNTS: Final = ("total", "subtotal", "shipping", "tax", "discount", "refund")
_NO_USE: Final = "Hubwire does not use it"


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop's export: for each field of an order or an item the columns that may hold it, the better one first.

    Shape: this export has all columns of `needs`, and no other export has one of `marks`. In the states of `unpaid` an
    order is not completed.
    """

    title: str
    affiliation: str
    needs: frozenset[str]
    marks: frozenset[str]
    order: Mapping[str, tuple[str, ...]]
    item: Mapping[str, tuple[str, ...]]
    unpaid: frozenset[str]


SHOPIFY: Final = Shop(
    "Shopify's orders",
    "Shopify",
    frozenset(["name", "email", "lineitemname"]),
    frozenset(),
    {
        "key": ("name",),
        "order_id": ("id", "name"),
        "email": ("email",),
        "status": ("financialstatus",),
        "timestamp": ("paidat", "processedat", "createdat"),
        "cancelled": ("cancelledat",),
        "currency": ("currency",),
        "total": ("total",),
        "subtotal": ("subtotal",),
        "shipping": ("shipping",),
        "tax": ("taxes",),
        "discount": ("discountamount",),
        "coupon": ("discountcode",),
    },
    {
        "name": ("lineitemname",),
        "sku": ("lineitemsku",),
        "price": ("lineitemprice",),
        "quantity": ("lineitemquantity",),
    },
    frozenset(["pending", "authorized", "voided", "expired", "unpaid"]),
)
_WOOCOMMERCE_ORDER: Final = {
    "key": ("ordernumber", "orderid"),
    "order_id": ("ordernumber", "orderid"),
    "email": ("emailbilling", "billingemail", "customeremail", "billingemailaddress"),
    "status": ("orderstatus", "status"),
    "timestamp": ("paiddate", "orderdate", "datecreated", "date"),
    "currency": ("ordercurrency", "currency"),
    "total": ("ordertotalamount", "ordertotal", "total"),
    "subtotal": ("ordersubtotalamount", "ordersubtotal"),
    "shipping": ("ordershippingamount", "shippingtotal", "ordershipping"),
    "tax": ("ordertotaltaxamount", "taxtotal", "ordertax"),
    "discount": ("cartdiscountamount", "discounttotal", "discountamount"),
    "coupon": ("couponcode", "coupons"),
}
WOOCOMMERCE: Final = Shop(
    "WooCommerce's orders",
    "WooCommerce",
    frozenset(),
    frozenset(["emailbilling", "ordertotalamount", "itemcost", "ordershippingamount", "cartdiscountamount"]),
    _WOOCOMMERCE_ORDER,
    {
        "name": ("itemname", "productname", "lineitemname"),
        "sku": ("sku", "itemsku", "productsku"),
        "price": ("itemcost", "itemprice", "productprice"),
        "quantity": ("quantity", "quantityrefund", "itemquantity"),
    },
    frozenset(["pending", "pending payment", "failed", "on-hold", "on hold", "draft", "checkout-draft", "trash"]),
)
_CANCELLED: Final = frozenset(["cancelled", "canceled"])


def orders_reader(sample: Sample) -> OrdersReader | None:
    """The reader of a shop's orders, None for other tables."""
    columns = {compressed(column) for column in sample.columns}
    if SHOPIFY.needs <= columns:
        return OrdersReader(SHOPIFY, sample.columns)
    order = WOOCOMMERCE.order
    if columns & WOOCOMMERCE.marks and all(columns & set(order[name]) for name in ("key", "email", "total")):
        return OrdersReader(WOOCOMMERCE, sample.columns)
    return None


class OrdersReader:
    """Reads the orders of one shop."""

    def __init__(self, shop: Shop, columns: Sequence[str]) -> None:
        self.title = shop.title
        self.notes = ("Only the e-mail and the purchase arrive. The export of customers has the names and addresses.",)
        self._shop = shop
        by_name = {compressed(column): column for column in reversed(columns)}
        self._order = _found(shop.order, by_name)
        self._item = _found(shop.item, by_name)
        targets = {
            column: _TARGETS.get(name, f"properties.{name}")
            for name, found in reversed(self._order.items())
            for column in found
        }
        targets |= {column: f"properties.products.{name}" for name, found in self._item.items() for column in found}
        self.uses = [ColumnUse(column, targets.get(column), "" if column in targets else _NO_USE) for column in columns]

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """One reading for each order, numbered by its last row, so that an import goes on behind whole orders."""
        rows: list[Record] = []
        broken: list[Reading] = []
        key: Any = None
        for record in records:
            if record.problem is not None:
                # Told behind the order that it interrupts: an import goes on behind the row that was told last.
                broken.append(Reading(record.number, (), record.omission))
                if len(broken) > MAX_ITEMS:
                    if rows:
                        yield self._reading(rows)
                    yield from broken
                    rows, broken = [], []
                continue
            own = self._value(record.values, "key")
            if own is not None and own != key:
                if rows:
                    yield self._reading(rows)
                yield from broken
                rows, broken = [], []
            key = own if own is not None else key
            if len(rows) < MAX_ITEMS:
                rows.append(record)
            else:
                rows[-1] = record._replace(values=rows[-1].values)
                broken.append(Reading(record.number, (), TOO_MANY_ITEMS))
        if rows:
            yield self._reading(rows)
        yield from broken

    def _value(self, row: Mapping[str, Any], name: str) -> Any:
        return next((value for column in self._order[name] if (value := plain(row.get(column))) is not None), None)

    def _reading(self, rows: Sequence[Record]) -> Reading:
        number = rows[-1].number
        first = rows[0].values
        try:
            order_id = id_of(self._value(first, "order_id"))
        except LostDigits as exc:
            return Reading(number, (), Omission(str(exc), True))
        email, status = self._value(first, "email"), str(self._value(first, "status") or "").strip().lower()
        if not status and self._value(first, "total") is None:
            return Reading(number, (), Omission("an order without its first row, which has the total", True))
        if order_id is None:
            return Reading(number, (), Omission("no number of the order", False))
        if not isinstance(email, str):
            return Reading(number, (), Omission("an order without an e-mail", False))
        if status.removeprefix("wc-") in self._shop.unpaid:
            return Reading(number, (), Omission(f"an order that is {status}, not completed", False))
        messages = [self._message("Order Completed", order_id, email, rows)]
        if self._value(first, "timestamp") is None:
            return Reading(number, (), Omission("an order without a date", True))
        cancelled = self._value(first, "cancelled") if "cancelled" in self._order else None
        if cancelled is not None:
            messages.append({**self._message("Order Cancelled", order_id, email, rows), "timestamp": cancelled})
        elif status.removeprefix("wc-") in _CANCELLED:
            messages = [self._message("Order Cancelled", order_id, email, rows)]
        return Reading(number, messages)

    def _message(self, event: str, order_id: str, email: str, rows: Sequence[Record]) -> Message:
        first = rows[0].values
        properties: dict[str, Any] = {"order_id": order_id, "affiliation": self._shop.affiliation}
        for name in (*_AMOUNTS, "currency", "coupon"):
            value = self._value(first, name) if name in self._order else None
            if value is not None:
                properties[name] = _amount(value) if name in _AMOUNTS else value
        if "total" in properties:
            properties["revenue"] = properties.get("subtotal", properties["total"])
        properties["products"] = [item for row in rows if (item := self._product(row.values))]
        kind = event.rpartition(" ")[2].lower()
        return {
            "type": "track",
            "event": event,
            "userId": email,
            "messageId": f"{self._shop.affiliation.lower()}-{order_id}-{kind}",
            "timestamp": self._value(first, "timestamp"),
            "properties": properties,
            "context": {"traits": {"email": email}},
        }

    def _product(self, row: Mapping[str, Any]) -> dict[str, Any]:
        product = {}
        for name, columns in self._item.items():
            value = next((value for column in columns if (value := plain(row.get(column))) is not None), None)
            if value is not None:
                product[name] = _amount(value) if name in ("price", "quantity") else value
        return product


_TARGETS: Final = {
    "key": "properties.order_id",
    "order_id": "properties.order_id",
    "email": "context.traits.email",
    "status": "whether the order is completed",
    "timestamp": "timestamp",
    "cancelled": "timestamp of Order Cancelled",
}


def _found(fields: Mapping[str, tuple[str, ...]], by_name: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The columns of this file for each field that has any; those that every order needs are always there."""
    found = {name: tuple(by_name[key] for key in keys if key in by_name) for name, keys in fields.items()}
    needed = ("key", "order_id", "email", "status", "timestamp")
    return {name: columns for name, columns in found.items() if columns or name in needed}


def _amount(value: Any) -> Any:
    """The text as a number if it clearly is one."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number
