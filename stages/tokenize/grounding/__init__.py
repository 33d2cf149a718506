"""Captions and dialogues as token ids for a language model that reads pictures as a few vectors."""
