"""How the portal's processes start, work and stop: all in one, or web, workers and beats apart."""
