"""The demo's campaigns: their texts in content.toml, written for this project."""
