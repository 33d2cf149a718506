"""Conversations about a picture as token ids: answers supervised to their end, nothing else."""
