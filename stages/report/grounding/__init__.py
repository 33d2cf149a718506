"""The page of a grounding recipe: retrieval, captions and dialogues."""
