"""What a run trains on: drawn sentences, one format each, kept by a strategy, in a fixed order."""

import json
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
import yaml
from conftest import ROOT

from bionerflow.config.stages import CurateSettings
from bionerflow.curate import curate, interleave, sample
from bionerflow.curate.alternate import alternate
from bionerflow.curate.figure import examples, histogram
from bionerflow.curate.judge import share_of
from bionerflow.curate.strategies import STRATEGIES
from bionerflow.data.sampling import choose, draw
from bionerflow.data.schema import (
    CONVERSATIONS,
    KEPT,
    SCORES,
    open_rows,
    read_card,
    read_rows,
    write_rows,
)
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan

TYPES = ["Gene", "Disease"]


def conversation(corpus, format, n, types, language="en", positive=True):
    entity = {"type": types[0], "spans": [{"start": 0, "end": 1}], "text": "x"}
    return {
        "corpus": corpus,
        "format": format,
        "id": f"d:{n}",
        "doc_id": "d",
        "language": language,
        "types": types,
        "text": f"x {n}",
        "entities": [entity] if positive else [],
        "turns": [{"role": "user", "content": f"x {n}"}, {"role": "assistant", "content": "x"}],
    }


@pytest.fixture
def rendered(tmp_path):
    """Two corpora in three formats; one sentence in four is negative."""
    for corpus, size, language in (("en1", 40, "en"), ("zh1", 24, "zh")):
        for split, n in (("train", size), ("dev", 8)):
            for format in ("multi_triple", "single_term", "multi_bio"):
                queries = [[type] for type in TYPES] if format == "single_term" else [TYPES]
                rows = [
                    conversation(corpus, format, f"{split}{i}", types, language, i % 4 != 0)
                    for i in range(n)
                    for types in queries
                ]
                path = tmp_path / "render" / corpus / f"{split}.{format}.parquet"
                write_rows(path, rows, CONVERSATIONS)
    return tmp_path / "render"


def scores_of(folder, corpus, format, values, mode="superfiltering"):
    """Write a score file: `values` by id, a string for a reason."""
    rows = [
        {
            "id": id,
            "types": TYPES,
            "n_tokens": 3,
            "ppl_conditioned": 1.0,
            "ppl_alone": 1.0,
            "ifd": None if isinstance(value, str) else value,
            "reason": value if isinstance(value, str) else None,
        }
        for id, value in values.items()
    ]
    path = folder / f"{corpus}.{format}.{mode}.parquet"
    write_rows(path, rows, SCORES, mode=mode)
    return path


def test_draws_nest_keep_file_order_and_depend_on_the_seed():
    ids = [f"d{n}:0" for n in range(200)]
    drawn = draw(ids, 50, 1)
    assert len(drawn) == 50
    assert drawn == sorted(drawn, key=ids.index)
    assert set(draw(ids, 20, 1)) < set(drawn)
    assert set(draw(ids[::-1], 50, 1)) == set(drawn)
    assert draw(ids, 50, 2) != drawn
    assert draw(ids, None, 1) == draw(ids, 500, 1) == ids
    assert draw(["d6:0", "d6:0", "d1:0"], 1, 1) in (["d6:0"], ["d1:0"])


def test_choices_are_even():
    counts = Counter(choose("abc", f"d{n}:0", "1:format") for n in range(3000))
    assert all(900 < count < 1100 for count in counts.values())


SCORED = {"e": 0.5, "a": 0.9, "d": 0.5, "b": 1.0, "c": None, "f": 0.1, "g": 0.7, "h": 0.2}


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [
        ("all", "eadbcfgh"),
        ("top_ifd", "bag"),
        ("bottom_ifd", "ehf"),
        ("middle_ifd", "gde"),
        ("below_one", "agdehf"),
    ],
)
def test_strategies_are_functions_from_scores_to_ids(strategy, kept):
    assert STRATEGIES[strategy](SCORED, 3, "1") == list(kept)


def test_the_control_draws_as_many_of_all_positives():
    drawn = {tuple(STRATEGIES["random"](SCORED, 3, str(seed))) for seed in range(200)}
    assert {len(ids) for ids in drawn} == {3}
    assert {id for ids in drawn for id in ids} == set(SCORED)


def test_strategies_survive_having_too_little():
    for name in ("top_ifd", "bottom_ifd", "middle_ifd", "random"):
        assert STRATEGIES[name]({"a": 0.5}, 3, "1") == ["a"]
        assert STRATEGIES[name]({"a": 0.5}, 0, "1") == []
    assert set(STRATEGIES) == set(CurateSettings.model_fields["strategy"].annotation.__args__)


def test_each_sentence_gets_one_format_and_one_query(rendered):
    table = sample(
        rendered / "en1", "train", ["multi_triple", "single_term"], 30, 1, every_query=False
    )
    rows = table.to_pylist()
    assert table.schema == CONVERSATIONS
    assert len({row["id"] for row in rows}) == len(rows) == 30
    assert {row["format"] for row in rows} == {"multi_triple", "single_term"}
    assert {tuple(row["types"]) for row in rows} == {("Gene", "Disease"), ("Gene",), ("Disease",)}
    again, other = (
        sample(
            rendered / "en1", "train", ["multi_triple", "single_term"], 30, seed, every_query=False
        )
        for seed in (1, 2)
    )
    assert rows == again.to_pylist()
    assert {row["id"] for row in rows} != set(other["id"].to_pylist())


def test_a_dev_sentence_keeps_all_queries_of_its_format(rendered):
    formats = ["multi_triple", "single_term"]
    rows = sample(rendered / "en1", "dev", formats, 6, 1, every_query=True).to_pylist()
    by_sentence = {row["id"]: row["format"] for row in rows}
    counts = Counter(row["id"] for row in rows)
    assert len(counts) == 6
    assert counts == {id: 2 if f == "single_term" else 1 for id, f in by_sentence.items()}
    assert 2 in counts.values()


def test_languages_alternate_as_far_as_both_last():
    rows = [conversation("a", "f", f"a{n}", TYPES, "en") for n in range(6)]
    rows += [conversation("b", "f", f"b{n}", TYPES, "en") for n in range(6)]
    rows += [conversation("c", "f", f"c{n}", TYPES, "zh") for n in range(4)]
    table = pa.Table.from_pylist(rows, schema=CONVERSATIONS)
    ordered = interleave(table, 1)
    assert ordered["language"].to_pylist() == ["en", "zh"] * 4 + ["en"] * 8
    english = [row["corpus"] for row in ordered.to_pylist() if row["language"] == "en"]
    assert english not in (sorted(english), sorted(english, reverse=True))
    shuffled = interleave(table.take([*range(15, -1, -1)]), 1)
    assert shuffled == ordered
    assert interleave(table, 2) != ordered


def test_batches_of_two_languages_have_both():
    """unified's joint training: batches of six, 6,000 conversations in each language."""
    rng = random.Random(1)
    languages = ["zh", "en"] * 6000
    ordered = alternate(rng.sample(range(12000), 12000), languages)
    assert sorted(ordered) == list(range(12000))
    spoken = [languages[n] for n in ordered]
    assert all(one != other for one, other in pairwise(spoken))


def test_a_share_is_exact_rounded_half_up_and_never_nothing():
    assert [share_of(0.29, 100), share_of(0.5, 5), share_of(0.25, 1), share_of(0.01, 3)] == [
        29, 3, 1, 1,
    ]  # fmt: skip
    assert (share_of(0.5, 0), share_of(1.0, 7)) == (0, 7)


def test_a_small_share_keeps_one_positive(rendered, tmp_path):
    values = {f"d:train{n}": n / 50 for n in range(40) if n % 4}
    scores = scores_of(tmp_path, "en1", "multi_triple", values)
    settings = CurateSettings(strategy="top_ifd", rho=0.01)
    curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")
    reasons = read_card(tmp_path / "run" / "kept.parquet")["reasons"]["en1"]
    assert (reasons["kept: top_ifd"], reasons["dropped: not_chosen"]) == (1, 29)


@pytest.mark.parametrize(("setting", "kept"), [("drop", 0), ("keep", 2)])
def test_scores_of_one_and_above_are_dropped_or_kept_and_counted(rendered, tmp_path, setting, kept):
    positives = [f"d:train{n}" for n in range(40) if n % 4]
    values = dict.fromkeys(positives, 0.5) | {positives[0]: 1.0, positives[1]: 1.5}
    scores = scores_of(tmp_path, "en1", "multi_triple", values)
    settings = CurateSettings(strategy="top_ifd", rho=0.5, ifd_at_least_one=setting)
    curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")
    card = read_card(tmp_path / "run" / "kept.parquet")
    assert card["ifd_at_least_one"] == {"en1": {"kept" if kept else "dropped": 2}}
    assert card["reasons"]["en1"]["kept: top_ifd"] == 15
    assert card["reasons"]["en1"].get("dropped: ifd_at_least_one", 0) == 2 - kept


def test_every_type_is_asked_for_where_the_settings_say_so(rendered, tmp_path):
    for queries, n in (("one", 10), ("all", 20)):
        settings = CurateSettings(train=10, queries=queries)
        curate(rendered, {"en1": False}, ["single_term"], settings, 1, [], tmp_path / queries)
        rows = list(read_rows(tmp_path / queries / "train.parquet", CONVERSATIONS))
        assert (len(rows), len({row["id"] for row in rows})) == (n, 10)
    with pytest.raises(ValueError, match="strategy and negatives must be all"):
        CurateSettings(queries="all", strategy="random", rho=0.5)


def test_a_run_keeps_the_hardest_positives_and_all_negatives(rendered, tmp_path):
    positives = [f"d:train{n}" for n in range(40) if n % 4]
    values = dict(zip(positives, (n / 40 for n in range(30)), strict=True))
    values |= {positives[-1]: 1.5, positives[-2]: "one_token_answer"}
    scores = scores_of(tmp_path, "en1", "multi_triple", values)
    settings = CurateSettings(train=None, dev=3, strategy="top_ifd", rho=0.5, scorer="weak")
    curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")
    kept = {row["id"]: row for row in read_rows(tmp_path / "run" / "kept.parquet", KEPT)}
    ids = set(open_rows(tmp_path / "run" / "train.parquet", CONVERSATIONS).read()["id"].to_pylist())
    assert ids == {id for id, row in kept.items() if row["kept"]}
    assert ids == {*positives[13:28], *(f"d:train{n}" for n in range(0, 40, 4))}
    assert kept[positives[27]] == {
        "id": positives[27],
        "corpus": "en1",
        "format": "multi_triple",
        "ifd": 27 / 40,
        "kept": True,
        "reason": "top_ifd",
        "text": "x train37",
    }
    assert kept[positives[12]]["reason"] == "not_chosen"
    assert kept[positives[28]]["reason"] == "one_token_answer"
    assert kept[positives[29]]["reason"] == "ifd_at_least_one"
    assert read_card(tmp_path / "run" / "train.parquet")["counts"] == {"en1": {"multi_triple": 25}}
    assert read_card(tmp_path / "run" / "dev.parquet")["counts"] == {"en1": {"multi_triple": 3}}
    assert read_card(tmp_path / "run" / "kept.parquet")["reasons"]["en1"] == {
        "dropped: ifd_at_least_one": 1,
        "dropped: not_chosen": 13,
        "dropped: one_token_answer": 1,
        "kept: negative": 10,
        "kept: top_ifd": 15,
    }


def test_negatives_are_sampled_or_ranked_by_themselves(rendered, tmp_path):
    negatives = [f"d:train{n}" for n in range(0, 40, 4)]
    values = {f"d:train{n}": n / 50 for n in range(40)}
    scores = scores_of(tmp_path, "en1", "multi_triple", values, "chat")
    for name, kept in (("top_ifd", set(negatives[2:])), ("random", None)):
        settings = CurateSettings(strategy="all", mode="chat", negatives=name, negatives_rho=0.75)
        curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / name)
        rows = read_rows(tmp_path / name / "kept.parquet", KEPT)
        chosen = {row["id"] for row in rows if row["kept"]}
        assert len(chosen) == 30 + 8  # 0.75 of 10, rounded half up
        assert kept is None or chosen & set(negatives) == kept


def test_negatives_that_nobody_scored_are_the_user_s_error(rendered, tmp_path):
    positives = {f"d:train{n}": 0.5 for n in range(40) if n % 4}
    scores = scores_of(tmp_path, "en1", "multi_triple", positives)
    settings = CurateSettings(strategy="top_ifd", rho=0.5, negatives="top_ifd", negatives_rho=0.75)
    with pytest.raises(UserError, match="Strategy top_ifd needs IFD scores"):
        curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")


def test_negatives_whose_answers_have_one_token_are_told_of_the_mode_that_scores_them(
    rendered, tmp_path
):
    values = {f"d:train{n}": 0.5 if n % 4 else "one_token_answer" for n in range(40)}
    scores = scores_of(tmp_path, "en1", "multi_triple", values)
    settings = CurateSettings(strategy="top_ifd", rho=0.5, negatives="top_ifd", negatives_rho=0.75)
    with pytest.raises(
        UserError, match=r"multi_triple, negative sentences \(.*: take `mode: chat`"
    ):
        curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")


def test_a_discontinuous_corpus_is_never_rendered_in_a_format_that_cannot_carry_it(
    rendered, tmp_path
):
    settings = CurateSettings(train=10, limits={"zh1": 4})
    corpora = {"en1": True, "zh1": False}
    curate(rendered, corpora, ["multi_bio"], settings, 1, [], tmp_path / "run")
    card = read_card(tmp_path / "run" / "train.parquet")
    assert card["counts"] == {"zh1": {"multi_bio": 4}}
    assert card["barred"] == {"en1": ["multi_bio"], "zh1": []}
    with pytest.raises(UserError, match="No training sentence is left"):
        curate(rendered, {"en1": True}, ["multi_bio"], settings, 1, [], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_strategy_without_its_scores_is_the_user_s_error(rendered, tmp_path):
    settings = CurateSettings(strategy="top_ifd", rho=0.5)
    formats = ["multi_triple"]
    with pytest.raises(UserError, match=r"needs IFD scores and has none for en1\.multi_triple"):
        curate(rendered, {"en1": False}, formats, settings, 1, [], tmp_path / "run")
    chat = scores_of(tmp_path, "en1", "multi_triple", {}, "chat")
    with pytest.raises(UserError, match="holds chat scores, the run asks for superfiltering"):
        curate(rendered, {"en1": False}, formats, settings, 1, [chat], tmp_path / "run")


def test_the_open_questions_are_runs_that_reuse_the_same_scores(monkeypatch):
    """bioselecttune's: negatives by IFD, and the share chosen on dev."""
    monkeypatch.chdir(ROOT)
    files = [
        yaml.safe_load((ROOT / f"config/{n}.yaml").read_text()) for n in ("config", "curation")
    ]
    plan = Plan(files[0] | files[1])
    scores = {run.configuration: plan.scores(run.id) for run in plan.runs.values()}
    weak = "smollm2-135m"
    file = f"results/ifd/{weak}/sample_flat.json_entity.superfiltering"
    assert set(map(tuple, scores.values())) == {(file,)}
    assert plan.scores_negatives(weak, "superfiltering")
    shares = {run.configuration: run.curate.rho for run in plan.runs.values()}
    for percent, name in ((25, "curated_25"), (50, "curated"), (75, "curated_75")):
        assert shares[name] == shares[f"random_{percent}"] == percent / 100
    table = plan.table("bioselecttune", "questions")
    shown = {id for cell in table.cells for ids in cell.models.values() for id in ids}
    assert shown == set(plan.runs)
    assert {cell.metric for cell in table.cells} == {"run.dev_f1", "f1"}
    assert all(run.train.validations_per_epoch for run in plan.runs.values())
    assert {run.draw for run in plan.runs.values()} == {1, 2, 3}


def test_the_script_writes_the_same_files_twice(rendered, tmp_path):
    cards = []
    for name in ("one", "two"):
        arguments = {
            "--rendered": rendered,
            "--corpora": '{"en1": {"discontinuous": true}, "zh1": {"discontinuous": false}}',
            "--formats": "multi_bio,single_term",
            "--settings": json.dumps({"train": 20, "dev": 4, "strategy": "random", "rho": 0.5}),
            "--draw": "3",
            "--out": tmp_path / name,
        }
        command = [sys.executable, "-P", ROOT / "workflow" / "scripts" / "curate.py"]
        command += [part for pair in arguments.items() for part in pair]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        cards.append(
            [read_card(tmp_path / name / f"{f}.parquet") for f in ("train", "dev", "kept")]
        )
    assert cards[0] == cards[1]
    assert cards[0][2]["rows"] == 40
    assert set(cards[0][0]["counts"]["en1"]) == {"single_term"}
    assert set(cards[0][0]["counts"]["zh1"]) == {"single_term", "multi_bio"}


def test_what_was_kept_is_drawn_with_sentences_from_both_ends(rendered, tmp_path):
    positives = [f"d:train{n}" for n in range(40) if n % 4]
    values = {id: 0.9 - n / 40 for n, id in enumerate(positives)}
    scores = scores_of(tmp_path, "en1", "multi_triple", values)
    settings = CurateSettings(strategy="top_ifd", rho=0.5)
    curate(rendered, {"en1": False}, ["multi_triple"], settings, 1, [scores], tmp_path / "run")
    kept = tmp_path / "run" / "kept.parquet"
    panel = histogram(kept).axes[0]
    assert panel.get_title() == "en1"
    assert panel.get_legend_handles_labels()[1] == ["kept 15", "dropped 15"]
    ends = examples(kept)
    assert [row["text"] for row in ends[:2]] == ["x train1", "x train2"]
    assert [row["kept"] for row in ends] == [True] * 5 + [False] * 5
    assert ends[-1] == {"corpus": "en1", "ifd": 0.9 - 29 / 40, "kept": False, "text": "x train39"}
