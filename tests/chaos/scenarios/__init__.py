"""What is done to a portal at work, and what must hold (quality, reliability). Scale 1 is the full size."""
