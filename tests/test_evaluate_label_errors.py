"""Label errors: those that were planted stand first in the list."""

import random
from pathlib import Path

import pytest

from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.label_errors import label_errors
from bionerflow.utils.errors import UserError

TYPES = ("gene", "disease", "species")
SLOTS, WIDTH, SENTENCES = 8, 6, 800
TEXT = " ".join("abcde" for _ in range(SLOTS))


def at(type: str, slot: int, width: int = 1) -> Entity:
    return Entity.at(type, [(slot * WIDTH, (slot + width) * WIDTH - 1)], TEXT)


def wrong(rng: random.Random, entity: Entity) -> Entity | None:
    """Return the mention with another type, or longer, or nothing in its place."""
    slot = entity.start // WIDTH
    other = rng.choice([type for type in TYPES if type != entity.type])
    longer = at(entity.type, slot, 2) if slot < SLOTS - 1 else None
    return rng.choice([at(other, slot), longer, None])


def write(path: Path, answers: dict[str, list[tuple[Entity, float | None]]], format="f") -> Path:
    rows = [
        {"corpus": "c", "format": format, "id": id, "answers": [], "problems": []}
        | {"entities": [entity_row(entity) | {"confidence": c} for entity, c in found]}
        for id, found in answers.items()
    ]
    write_rows(path, rows, PREDICTIONS)
    return path


def answered(rng: random.Random, truth: dict[str, list[tuple[Entity, bool]]], skill: float):
    """Answer as a system does that finds hard mentions seldom, and is surer where it is right."""
    answers: dict[str, list[tuple[Entity, float]]] = {}
    for id, mentions in truth.items():
        found = answers.setdefault(id, [])
        for entity, hard in mentions:
            if rng.random() < (0.45 if hard else skill):
                found.append((entity, rng.betavariate(8, 2)))
            elif mistaken := wrong(rng, entity):
                found.append((mistaken, rng.betavariate(4, 4)))
        if rng.random() < 0.1:
            slot = rng.randrange(SLOTS)
            if all(abs(entity.start // WIDTH - slot) > 1 for entity, _ in mentions):
                found.append((at(rng.choice(TYPES), slot), rng.betavariate(4, 4)))
    return answers


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Plant errors into 2 % of gold; return the systems' files, gold and where errors are."""
    folder, rng = tmp_path_factory.mktemp("planted"), random.Random(3)
    truth, examples, errors = {}, [], set()
    for n in range(SENTENCES):
        slots = sorted(rng.sample(range(0, SLOTS, 2), 3))
        mentions = [at(rng.choice(TYPES), slot) for slot in slots]
        truth[str(n)] = [(entity, rng.random() < 0.1) for entity in mentions]
        gold = []
        for entity in mentions:
            noted = wrong(rng, entity) if rng.random() < 0.02 else entity
            gold += [noted] if noted else []
            if noted != entity:
                errors.add((str(n), entity.start))
        examples.append(Example(str(n), f"d{n // 10}", "en", TEXT, tuple(gold)))
    write_examples(folder / "gold" / "c" / "test.parquet", examples)
    systems = {
        name: [write(folder / f"{name}.parquet", answered(rng, truth, skill))]
        for name, skill in {"one": 0.9, "two": 0.85, "three": 0.8, "four": 0.75}.items()
    }
    return systems, folder / "gold", errors


def found_at(listed) -> list[tuple[str, int]]:
    starts = listed["spans"].str.partition("-")[0].astype(int)
    return list(zip(listed["id"], starts, strict=True))


def test_half_of_the_planted_errors_stand_in_the_first_tenth(planted):
    systems, gold, errors = planted
    listed = label_errors(systems, gold, "c")
    assert len(errors) > 30
    first = found_at(listed)[: len(listed) // 10]
    assert len(errors & set(first)) >= len(errors) / 2
    best = found_at(listed)[: len(errors)]
    assert len(errors & set(best)) / len(best) > 0.6  # precision and recall of a list so long
    assert len(errors & set(found_at(listed))) / len(errors) > 0.9
    assert set(listed["kind"]) == {"type", "boundary", "not_found", "not_annotated"}
    assert listed["score"].is_monotonic_decreasing
    assert (listed["contradicting"] >= 2).all()


def test_draws_and_formats_of_a_system_have_one_voice(tmp_path):
    right, other = at("gene", 2), at("disease", 2)
    gold = tmp_path / "gold"
    write_examples(gold / "c" / "test.parquet", [Example("1", "d", "en", TEXT, (right,))])
    says = {"right": [(right, 0.9)], "other": [(other, 0.8)], "nothing": []}
    paths = {
        f"{name}{n}": write(tmp_path / f"{name}{n}.parquet", {"1": found}, format=f"f{n}")
        for name, found in says.items()
        for n in (1, 2)
    }
    draws = [paths["other1"], paths["other2"]]
    assert label_errors({"a": draws, "b": [paths["right1"]]}, gold, "c").empty
    (row,) = label_errors({"a": draws, "b": [paths["other1"]], "c": [paths["right1"]]}, gold, "c")[
        ["kind", "score", "suggested_type", "contradicting", "systems", "spans", "suggested"]
    ].to_dict("records")
    assert row == {
        "kind": "type", "score": pytest.approx(1.6 / 3, abs=1e-6), "suggested_type": "disease",
        "contradicting": 2, "systems": 3, "spans": "12-17", "suggested": "12-17",
    }  # fmt: skip
    with pytest.raises(UserError, match="two systems or more"):
        label_errors({"a": draws}, gold, "c")


def test_what_several_found_where_gold_has_nothing_is_listed(tmp_path):
    gold = tmp_path / "gold"
    write_examples(gold / "c" / "test.parquet", [Example("1", "d", "en", TEXT, ())])
    paths = [
        write(tmp_path / f"{n}.parquet", {"1": [(at("gene", 1), 0.5 + n / 10)]}) for n in (0, 1)
    ]
    (row,) = label_errors({"a": paths[:1], "b": paths[1:]}, gold, "c").to_dict("records")
    assert (row["kind"], row["score"], row["text"]) == ("not_annotated", 0.55, "abcde")
