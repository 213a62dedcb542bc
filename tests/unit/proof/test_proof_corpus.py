"""A corpus of varied invoices, each printed by the emulated head and read back by another program.

Made from a seed, so that a failure can be had again: names with rare characters, 1 to 60 items, 1 to 99,999,999,
consumers and business buyers, copies, every known printer.
"""

from __future__ import annotations

import random

import pytest
from proof_samples import assert_reads, invoice, line, printed_job

from einvoiced.proof.content import proof
from einvoiced.proof.profiles import load_profile, profile_names
from einvoiced.proof.render import render
from einvoiced.rules.sale import Buyer

INVOICES, GROUPS = 240, 24
WORDS = (
    "乾電池",
    "口罩",
    "牛奶",
    "美式咖啡（大）",
    "影印紙 A4 80磅",
    "便當",
    "折疊傘",
    "茶葉蛋",
    "Latte",
    "USB-C 線 1m",
)
RARE = "煊堃𠮷㍿犇龘囍乜咗嘅ñéŁßΩЖ①Ⅷ㈱㎏％＃：:/%$+-.*「」…—～🍵"
PROFILES = [load_profile(name) for name in profile_names()]
LEGAL = [profile if profile.prints_proofs else profile.on_roll(57) for profile in PROFILES]


def name_of(chooser: random.Random) -> str:
    """A description: a word of the shop's, or rare characters, or both, up to some forty characters."""
    rare = "".join(chooser.choices(RARE, k=chooser.randint(1, 12)))
    text = chooser.choice([chooser.choice(WORDS), rare, chooser.choice(WORDS) + rare, chooser.choice(WORDS) * 4])
    return text.strip() or "x"


def made(number: int):
    """The corpus's invoice of a number."""
    chooser = random.Random(number)
    count = chooser.choice([1, 1, 1, 2, 2, 3, 3, 4, 5, 8, 13, 21, 34, 60]) if number % 40 else 60
    total = round(10 ** chooser.uniform(0, 8)) - 1 if number % 20 else (1, 99_999_999)[number // 20 % 2]
    total = max(count, min(total, 99_999_999))
    first = line(name_of(chooser), "1", str(total - (count - 1)))
    rest = [line(name_of(chooser), chooser.choice(["1", "1.0", "1.000"]), "1") for _ in range(count - 1)]
    buyer = Buyer("09876543", "示範股份有限公司", True) if chooser.random() < 0.3 else None
    return invoice([first, *rest], buyer=buyer), total


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_invoice_of_the_corpus_can_be_read(group: int) -> None:
    """Code 39 and both QR codes, byte for byte, versions 6 to 10, equal on both sides; what is left out is counted. On
    the wire it is no more than 14 kB, and 2 kB an item of a business buyer's.
    """
    for number in range(group, INVOICES, GROUPS):
        original, total = made(number)
        assert original.total_amount == total
        document = proof(original, shop_name=f"示範商店{number}", copy=number % 7 == 0)
        profile = LEGAL[number % len(LEGAL)]
        job = render(document, profile)
        assert_reads(printed_job(job, profile), original)
        assert len(job) <= 14_000 + (2000 * len(original.items) if original.buyer else 0)
        shown, counted = original.qr_left[77:].split(":")[2:4]
        inside = original.qr_left[77:].split(":", 5)[5].count(":") + original.qr_right[2:].count(":") + 1
        assert int(counted) == len(original.items) and 0 <= int(shown) <= int(counted)
        assert inside <= 3 * int(shown) + 1


def test_the_corpus_is_as_varied_as_it_should_be() -> None:
    """At least 200 invoices; 1 and 60 items, 1 and 99,999,999 dollars, both kinds of buyer, every printer."""
    corpus = [made(number)[0] for number in range(INVOICES)]
    assert len(corpus) >= 200
    assert {1, 60} <= {len(each.items) for each in corpus}
    assert {1, 99_999_999} <= {each.total_amount for each in corpus}
    assert {each.buyer is None for each in corpus} == {True, False}
    text = "".join(item.description for each in corpus for item in each.items)
    assert set(RARE) - {" "} <= set(text)
    assert len(LEGAL) >= 5
