"""Drawn sports: class folders with the dirt of real sets, and captioned pictures in Flickr30k's format."""
