"""Inference engines: torch (of this project), CTranslate2, vLLM, and HTTP endpoints."""
