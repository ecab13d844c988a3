"""The company of an e-mail's domain, which HubSpot makes and associates by itself.

Source: HubSpot's account setting "create and associate companies with contacts" (on by default, free e-mail providers
left out). That it happens at once, that a contact with a primary company keeps it, and that the new company has a
domain and a website but no name are chosen.
"""

from __future__ import annotations

from hubwire.emulator.store.objects.history import ACCOUNT_SETTING
from hubwire.emulator.store.objects.records import Record
from hubwire.emulator.store.portal import Portal

_FREE_MAIL = """
126.com 163.com aim.com aol.com att.net bellsouth.net bigpond.com bluewin.ch btinternet.com charter.net comcast.net
cox.net duck.com earthlink.net fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com
inbox.com laposte.net libero.it live.co.uk live.com live.fr live.nl mac.com mail.com mail.ru me.com msn.com naver.com
optonline.net orange.fr outlook.com outlook.de outlook.fr pm.me proton.me protonmail.com qq.com rediffmail.com
rocketmail.com sbcglobal.net sfr.fr sina.com sky.com t-online.de tuta.com tutanota.com uol.com.br verizon.net
virgilio.it wanadoo.fr web.de yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au yahoo.com.br yahoo.de
yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com ziggo.nl zoho.com
"""
FREE_MAIL_DOMAINS = frozenset(_FREE_MAIL.split())


def associate_company_of_email(portal: Portal, contact: Record, email: str, *, has_none: bool = False) -> None:
    """Give a contact without a primary company the one of its e-mail's domain; make the company if there is none.

    Shape: `has_none` says that the contact is new, so that nothing need be looked up.
    """
    domain = email.rpartition("@")[2]
    if not domain or domain in FREE_MAIL_DOMAINS:
        return
    is_first = has_none or not portal.associations.targets("contacts", contact.id, "companies")
    if not is_first and portal.associations.primary_company(contact.id):
        return
    companies = portal.stores["companies"]
    company = companies.keys.holders.get(domain) if companies.keys is not None else None
    if company is None:
        now_ms = portal.clock.now_ms()
        site = {"domain": domain, "website": domain}
        company = companies.create(site, now_ms, portal.search_lag_ms, ACCOUNT_SETTING)
    if not is_first:
        link_primary_company(portal, contact, company.id)
        return
    portal.associations.link_first_company(contact.id, company.id)
    if contact.history is None:
        contact.add("associatedcompanyid", company.id)  # the mirror of a new contact needs no search view
    else:
        portal.associations.touched.add(contact.id)


def link_primary_company(portal: Portal, contact: Record, company_id: str) -> None:
    """Associate a company as the primary one."""
    primary = portal.associations.types_of("contacts", "companies")[1]
    portal.associations.link("contacts", contact.id, "companies", company_id, [primary])
