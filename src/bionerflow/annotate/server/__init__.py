"""A local page and a REST interface that annotate texts: `bionerflow serve`.

`models` are what can be asked, `batches` the queue of texts and the thread that works on it,
`wire` what requests and answers hold, `app` the addresses, `guard` what holds for all of them.
"""
