"""A sealed adapter's lineage in the forms of other tools: in-toto, Croissant, OpenLineage, a model card."""
