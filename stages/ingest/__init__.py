"""Import a folder of pictures and its table (the imagefolder convention) as records."""
