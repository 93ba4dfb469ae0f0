"""Language models: what is asked, what it costs, and how they answer (protocols 9)."""
