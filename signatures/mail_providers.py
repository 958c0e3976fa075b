"""Mail providers: the one table of what is known of them. Pure, as identity.py is.

Which addresses reach one mailbox (RULES), where so many have theirs that no signer there is unusual (LARGE), which are
likely to have been meant (SUGGESTED), and which a state can read (READ_BY_STATE).
"""

from typing import Final, NamedTuple


class Provider(NamedTuple):
    """What one mail provider documents about the addresses that reach one mailbox."""

    domain: str
    tag: str = ""  # what follows this character is the reader's own label
    ignored: str = ""  # characters that make no difference in the local part
    hyphen_is_dot: bool = False
    subdomains: bool = False  # anything@user.domain reaches user@domain


# Only what a provider documents or ships itself. Merging too little costs a duplicate that resemblance may
# still find; merging too much silently costs a stranger their signature. Hence no rule for domains not named
# here, none for Yahoo's hyphen (it may be part of a real name) and none for Tuta (no tags there).

# The Outlook family are different mailboxes of one behaviour: never aliases of each other.
_OUTLOOK = (
    *(f"outlook.{tld}" for tld in ("com", "fr", "de", "es", "it", "pt", "be", "jp", "co.id")),
    *(f"hotmail.{tld}" for tld in ("com", "co.uk", "fr", "de", "es", "it", "be", "nl", "se")),
    *(f"live.{tld}" for tld in ("com", "co.uk", "fr", "de", "it", "nl", "be", "se", "no", "dk", "ca", "ru")),
    "msn.com",
)
_ZOHO = ("zoho.com", "zoho.eu", "zoho.in", "zohomail.com", "zohomail.eu", "zohomail.in")
_GMAIL = Provider("gmail.com", tag="+", ignored=".")
_YANDEX = Provider("yandex.ru", tag="+", hyphen_is_dot=True)
# Proton's own clients canonicalise like this (WebClients, canonicalizeInternalEmail): [._-] do not count.
_PROTON = Provider("proton.me", tag="+", ignored="._-")
_ICLOUD = Provider("icloud.com", tag="+")

RULES: dict[str, Provider] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), _GMAIL),
    **dict.fromkeys(("yandex.ru", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua", "yandex.com"), _YANDEX),
    **dict.fromkeys(("proton.me", "pm.me", "protonmail.com", "protonmail.ch"), _PROTON),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), _ICLOUD),
    **{domain: Provider(domain, tag="+", subdomains=True) for domain in ("fastmail.com", "fastmail.fm")},
    **{domain: Provider(domain, tag="+") for domain in (*_OUTLOOK, *_ZOHO)},
}

#: What the form proposes for a mistyped domain: where most mailboxes are in the countries whose languages the site
#: speaks, and what differs from one of them by a letter and is no typing error. Part of each page, so no longer than
#: that (static/js/form.js).
SUGGESTED: Final = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "aol.com",
    "proton.me", "protonmail.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de", "orange.fr", "free.fr",
    "laposte.net", "wanadoo.fr", "sfr.fr", "wp.pl", "onet.pl", "o2.pl", "interia.pl", "ukr.net", "i.ua", "hotmail.es",
    "yahoo.es", "hotmail.de", "hotmail.be", "hotmail.se", "hotmail.co.uk", "btinternet.com", "tutanota.com",
    "mail.com", "ymail.com", "email.com",
    "op.pl", "vp.pl", "go2.pl",
)  # fmt: skip

#: Mailboxes kept by companies that answer to a state's authorities, by that state. For a warning, never a refusal.
READ_BY_STATE: Final = {
    "BY": ("tut.by", "mail.by", "yandex.by", "mail.ru", "yandex.ru"),
    "RU": ("mail.ru", "yandex.ru", "rambler.ru"),
    "CN": ("qq.com", "163.com", "sina.com"),
}

#: Where very many people have their mail: a signer there is nothing unusual, and the domain is never "new".
LARGE: Final = frozenset((
    *RULES, *SUGGESTED, *(domain for domains in READ_BY_STATE.values() for domain in domains),
    "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.co.in", "yahoo.co.jp", "yahoo.com.br", "rocketmail.com",
    "tuta.com", "tuta.io", "tutamail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.fr", "posteo.de", "posteo.net",
    "mailbox.org", "arcor.de", "libero.it", "virgilio.it", "alice.it", "tiscali.it", "bluewin.ch", "skynet.be",
    "telenet.be", "ziggo.nl", "kpnmail.nl", "gazeta.pl", "poczta.fm", "tlen.pl", "seznam.cz", "centrum.cz",
    "email.cz", "azet.sk", "abv.bg", "mail.bg", "meta.ua", "bigmir.net", "bk.ru", "list.ru", "inbox.ru", "internet.ru",
    "inbox.lv", "inbox.lt", "126.com", "foxmail.com", "naver.com", "daum.net",
    "hanmail.net", "rediffmail.com", "uol.com.br", "bol.com.br", "terra.com.br", "sky.com", "virginmedia.com",
    "ntlworld.com", "talktalk.net", "comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net",
    "cox.net", "charter.net", "shaw.ca", "rogers.com", "bigpond.com", "optusnet.com.au", "walla.co.il", "hey.com",
    "neuf.fr", "numericable.fr", "bbox.fr", "telefonica.net", "sapo.pt", "windowslive.com",
))  # fmt: skip
