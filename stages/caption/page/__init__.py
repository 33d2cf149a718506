"""The caption page: a Gradio page on this machine's loopback, and nothing beyond it."""
