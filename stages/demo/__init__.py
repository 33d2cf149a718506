"""The demo page: a conversation with a trained adapter, on this machine's loopback and nothing beyond it."""
