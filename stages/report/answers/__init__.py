"""The page of a recipe that answers in words."""
