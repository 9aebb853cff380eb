"""JSON and text of others that no parser takes: one line says so, wherever it is read."""

import io

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read

from bionerflow.annotate.ranking import rank
from bionerflow.baselines.external import External
from bionerflow.config.base import load
from bionerflow.config.models import Models
from bionerflow.inference.engines.requests import PassingError, completed
from bionerflow.utils.errors import UserError

DEEP = b"[" * 200_000
LATIN = b'{"text": "caf\xe9"}\n'


def parquet(metadata):
    """Return a data set whose description is `metadata`."""
    schema = pa.schema([("tokens", pa.list_(pa.string()))], metadata={b"huggingface": metadata})
    held = io.BytesIO()
    pq.write_table(schema.empty_table(), held)
    return held.getvalue()


@pytest.mark.parametrize("data", [DEEP, LATIN], ids=["deep", "not UTF-8"])
@pytest.mark.parametrize("reads", [lambda path: rank([path]), External.read])
def test_lines_of_json_that_nobody_can_read_are_told(tmp_path, reads, data):
    (tmp_path / "theirs.jsonl").write_bytes(data)
    with pytest.raises(UserError, match=r"theirs\.jsonl") as error:
        reads(tmp_path / "theirs.jsonl")
    assert len(str(error.value)) < 500


def test_a_configuration_that_is_not_utf_8_is_told(tmp_path):
    (tmp_path / "models.yaml").write_bytes(b"models: {caf\xe9: {}}\n")
    with pytest.raises(UserError, match=r"models\.yaml is not YAML"):
        load(Models, tmp_path / "models.yaml")


@pytest.mark.parametrize("metadata", [DEEP, b"[]", b"{}", b"\xe9"])
def test_a_description_in_parquet_that_nobody_can_read_is_told(metadata):
    with pytest.raises(UserError, match=r"a\.parquet"):
        read("tokens", {"a.parquet": parquet(metadata)})


@pytest.mark.parametrize(
    "answer",
    [
        DEEP,
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "logprobs":'
        b' {"content": [{"token": "x", "logprob": 1' + b"0" * 400 + b"}]}}]}",
    ],
    ids=["deep", "a number without end"],
)
def test_an_endpoint_s_answer_that_nobody_can_read_is_none(answer):
    with pytest.raises(PassingError, match="no chat completion"):
        completed(httpx2.Response(200, content=answer))
