"""Superfiltering's scoring, written down literally: one text at a time, full logits.

The oracle of the tests and the yardstick of the benchmark; nothing in the library uses it.
"""

import math

import torch


def whole_text(tokenizer, text, max_length):
    """Return the token ids of a text, and the labels: all of them."""
    ids = tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=max_length)
    return ids, ids.contiguous()


def part_text(tokenizer, text, target, max_length):
    """Return the token ids of a text, and the labels: those of the target alone."""
    ids = tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=max_length)
    start = len(tokenizer.encode(text[: text.rfind(target)]))
    labels = ids.clone()
    labels[0, :start] = -100
    return ids, labels


def loss_of(model, ids, labels):
    with torch.no_grad():
        return model(ids.to(model.device), labels=labels.to(model.device)).loss.item()


def passages(tokenizer, turns, max_length=1024):
    """Return token ids and labels of the text with the prompt, and of the answer alone, or None."""
    prompt, answer = turns[0].content + "\n", turns[1].content
    if answer == "":
        return None
    length = tokenizer.encode(
        prompt, return_tensors="pt", truncation=True, max_length=max_length
    ).shape[1]
    return (
        part_text(tokenizer, prompt + answer, answer, max_length),
        whole_text(tokenizer, answer, max_length - length + 1),
    )


def transcription(tokenizer, model, turns, max_length=1024):
    """Return the losses (with the prompt, alone) and the number of scored tokens, or None."""
    found = passages(tokenizer, turns, max_length)
    if found is None:
        return None
    (ids, labels), whole = found
    alone, conditioned = loss_of(model, *whole), loss_of(model, ids, labels)
    n = int((labels != -100).sum())
    return None if math.isnan(alone) or math.isnan(conditioned) else (conditioned, alone, n)
