"""Who does what LangOrch does not do itself: agents, their leases and circuits, and models."""
