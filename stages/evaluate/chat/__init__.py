"""Chat about pictures scored: captions and answers, before and after a step, with and without the picture."""
