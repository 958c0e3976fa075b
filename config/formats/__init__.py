"""How Django writes dates where staff work. Pages that the public reads have config/cldr.py."""
