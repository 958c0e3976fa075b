"""The web's side of collecting: forms, limits, intake and confirmation. Holds no secret."""
