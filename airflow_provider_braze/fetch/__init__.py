"""Many subjects at once: threads, the outcome of each, and one probe for readiness."""
