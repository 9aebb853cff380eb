"""From raw corpora, as distributed, to sentences with exact entities (stage `corpora`)."""
