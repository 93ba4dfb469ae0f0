"""Files that runs produce: found in results, stored, shown, and removed in time (runtime 19)."""
