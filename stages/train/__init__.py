"""Training of frozen, quantised bases through transformers.Trainer, on planned rows; one room an objective."""
