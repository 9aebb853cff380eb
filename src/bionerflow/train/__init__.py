"""Supervised fine-tuning on the Trainer of transformers, and what is recorded of it."""
