"""What every endpoint of the API stands on, and the endpoints of identity."""
