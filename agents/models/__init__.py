"""What is registered, leased and open."""
