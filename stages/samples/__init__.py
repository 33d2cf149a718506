"""Small data sets, drawn here, in the file formats that people have them in: for trying a recipe without a download."""
