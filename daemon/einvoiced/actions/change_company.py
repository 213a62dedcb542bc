"""The company's data (公司設定) come from the configuration; the journal keeps every change of them."""

from __future__ import annotations

import msgspec

from einvoiced.actions.box import Shop
from einvoiced.actions.start_checks import fact
from einvoiced.errors import SellerChanged
from einvoiced.journal import entries
from einvoiced.journal.entries import Company, Peer
from einvoiced.journal.transaction import Action, Transaction


def company_of(shop: Shop) -> Company:
    """What the journal keeps of a shop."""
    s = shop.seller
    return Company(s.identifier, s.name, s.address, s.telephone, shop.tax_registration)


def change_company(shop: Shop, person: str, peer: Peer | None) -> Action[list[str]]:
    """Append `company_changed` where the shop is not the one that the journal knows; the options that differ.

    SellerChanged when the journal holds number ranges of another 統一編號. `person` "" where nobody said who.
    """
    company = company_of(shop)

    def action(tx: Transaction) -> list[str]:
        foreign = tx.one("SELECT DISTINCT seller FROM ranges WHERE seller <> ?", company.identifier)
        if foreign is not None:
            raise SellerChanged(was=foreign[0], now=company.identifier)
        known = known_company(tx)
        if known is None or known == company:
            return []
        names = [name for name in Company.__struct_fields__ if getattr(known, name) != getattr(company, name)]
        tx.append(entries.CompanyChanged(company, names, person, peer))
        return names

    return action


def known_company(tx: Transaction) -> Company | None:
    """The company's data as the journal last held them; None before the first start with a shop."""
    value = fact(tx, "company")
    return msgspec.json.decode(value, type=Company) if value is not None else None
