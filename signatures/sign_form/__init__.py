"""The sign form as a page shows it: fields, the words of its consents, help with typing. Stores nothing."""
