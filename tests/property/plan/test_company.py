"""A company's domain from its website."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.destination import CompanyDomain
from hubwire.plan.company import company_domain


@given(st.text() | st.from_regex(r"(https?://)?[a-z.@:/-]{1,40}", fullmatch=True))
def test_a_domain_leads_to_itself(website: str) -> None:
    for how in CompanyDomain:
        domain = company_domain(website, how)
        assert domain is None or company_domain(domain, how) == domain
