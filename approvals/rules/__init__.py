"""What approvals mean, on plain values: who may decide, what a decision must contain, when votes are enough."""
