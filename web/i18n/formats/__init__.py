"""How Django writes dates where staff work. Pages that the public reads have web/i18n/cldr.py."""
