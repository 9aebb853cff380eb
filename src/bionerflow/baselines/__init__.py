"""Systems that language models are compared with, scored by the same code on the same sentences.

`dictionary` finds exact matches of training mentions, `token_classification` fine-tunes an encoder,
`external` takes predictions that another program has made. Each learns from a run's curated
sentences and gives rows of schema.PREDICTIONS (`system`).
"""
