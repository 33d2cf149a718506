"""The page of a chat recipe's step: captions and answers before and after, with and without the picture."""
