"""Plumbline's stages: one room each, data flowing one way."""
