"""Questions to people: who may decide, how they are told, and what they decided."""
