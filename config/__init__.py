"""Settings, addresses, servers: what holds the rooms together."""
