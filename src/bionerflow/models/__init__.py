"""Base models: where they come from, how they are loaded, their chat templates."""
