"""Embedded bases, trained from scratch on general reading material."""
