"""What recipes share whose model answers in words: their parameters, prompts, targets and scores."""
