"""Runs: started, queued, driven durably, parked, decided, retried and shown."""
