"""The server on a real socket: what it answers, what it refuses, under load, in a browser."""

import http.client
import json
import re
import socket
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil
import pytest
from browser import Browser
from conftest import ROOT
from tiny import tiny_model

import bionerflow
from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.names import FOLDERS
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.annotate.server import batches, guard, run, wire
from bionerflow.annotate.server import models as served_models
from bionerflow.annotate.server.models import Asked, Models, Offer, offered
from bionerflow.config.base import parse
from bionerflow.config.runs import RunCard
from bionerflow.data.schema import Entity, Problem
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_json
from bionerflow.utils.progress import Progress

RUN = "own.tiny.multi_term.draw1"
TYPES = ["gene", "disease"]
TEXT = "BRCA1 causes breast and ovarian cancer."
HOSTILE = (
    "<img src=x onerror=alert(1)></script><script>alert(2)</script> 患者 🧬 \u202e BRCA1 cancer."
)
SECRET = "sk-secret"
TYPED = "gene: a part: of DNA\n 病： an illness \n\n__proto__"
#: What the tests' annotator finds: words, the first two also as one discontinuous mention.
WORD = re.compile(r"BRCA1|cancer")


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client with one request per connection, so that no failure of one is that of another."""

    def __init__(self, url: str) -> None:
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=100)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found

    def send(self, *texts: str, **changes: Any) -> str:
        body = {"model": RUN, "documents": [{"text": text} for text in texts], **changes}
        answer = self.ask("POST", "/api/batches", body)
        assert answer.status == 202, answer
        return answer.json["id"]

    def ended(self, id: str) -> Any:
        while True:
            status = self.ask("GET", f"/api/batches/{id}").json
            if status["state"] in ("done", "failed"):
                return status
            time.sleep(0.02)

    def result(self, id: str, query: str = "") -> list[Any]:
        assert self.ended(id)["state"] == "done"
        return self.ask("GET", f"/api/batches/{id}/result{query}").json["documents"]


class Finder:
    """An annotator without a model: words, and the two first as one discontinuous mention."""

    language = "en"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.asked: Any = None
        self.gate = threading.Event()
        self.gate.set()

    def fits(self, sentence: str) -> bool:
        return True

    def __call__(self, sentences):
        Progress("predict", 4, "queries").to(1)
        assert self.gate.wait(20)
        self.calls.append(list(sentences))
        if any("FAIL" in sentence for sentence in sentences):
            raise UserError(f"/srv/{SECRET} is not there")
        return [self.answered(sentence) for sentence in sentences]

    def answered(self, text: str) -> Answered:
        spans = [match.span() for match in WORD.finditer(text)]
        found = [Mention(Entity.at("gene" if text[a] == "B" else "disease", [(a, b)], text), 0.9)
                 for a, b in spans]  # fmt: skip
        if len(spans) > 1:
            found.append(Mention(Entity.at("disease", spans[:2], text), 0.3))
        return Answered(found, [Problem("not_in_text", "<b>TP53</b>")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / RUN
    tiny_model(folder / "model")
    write_json(folder / "run.json", card())
    return folder


def card() -> dict[str, Any]:
    asked = {"dataset": "own", "language": "en", "types": TYPES, "definitions": {}}
    return {"run": RUN, "corpora": {"own": asked}, "formats": ["multi_term"],
            "predict": {"max_new_tokens": 8, "batch_size": 4}}  # fmt: skip


class Served:
    """A server in a thread."""

    def __init__(self, models: Models) -> None:
        socket = run.listening("127.0.0.1", 0, False)
        self.url = run.url(socket)
        self.server = run.server(models, guard.LOOPBACK)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [socket]})
        self.thread.start()
        self.client = Client(self.url)
        while not self.server.started:
            time.sleep(0.01)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture(scope="module")
def tiny(folder):
    """A server with an untrained model."""
    served = Served(Models(offered([str(folder)]), {"torch": {"engine": "torch"}}))
    yield served
    served.close()


@pytest.fixture
def finder():
    return Finder()


@pytest.fixture
def served(finder):
    """A server whose model is replaced by `finder`."""
    models = Models({RUN: Offer(RUN, "x", parse(RunCard, card(), "")), "chat": Offer("chat", "y")},
                    {"torch": {}})  # fmt: skip

    def annotator(asked: Asked) -> Any:
        finder.asked = asked
        return finder

    models.annotator = annotator  # type: ignore[method-assign]
    served = Served(models)
    yield served
    served.close()


@pytest.fixture
def client(served):
    return served.client


def test_texts_are_annotated_as_the_python_interface_does(tiny, folder):
    texts = [TEXT, "患者出现高血压。", "", " ".join([TEXT] * 40)]
    [*expected] = bionerflow.load(folder).annotate(texts)
    alone = [tiny.client.send(text) for text in texts]  # asked together, or by turns
    together = tiny.client.result(tiny.client.send(*texts))
    for one, row, text in zip(expected, together, texts, strict=True):
        found = [(e.type, [tuple(s) for s in e.spans], e.text) for e in one.entities]
        assert found == [
            (e["type"], [(s["start"], s["end"]) for s in e["spans"]], e["text"])
            for e in row["entities"]
        ]
        assert [(p.kind, p.detail) for p in one.problems] == [
            (p["kind"], p["detail"]) for p in row["problems"]
        ]
        assert row["text"] == text
    assert any(row["problems"] for row in together)  # an untrained model writes no format
    for row, id in zip(together, alone, strict=True):
        [same] = tiny.client.result(id)
        assert {**same, "id": row["id"]} == row


def test_the_python_of_its_page_runs(served, finder, capsys):
    text = (ROOT / "docs/serve.md").read_text("utf-8")
    first, second = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for shown, here in (
        ("http://127.0.0.1:8000", served.url), ("demo.smollm2-135m.conv_term.draw1", RUN),
        ("sample_flat", "own"),
    ):  # fmt: skip
        assert shown in first
        first = first.replace(shown, here)
    exec(first, {})
    assert f"'text': '{finder.calls[0][0]}'" in capsys.readouterr().out
    names: dict[str, Any] = {}
    exec(second, names)
    request = wire.BatchRequest.model_validate(names["asked"] | {"documents": [{"text": TEXT}]})
    assert request.types == ["Disease", "Chemical"]


def test_a_result_has_nested_and_discontinuous_entities_and_what_was_not_usable(client):
    [one] = client.result(client.send(TEXT))
    spans = [(e["type"], [(s["start"], s["end"]) for s in e["spans"]]) for e in one["entities"]]
    assert spans == [("gene", [(0, 5)]), ("disease", [(32, 38)]), ("disease", [(0, 5), (32, 38)])]
    assert one["problems"] == [{"kind": "not_in_text", "detail": "<b>TP53</b>"}]
    [sure] = client.result(client.send(TEXT), "?threshold=0.5")
    assert [e["confidence"] for e in sure["entities"]] == [0.9, 0.9]
    [genes] = client.result(client.send(TEXT, types=["gene"]))
    assert [e["type"] for e in genes["entities"]] == ["gene"]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_comes_in_every_form_however_hostile_the_text(client, form):
    documents = [{"id": "../../etc/passwd", "text": HOSTILE}, {"text": f"\x00{TEXT}\r\n"}]
    id = client.send(documents=documents)
    client.ended(id)
    answer = client.ask("GET", f"/api/batches/{id}/forms/{form}")
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert int(answer.headers["X-Left-Out"]) >= (form in ("conll", "spacy", "webanno"))
    if form in FOLDERS:
        names = zipfile.ZipFile(BytesIO(answer.body)).namelist()
        assert names
        assert not any(name.startswith("/") or ".." in name.split("/") for name in names)
    else:
        assert b"BRCA1" in answer.body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "nobody"}, f"no model 'nobody'. Known: chat, {RUN}."),
        ({"engine": "vllm"}, "'vllm' is not offered"),
        ({"types": ["genes"]}, "Did you mean 'gene'?"),
        ({"corpus": "../x"}, "Name the corpus, one of own"),
        ({"format": "x"}, "Name the format, one of multi_term"),
        ({"model": "chat"}, "name the types"),
        ({"model": "chat", "types": ["a"], "definitions": {"b": "x"}}, "'b' has a definition"),
        ({"model": "chat", "types": ["a"], "examples": ["[x](b)"]}, "Example 1: 'b' is not a type"),
        ({"model": "chat", "types": ["a"], "examples": ["x"] * 21}, "examples"),
        ({"model": "chat", "types": ["a"], "examples": ["x" * 2001]}, "examples.0"),
        ({"examples": ["x"]}, "only a chat model takes definitions and examples"),
        ({"documents": []}, "documents: "),
        ({"documents": [{"text": "x" * (wire.CHARACTERS + 1)}]}, "documents.0.text"),
        ({"documents": [{"text": "x" * 150_000}] * 2}, "more than 200,000 characters"),
        ({"documents": [{"text": "x"}] * 1001}, "documents"),
        ({"documents": [{"text": "\ud800"}]}, "documents.0.text"),
        ({"paths": ["/etc/passwd"]}, "paths"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_words(client, change, words):
    body = {"model": RUN, "documents": [{"text": TEXT}], **change}
    answer = client.ask("POST", "/api/batches", body)
    assert answer.status == 422
    assert words in answer.json["error"]
    assert len(answer.body) < 400  # what was sent is not sent back


def test_no_path_and_no_secret_is_returned(served, client, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    id = client.send("FAIL")
    status = client.ended(id)
    assert status["error"] == batches.FAILED
    paths = ["/", "/docs", "/openapi.json", "/api/models", "/api/health", "/nowhere",
             f"/api/batches/{id}", f"/api/batches/{id}/result", f"/api/batches/{id}/forms/csv",
             "/api/batches/..%2f..%2fetc%2fpasswd", "/api/batches/x/forms/%2fetc"]  # fmt: skip
    said = [client.ask("GET", path) for path in paths]
    for answer in said:
        assert not re.search(
            rb"/srv/|/usr/|site-packages|Traceback|" + SECRET.encode(), answer.body
        )
    assert {answer.status for answer in said} == {200, 404, 409}
    assert SECRET in capsys.readouterr().err  # the terminal says why


def test_one_batch_that_fails_fails_alone(client, finder):
    finder.gate.clear()
    ids = [client.send(text) for text in (TEXT, "FAIL", TEXT)]
    finder.gate.set()
    assert [client.ended(id)["state"] for id in ids] == ["done", "failed", "done"]


def test_a_long_batch_does_not_hold_up_a_short_one(client, finder):
    finder.gate.clear()
    long = client.send(" ".join([TEXT] * 1000))
    short = [client.send("Short.") for _ in range(3)]
    finder.gate.set()
    for id in (long, *short):
        assert client.ended(id)["state"] == "done"
    [*turns] = [n for n, call in enumerate(finder.calls) for one in call if one == "Short."]
    assert len(turns) == 3
    assert max(turns) <= 2 < 20 < len(finder.calls)
    [row] = client.result(long)
    assert len(row["entities"]) == 3000


def test_progress_goes_on_within_a_turn(client, finder):
    finder.gate.clear()
    id, until = client.send(f"{TEXT} {TEXT}"), time.monotonic() + 20
    while (found := client.ask("GET", f"/api/batches/{id}").json)["state"] != "running" or (
        found["progress"] == 0
    ):
        assert time.monotonic() < until, found
        time.sleep(0.01)
    assert found["progress"] == 0.25
    finder.gate.set()
    assert client.ended(id)["progress"] == 1


def test_shares_are_equal_as_far_as_lengths_allow():
    made = []
    for number in (1, 100, 3):
        batch = batches.Batch(Asked("m", "e", None, None, ()), [])
        batch.sentences = [None] * number  # type: ignore[list-item]
        made.append(batch)
    assert [n for _, n in batches._shares(made)] == [1, batches.TOGETHER - 4, 3]


def test_a_batch_can_be_stopped_and_is_forgotten(client, finder):
    finder.gate.clear()
    id = client.send(TEXT)
    assert client.ask("GET", f"/api/batches/{id}/result").status == 409
    assert client.ask("DELETE", f"/api/batches/{id}").status == 204
    assert client.ask("DELETE", f"/api/batches/{id}").status == 404
    finder.gate.set()
    assert client.ask("GET", f"/api/batches/{id}").status == 404
    assert client.result(client.send(TEXT))


def test_what_is_too_much_waits_outside_and_what_is_old_goes(client, monkeypatch):
    monkeypatch.setattr(batches, "BATCHES", 1)
    id = client.send(TEXT)
    client.ended(id)
    body = {"model": RUN, "documents": [{"text": TEXT}]}
    full = client.ask("POST", "/api/batches", body)
    assert (full.status, full.headers["Retry-After"]) == (429, "5")
    monkeypatch.setattr(batches, "KEPT", -1)
    assert client.ask("POST", "/api/batches", body).status == 202
    assert client.ask("GET", f"/api/batches/{id}").status == 404


def test_pages_of_the_web_cannot_use_the_server(client):
    assert client.ask("GET", "/api/models", Host="evil.example:8000").status == 421
    assert client.ask("GET", "/api/models", Host="localhost:8000").status == 200
    body = {"model": RUN, "documents": [{"text": TEXT}]}
    plain = {"Content-Type": "text/plain"}  # what a form of another page may send unasked
    assert client.ask("POST", "/api/batches", body, **plain).status == 422
    page = client.ask("GET", "/")
    assert not [name for name in page.headers if name.lower().startswith("access-control")]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_other_machines_are_let_in_by_an_explicit_flag_only(capsys):
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(UserError, match="--allow-network"):
            run.checked(host, False)
        run.checked(host, True)
    assert "whoever reaches this machine" in capsys.readouterr().err
    with pytest.raises(UserError, match="no IP address"):
        run.checked("example.org", True)
    with (
        run.listening("127.0.0.1", 0, False) as taken,
        pytest.raises(UserError, match="cannot be listened at"),
    ):
        run.listening("127.0.0.1", taken.getsockname()[1], False)


def test_the_interface_is_described_and_the_page_of_it_works_offline(client):
    api = client.ask("GET", "/openapi.json").json
    for methods in api["paths"].values():
        for one in methods.values():
            assert one["description"]
    docs = client.ask("GET", "/docs").body.decode()
    assert all(path in docs for path in api["paths"])
    assert not re.search(r"https?://", docs)
    health = client.ask("GET", "/api/health").json
    assert health == {"status": "ok", "version": bionerflow.__version__, "waiting": 0, "kept": 0}


def test_the_description_fits_a_phone(tiny, window):
    window.open(f"{tiny.url}docs", 390, 844)
    assert window.js("document.documentElement.scrollWidth") <= 390
    assert "`" not in window.js("document.body.textContent")


def raw(client: Client, data: bytes, pause: float = 0.0, pieces: int = 1) -> socket.socket:
    """Send bytes as they are, in pieces with pauses."""
    opened = socket.create_connection((client.host, client.port), timeout=60)
    size = -(-len(data) // pieces)
    for at in range(0, len(data), size):
        opened.sendall(data[at : at + size])
        time.sleep(pause)
    return opened


def posted(body: bytes, length: int | None = None) -> bytes:
    head = "POST /api/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body


def slow(client: Client, text: str) -> str:
    """Send a batch byte by byte, nearly; return its id."""
    body = json.dumps({"model": RUN, "documents": [{"text": text}]}).encode()
    with raw(client, posted(body), 0.01, 20) as opened:
        answer = http.client.HTTPResponse(opened)
        answer.begin()
        assert answer.status == 202
        return json.loads(answer.read())["id"]


def hostile(client: Client, n: int) -> None:
    """Send what is huge, malformed or aborted; what has an answer is refused."""
    match n % 5:
        case 0:
            huge = client.ask("POST", "/api/batches", b'"' + b"x" * (wire.BYTES + 1) + b'"')
            assert huge.status == 413
        case 1:
            body = [b"{", b"[" * 100_000, b"\xff\xfe", b'{"model": 1' + b"0" * 10_000 + b"}", b"[]"]
            assert client.ask("POST", "/api/batches", body[n // 5 % 5]).status in (400, 422)
        case 2:
            raw(client, posted(b'{"model": "', 10**6)).close()  # aborted
        case 3:
            raw(client, b"\x16\x03\x01 no HTTP\r\n\r\n").close()
        case 4:
            id = client.send(*[TEXT] * 50)
            raw(client, f"GET /api/batches/{id}/result HTTP/1.1\r\n".encode()).close()
            client.ask("DELETE", f"/api/batches/{id}")


def test_under_load_none_is_lost_though_one_is_slow_and_one_hostile(tiny):
    def work(number: int) -> list[str]:
        client, found = Client(tiny.url), []
        for n in range(25):
            text = f"BRCA1 of client {number}, request {n}."
            if number == 7:
                hostile(client, n)
                continue
            [row] = client.result(slow(client, text) if number == 6 else client.send(text))
            assert row["text"] == text
            found.append(text)
        return found

    process = psutil.Process()
    before = process.memory_info().rss
    with ThreadPoolExecutor(8) as pool:
        answered = [text for found in pool.map(work, range(8)) for text in found]
    assert len(set(answered)) == 7 * 25
    assert process.memory_info().rss - before < 300e6
    assert tiny.client.ask("GET", "/api/health").json["waiting"] == 0


def test_a_body_that_never_comes_is_given_up(client, monkeypatch):
    monkeypatch.setattr(guard, "SECONDS", 0.2)
    with raw(client, posted(b"{", 100)) as opened:
        assert opened.recv(100).startswith(b"HTTP/1.1 408")


def test_models_are_offered_by_name_and_told_where_they_are_not(folder, monkeypatch, tmp_path):
    assert list(offered([str(folder / "model")])) == [RUN]
    with pytest.raises(UserError, match=r"no run\.json in nobody.*There is no model in nobody"):
        offered(["nobody"])
    assert list(offered(["gpt"], ["openai"])) == ["gpt"]
    with pytest.raises(UserError, match="Two models are named"):
        offered([str(folder), str(folder)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(served_models, "ADAPTERS", tmp_path)
    monkeypatch.setattr(served_models, "shipped", lambda: ["disease"])
    write_json(tmp_path / "disease" / "run.json", card())
    assert offered([])["disease"] == Offer("disease", "disease", parse(RunCard, card(), ""))
    monkeypatch.setattr(served_models, "shipped", list)
    with pytest.raises(UserError, match="There is no run in"):
        offered([])


@pytest.fixture(scope="module")
def chat(tmp_path_factory) -> Models:
    model = tiny_model(tmp_path_factory.mktemp("chat") / "model", max_position_embeddings=2048)
    return Models(offered([str(model)]), {"torch": {"engine": "torch"}})


def test_a_chat_model_is_asked_for_types_of_ones_own(chat):
    first, second = (
        chat.annotator(chat.check(Asked("model", "torch", None, None, types, *more)))
        for types, *more in (
            (("gene",),),
            (("drug", "symptom"), (("drug", "a medicine"),), ("[aspirin](drug) helps.",)),
        )
    )
    assert (first.asking.types, second.asking.types) == (("gene",), ("drug", "symptom"))
    assert first.engine is second.engine  # loaded once, whatever format is asked for
    assert (first.format.name, second.format.name) == ("multi_term", "html")
    [query] = second._queries(0, "No pain.")
    assert [turn.role for turn in query.turns[1:4]] == ["user", "assistant", "user"]
    assert all("drug: a medicine" in query.turns[n].content for n in (1, 3))
    assert "aspirin" in query.turns[2].content
    assert len(second(["aspirin"])) == 1


def test_examples_that_are_too_long_are_told_to_who_asked(chat, capsys):
    long = tuple(f"{'long ' * 300}{n}" for n in range(5))
    queue = batches.Batches(chat)
    batch = queue.add(
        chat.check(Asked("model", "torch", None, None, ("gene",), (), long)), [("a", TEXT)]
    )
    while batch.ended is None:
        time.sleep(0.01)
    queue.close()
    assert batch.error == (
        "Definitions and examples are too long for the model: take fewer or shorter ones."
    )
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


#: What styles write before elements of the page.
BEFORE = """[...document.querySelectorAll("main *")]
  .map(one => getComputedStyle(one, "::before").content)
  .filter(content => !["none", "normal"].includes(content))"""


def press(browser: Browser, key: str, modifiers: int = 0) -> None:
    """Press a key as a keyboard does; modifiers: 2 is Control."""
    code = {"Tab": 9, "Enter": 13, " ": 32}[key]
    text = {} if key == "Tab" else {"text": {"Enter": "\r"}.get(key, key)}
    for type in ("keyDown", "keyUp"):
        more = text if type == "keyDown" else {}
        browser.call("Input.dispatchKeyEvent", type=type, key=key, code=key, modifiers=modifiers,
                     windowsVirtualKeyCode=code, **more)  # fmt: skip


def wait(browser: Browser, expression: str) -> None:
    until = time.monotonic() + 20
    while not browser.js(expression):
        assert time.monotonic() < until, browser.js("document.getElementById('state').textContent")
        time.sleep(0.02)


def tab_to(browser: Browser, expression: str) -> None:
    """Press Tab until an expression about the focused element holds."""
    for _ in range(60):
        press(browser, "Tab")
        if browser.js(f"(one => {expression})(document.activeElement)"):
            return
    raise AssertionError(f"no Tab leads to: {expression}")


@pytest.mark.parametrize("size", [(1366, 900), (390, 844)], ids=["laptop", "phone"])
def test_the_page_works_by_keyboard_on_a_laptop_and_a_phone(served, window, tmp_path, size):
    window.requests.clear()
    window.open(served.url, *size)
    window.screenshot(tmp_path / "empty.png")
    window.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab_to(window, "one.id === 'text'")
    window.call("Input.insertText", text=HOSTILE)
    press(window, "Enter", modifiers=2)
    wait(window, "document.getElementById('state').textContent.startsWith('Done')")
    assert window.js("document.querySelector('.sentence .text').textContent") == HOSTILE
    assert window.js("document.querySelectorAll('main img, .sentence script').length") == 0
    assert window.js("document.querySelector('#unusable summary').textContent").startswith(
        "Not usable: 1"
    )
    assert "<b>TP53</b>" in window.js("document.querySelector('#unusable li').textContent")
    assert window.js("document.getElementById('list').getBoundingClientRect().top") < size[1]
    tab_to(window, "one.matches('.segment')")
    assert "confidence 0." in window.js("document.getElementById('about').textContent")
    tab_to(window, "one.matches('#download select')")
    tab_to(window, "one.matches('#download button')")
    press(window, " ")
    until = time.monotonic() + 20
    while not (tmp_path / "annotations.bioc.json").is_file() and time.monotonic() < until:
        time.sleep(0.05)
    assert [path.name for path in tmp_path.glob("annotations*")] == ["annotations.bioc.json"]
    assert window.js(BEFORE) == []  # a rule of the report put arrows before labels and buttons
    assert window.js("document.documentElement.scrollWidth") <= size[0]
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        window.call("Emulation.setEmulatedMedia", features=features)
        window.screenshot(tmp_path / f"{scheme}.png")
    assert (window.dialogs, window.errors) == ([], [])
    assert {urlsplit(address).netloc for address in window.requests} <= {
        urlsplit(served.url).netloc,
        "",
    }


def test_the_page_says_what_is_wrong_and_files_can_be_dropped(served, window):
    window.open(served.url)
    window.js("ask.requestSubmit()")
    assert window.js("document.getElementById('state').textContent") == "There is no text yet."
    window.js("""take([new File([new Uint8Array([255, 254])], "a.txt"),
                       new File(["BRCA1 and cancer."], "<b>b.txt")])""")
    wait(window, "document.querySelectorAll('#documents li').length === 1")
    assert window.js("document.getElementById('state').textContent") == (
        "a.txt is no UTF-8 text: it was left out."
    )
    window.js("ask.requestSubmit()")
    wait(window, "document.getElementById('state').textContent.startsWith('Done: 3')")
    assert window.js("document.querySelector('.sentence .where').textContent") == "<b>b.txt"
    window.js("ask.elements.text.value = 'FAIL'; ask.requestSubmit()")
    wait(window, "document.getElementById('state').textContent.startsWith('The model failed')")


def test_the_page_asks_a_chat_model_for_types_with_definitions_and_examples(served, finder, window):
    window.open(served.url, 390, 844)
    window.js("ask.elements.model.value = 'chat'; chosenModel()")
    assert not window.js("ask.elements.wanted.closest('label').hidden")
    assert window.js("getComputedStyle(document.getElementById('keep')).display") == "none"
    for name, text in {"wanted": TYPED, "examples": "[BRCA1](gene) <b>is one.\n"}.items():
        tab_to(window, f"one.name === '{name}'")
        window.js(f"ask.elements.{name}.select()")
        window.call("Input.insertText", text=text)
    assert window.js("typesAsked()") == {
        "types": ["gene", "病", "__proto__"],
        "definitions": {"gene": "a part: of DNA", "病": "an illness"},
        "examples": ["[BRCA1](gene) <b>is one."],
    }
    window.js("ask.elements.text.value = 'BRCA1'")
    press(window, "Enter", modifiers=2)
    wait(window, "document.getElementById('state').textContent.startsWith('Done: 1')")
    assert finder.asked.examples == ("[BRCA1](gene) <b>is one.",)
    assert finder.asked.format == "html"
    window.js("ask.elements.examples.value = '[BRCA1](gen)'; ask.requestSubmit()")
    wait(window, "document.getElementById('state').textContent.includes(\"Did you mean 'gene'\")")
    assert window.js("document.documentElement.scrollWidth") <= 390
    window.js("ask.elements.model.selectedIndex = 0; chosenModel()")
    assert window.js("ask.elements.examples.closest('label').hidden")


def test_the_command_serves(folder, monkeypatch, capsys):
    from bionerflow import cli

    monkeypatch.setattr(run.uvicorn.Server, "run", lambda self, sockets: sockets)
    cli.main(["serve", "--model", str(folder), "--port", "0"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/  \(Ctrl-C stops\)\n", capsys.readouterr().out)
    with pytest.raises(SystemExit, match="--allow-network"):
        cli.main(["serve", "--model", str(folder), "--host", "0.0.0.0"])
