"""Customers of Stripe, Shopify and WooCommerce. Pure.

Sources: headers in public exporters and importers' test files.
"""

from __future__ import annotations

from typing import Final

from hubwire.backfill.systems.known import Known, all_of, people_shape, words
from hubwire.backfill.systems.shapes import BOOKKEEPING

_CARD: Final = "data of a payment card"

STRIPE: Final = people_shape(
    "Stripe's customers",
    {
        "useridmetadata": "userId",
        "userid": "userId",
        "createdutc": "timestamp",
        "created": "timestamp",
        "id": "traits.stripe_customer_id",
        "cardaddressline1": "traits.address.street",
        "cardaddresscity": "traits.address.city",
        "cardaddressstate": "traits.address.state",
        "cardaddresszip": "traits.address.postalCode",
        "cardaddresscountry": "traits.address.country",
    },
    all_of("delinquent defaultsource currency businessvatid taxexempt accountbalance", BOOKKEEPING),
    prefixes={"card": _CARD, "shipping": "a second address", "payment": _CARD},
)
SHOPIFY_CUSTOMERS: Final = people_shape(
    "Shopify's customers",
    {
        "customerid": "traits.shopify_customer_id",
        "defaultaddresscompany": "traits.company",
        "defaultaddressaddress1": "traits.address.street",
        "defaultaddresscity": "traits.address.city",
        "defaultaddressprovincecode": "traits.address.state",
        "defaultaddresszip": "traits.address.postalCode",
        "defaultaddresscountrycode": "traits.address.country",
        "company": "traits.company",
        "address1": "traits.address.street",
        "city": "traits.address.city",
        "province": "traits.address.state",
        "zip": "traits.address.postalCode",
        "country": "traits.address.country",
        "defaultaddressphone": "traits.phone",
    },
    all_of("address2 provincecode countrycode taxexempt acceptsmarketing acceptssmsmarketing note", BOOKKEEPING),
    prefixes={"defaultaddress": "a part of the address that HubSpot does not have", "accepts": BOOKKEEPING},
)
WOOCOMMERCE_CUSTOMERS: Final = people_shape(
    "WooCommerce's customers",
    {
        "lastactive": "timestamp",
        "lastupdate": "timestamp",
        "dateregistered": "timestamp",
        "signup": "timestamp",
        "region": "traits.address.state",
        "city": "traits.address.city",
        "postalcode": "traits.address.postalCode",
        "countryregion": "traits.address.country",
    },
    all_of("username userpass usernicename", BOOKKEEPING),
    prefixes={"shipping": "a second address"},
)
KNOWN: Final = (
    Known(STRIPE, words("id email delinquent")),
    Known(STRIPE, words("id email createdutc")),
    Known(SHOPIFY_CUSTOMERS, words("email"), words("acceptsemailmarketing acceptsmarketing"), words("lineitemname")),
    Known(WOOCOMMERCE_CUSTOMERS, words("email username"), words("totalspend dateregistered aov")),
)
