"""THE DESK, the web's side of staff work: what takes two people, and what is written down. Holds no secret."""
