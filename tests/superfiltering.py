"""Superfiltering's scoring, written down literally: one text at a time, full logits.

The oracle of the tests and the yardstick of the benchmark; nothing in the library uses it.
"""

import math

import torch


def whole_text(tokenizer, model, text, max_length):
    ids = tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=max_length)
    ids = ids.to(model.device)
    with torch.no_grad():
        loss = model(ids, labels=ids.contiguous()).loss
    return loss.item()


def part_text(tokenizer, model, text, target, max_length):
    ids = tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=max_length)
    ids = ids.to(model.device)
    start = len(tokenizer.encode(text[: text.rfind(target)]))
    labels = ids.clone()
    labels[0, :start] = -100
    with torch.no_grad():
        loss = model(ids, labels=labels).loss
    return loss.item(), int((labels != -100).sum())


def transcription(tokenizer, model, turns, max_length=1024):
    """Return the losses (with the prompt, alone) and the number of scored tokens, or None."""
    prompt, answer = turns[0].content + "\n", turns[1].content
    if answer == "":
        return None
    length = tokenizer.encode(
        prompt, return_tensors="pt", truncation=True, max_length=max_length
    ).shape[1]
    alone = whole_text(tokenizer, model, answer, max_length - length + 1)
    conditioned, n = part_text(tokenizer, model, prompt + answer, answer, max_length)
    return None if math.isnan(alone) or math.isnan(conditioned) else (conditioned, alone, n)
