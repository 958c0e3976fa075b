"""Settings, addresses, servers: what holds the rooms together."""

#: As written into each packet. The same as in pyproject.toml (a test holds them together).
VERSION = "0.1.0"
