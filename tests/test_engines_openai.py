"""The engine openai against a real HTTP server on loopback, with the faults that servers have."""

import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from bionerflow.config.engines import OpenAISettings
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Turn
from bionerflow.inference.engines import requests
from bionerflow.inference.engines.base import Conversation
from bionerflow.inference.engines.openai import OpenAIEngine
from bionerflow.inference.engines.requests import Endpoint, Rate
from bionerflow.utils.cache import clear_cache
from bionerflow.utils.errors import UserError

KEY = "sk-very-secret-0123456789"


def completion(body, **changes):
    """What a server answers: the last message, upper-cased, with a token per word."""
    said = body["messages"][-1]["content"].upper()
    words = [word + " " for word in said.split()]
    tokens = [{"token": w, "bytes": list(w.encode()), "logprob": math.log(0.5)} for w in words]
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": said},
    }
    choice["logprobs"] = {"content": tokens} if body.get("logprobs") else None
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
    return {"model": "m-1", "choices": [choice | changes], "usage": usage}


class Server(ThreadingHTTPServer):
    """Answers as `faults` say, one a request, and then well; keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.asked, self.headers = [], [], []
        self.lock = threading.Lock()
        self.at_once = self.most = 0
        self.delay = 0.0
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            fault = server.faults.pop(0) if server.faults else None
            server.at_once += 1
            server.most = max(server.most, server.at_once)
        time.sleep(server.delay)
        with server.lock:
            server.at_once -= 1
        if fault:
            fault(self, body)
        else:
            self.give(200, json.dumps(completion(body)).encode())

    def give(self, status, data, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def status(code, said="{}", **headers):
    return lambda handler, body: handler.give(code, said.encode(), **headers)


def half(handler, body):
    data = json.dumps(completion(body)).encode()
    handler.give(200, data[: len(data) // 2], length=len(data))


def slow(handler, body):
    time.sleep(1.0)


@pytest.fixture
def server():
    with Server() as its:
        threading.Thread(target=its.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield its
        its.shutdown()


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    monkeypatch.setenv("BIONERFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(requests, "_back_off", lambda tried: 0.001 * 2**tried)


def settings(server, **changes):
    return OpenAISettings(url=server.url, model="m", **{"timeout": 5, **changes})


def asking(*texts):
    return [Conversation((Turn("user", text), Turn("assistant", "gold"))) for text in texts]


def answer(server, conversations, **changes):
    engine = OpenAIEngine(settings(server, **changes))
    return engine, engine.answer(conversations, 7, 4)


def test_answers_come_in_order_with_their_tokens_probabilities_and_cost(server):
    texts = [f"text {n}" for n in range(20)]
    counts = []
    engine = OpenAIEngine(settings(server, input_price=2, output_price=10))
    answers = engine.answer(asking(*texts), 7, 4, counts.append)
    assert [one[0].text for one in answers] == [text.upper() for text in texts]
    assert counts == list(range(1, 21))
    [first] = answers[0]
    assert not first.truncated
    assert engine.tokenizer.decode(first.ids) == "TEXT 0 "
    assert first.logprobs == (math.log(0.5), math.log(0.5))
    assert engine.usage["prompt_tokens"] == 200
    assert engine.usage["cost"] == pytest.approx((200 * 2 + 60 * 10) / 1e6)
    assert engine.label == "openai 127.0.0.1 m-1"
    assert {(body["max_tokens"], body["temperature"]) for body in server.asked} == {(7, 0)}
    assert not any("gold" in json.dumps(body) for body in server.asked)


def test_turns_are_successive_requests_and_given_answers_are_examples(server):
    turns = [("system", "s"), ("user", "one"), ("assistant", "given"), ("user", "two"),
             ("assistant", "gold"), ("user", "three"), ("assistant", "gold")]  # fmt: skip
    conversation = Conversation([Turn(*turn) for turn in turns], given=1)
    _, [answers] = answer(server, [conversation])
    assert [one.text for one in answers] == ["TWO", "THREE"]
    said = [(m["role"], m["content"]) for m in server.asked[-1]["messages"]]
    assert said == [*turns[:4], ("assistant", "TWO"), turns[5]]


def test_requests_are_under_way_at_once_but_no_more_than_allowed(server):
    server.delay = 0.05
    answer(server, asking(*map(str, range(12))), concurrency=3)
    assert server.most == 3


PASSING = {
    "busy": status(429, Retry_After="0"),
    "by date": status(503, Retry_After="Mon, 01 Jan 2024 00:00:00 GMT"),
    "broken": status(500),
    "half": half,
    "no JSON": status(200, "<html>"),
    "other JSON": status(200, '{"choices": []}'),
    "no text": status(200, '{"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}'),
    "slow": slow,
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_tried_again(server, fault):
    server.faults = [PASSING[fault]]
    _, [[one]] = answer(server, asking("x"), timeout=0.3 if fault == "slow" else 5)
    assert one.text == "X"
    assert len(server.asked) == 2


def test_the_endpoint_says_how_long_to_wait(server, monkeypatch):
    server.faults = [status(429, Retry_After="0.4")]
    pauses = []
    monkeypatch.setattr(Endpoint, "_pause", lambda _, seconds: pauses.append(seconds))
    answer(server, asking("x"))
    assert [seconds for seconds in pauses if seconds] == [0.4]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status(400, "context too long"), "refuses .400: context too long.*Correct predict.openai"),
        (status(401, f"bad key {KEY}"), "refuses .401: bad key .key.*OPENAI_API_KEY.*valid there"),
        (status(404), "refuses .404"),
        (status(307, Location="http://localhost:9/"), "refuses .307"),
        (status(429, '{"error": {"code": "insufficient_quota"}}'), "insufficient_quota"),
    ],
)
def test_what_can_never_succeed_is_not_tried_again(server, fault, said, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.faults = [fault]
    with pytest.raises(UserError, match=said) as error:
        answer(server, asking("x", "y", "z"), concurrency=1)
    assert KEY not in str(error.value)
    assert len(server.asked) == 1


def test_a_missing_key_is_told(server):
    server.faults = [status(401)]
    with pytest.raises(UserError, match="Set the environment variable MY_KEY to your key; it is"):
        answer(server, asking("x"), key_variable="MY_KEY")
    assert "Authorization" not in server.headers[0]


def test_retries_end(server):
    server.faults = [status(500)] * 9
    with pytest.raises(UserError, match=r"has not answered after 3 tries .status 500"):
        answer(server, asking("x"), retries=2)
    assert len(server.asked) == 3


def test_who_waits_gives_up_once_another_request_has_failed(server, monkeypatch):
    server.faults = [status(429, Retry_After="60"), status(400)]
    waits, wait = [], threading.Event.wait

    def waited(event, seconds=None):
        given_up = wait(event, seconds)
        waits.append((seconds, given_up))
        return given_up

    monkeypatch.setattr(threading.Event, "wait", waited)
    with pytest.raises(UserError, match=r"refuses .400"):
        answer(server, asking("x", "y"))
    assert (60.0, True) in waits
    assert len(server.asked) == 2


def test_what_was_paid_for_is_never_asked_again(server):
    server.faults = [lambda h, b: h.give(200, json.dumps(completion(b)).encode())] * 3
    server.faults += [status(400)] * 9
    with pytest.raises(UserError):
        answer(server, asking(*"abcde"), concurrency=1)
    assert len(server.asked) == 4
    server.faults = []
    engine, answers = answer(server, asking(*"abcde"))
    assert [one[0].text for one in answers] == list("ABCDE")
    assert len(server.asked) == 6
    assert engine.usage["prompt_tokens"] == 50
    assert answers[0][0].logprobs


def test_equal_requests_are_paid_for_once(server):
    server.delay = 0.05
    engine, answers = answer(server, asking(*"aaaabb"))
    assert [one[0].text for one in answers] == list("AAAABB")
    assert len(server.asked) == 2
    assert engine.usage["prompt_tokens"] == 20


def test_recorded_answers_replay_offline(server, tmp_path):
    folder = str(tmp_path / "recorded")
    _, before = answer(server, asking("a", "b"), answers=folder)
    server.shutdown()
    server.server_close()
    _, after = answer(server, asking("a", "b"), answers=folder, replay=True)
    assert after == before
    with pytest.raises(UserError, match=r"There is no recorded answer .* `replay: false`"):
        answer(server, asking("c"), answers=folder, replay=True)


def test_a_recording_that_is_not_whole_is_asked_again(server, tmp_path):
    answer(server, asking("a"))
    [file] = (tmp_path / "cache").rglob("*.json")
    file.write_text(file.read_text()[:20])
    assert answer(server, asking("a"))[1][0][0].text == "A"


def test_the_key_is_sent_and_written_nowhere(server, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    engine, _ = answer(server, asking("a"))
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not any(KEY.encode() in file.read_bytes() for file in files)
    assert KEY not in engine.settings.dump() + engine.label + "".join(capfd.readouterr())


def test_the_cache_is_private_and_can_be_deleted(server, tmp_path):
    answer(server, asking("a"))
    folder = tmp_path / "cache" / "answers"
    [file] = folder.rglob("*.json")
    modes = [path.stat().st_mode & 0o777 for path in (folder, file.parent, file)]
    assert modes == [0o700, 0o700, 0o600]
    (tmp_path / "cache" / "other").write_text("not ours")
    assert clear_cache() > 0
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["other"]


def test_texts_leave_the_machine_only_after_the_settings_say_so():
    elsewhere = {"url": "https://api.example.org/v1", "model": "m"}
    with pytest.raises(UserError, match=r"would send your texts to api.example.org.*send_texts"):
        OpenAIEngine(OpenAISettings(**elsewhere))
    OpenAIEngine(OpenAISettings(**elsewhere, send_texts=True))
    OpenAIEngine(OpenAISettings(**elsewhere, replay=True))
    for local in ("http://localhost:8000/v1", "http://[::1]:8000/v1"):
        assert not Endpoint(OpenAISettings(url=local, model="m")).client._trust_env


def test_a_rate_spreads_requests_evenly():
    rate = Rate(per_minute=600)
    assert [round(rate.spend(1), 1) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]
    assert Rate(None).spend(1000) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "openai"}, "needs `openai: "),
        ({"engine": "ctranslate2", "constrained": True}, "need the engine torch or vllm"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        PredictSettings(**given)


def test_a_url_with_credentials_is_refused():
    with pytest.raises(ValidationError):
        OpenAISettings(url="https://me:secret@example.org/v1", model="m")
