"""What a seal tells a person: the line from an adapter to its sources, and one sample's whole life."""
