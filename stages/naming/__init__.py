"""What recipes that name a creature from its description share: parameters, chat template, model, generation."""
