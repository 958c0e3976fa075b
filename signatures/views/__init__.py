"""Public addresses, by subject. Pages are the same for everybody; what is typed is only sealed."""
