"""What changed between two adapters, and what each change did to the metric."""
