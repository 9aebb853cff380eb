"""Instruction-following difficulty (bioselecttune)."""
