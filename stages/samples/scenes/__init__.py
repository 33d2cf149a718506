"""Drawn scenes with captions (COCO's layout) and conversations (LLaVA-Instruct's layout), and the dirt of real sets."""
