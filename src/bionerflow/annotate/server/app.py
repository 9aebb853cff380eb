"""The addresses of the server: the page, the REST interface and its description."""

import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi import Path as Place
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

import bionerflow
from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.names import FOLDERS
from bionerflow.annotate.passages import Annotated as AnnotatedText
from bionerflow.annotate.server import wire
from bionerflow.annotate.server.batches import Batch, Batches, FullError
from bionerflow.annotate.server.guard import Guard
from bionerflow.annotate.server.models import Models
from bionerflow.annotate.server.pages import docs_page, serve_page
from bionerflow.annotate.summary import Summary
from bionerflow.utils.errors import UserError

ABOUT = """\
Finds biomedical entities in texts with the models that this server offers.

Post texts to `/api/batches`, ask `/api/batches/{id}` until the state is `done`, then fetch
`/api/batches/{id}/result`, or `/api/batches/{id}/forms/{form}` as a file. Errors are
`{"error": "..."}`. Finished batches are kept for an hour, in memory only.
"""
#: Endings of forms that are one file and not JSON lines.
ENDINGS = {"bioc": "json", "conll": "conll", "csv": "csv", "html": "html", "label_studio": "json",
           "pubtator": "pubtator"}  # fmt: skip
ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": wire.Error, "description": "There is no such batch, or no longer."},
    409: {"model": wire.Error, "description": "The batch is not done."},
}
REFUSED: dict[int | str, dict[str, Any]] = {
    413: {"model": wire.Error, "description": "The request is too large."},
    422: {"model": wire.Error, "description": "The request asks for what there is not."},
    429: {"model": wire.Error, "description": "Too much is waiting: try again later."},
}
Threshold = Annotated[
    float, Query(ge=0, le=1, description="least confidence of an entity; those without stay")
]
Id = Annotated[str, Place(max_length=100)]


def application(models: Models, hosts: tuple[str, ...]) -> FastAPI:
    """Return the server's application; `hosts` are the names that it answers to (none: all)."""
    batches = Batches(models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        batches.close()

    app = FastAPI(
        title="bionerflow",
        version=bionerflow.__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        max_body_size=wire.BYTES,
    )
    app.add_middleware(Guard, hosts=hosts)
    _say_errors_in_words(app)
    _pages(app, _offered(models))
    _interface(app, models, batches)
    return app


def _offered(models: Models) -> wire.Offered:
    return wire.Offered(
        models=[wire.ModelInfo.of(offer) for offer in models.offers.values()],
        engines=list(models.engines),
        forms=[
            wire.Form(name=name, title=form.title.replace("`", ""), ending=_ending(name))
            for name, form in FORMS.items()
        ],
    )


def _ending(form: str) -> str:
    return "zip" if form in FOLDERS else ENDINGS.get(form, "jsonl")


def _say_errors_in_words(app: FastAPI) -> None:
    """Make each error {"error": words}; what was sent is not sent back."""

    async def refused(_: Request, error: Exception) -> Response:
        status, words = getattr(error, "status_code", 422), str(getattr(error, "detail", error))
        return JSONResponse({"error": words}, status, getattr(error, "headers", None))

    async def invalid(_: Request, error: Exception) -> Response:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
        where = ".".join(str(part)[:50] for part in first.get("loc", ())[1:])
        words = first.get("msg", "").removeprefix("Value error, ")
        return JSONResponse({"error": f"{where}: {words}" if where else words}, 422)

    async def failed(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": "A fault of the server; its terminal says more."}, 500)

    app.add_exception_handler(AnyHTTPException, refused)
    app.add_exception_handler(UserError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, failed)


def _pages(app: FastAPI, offered: wire.Offered) -> None:
    """Add the page, and the description of the interface as a page."""

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        return HTMLResponse(serve_page(offered.model_dump()))

    @app.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()))

    @app.get("/api/models", tags=["server"])
    def models() -> wire.Offered:
        """Return the models, engines and forms that can be chosen, and the limits of a batch."""
        return offered


def _interface(app: FastAPI, models: Models, batches: Batches) -> None:
    """Add the REST interface."""

    @app.get("/api/health", tags=["server"])
    def health(response: Response) -> wire.Health:
        """Say whether the server works; the status is 503 where it does not."""
        works, waiting = batches.thread.is_alive(), len(batches.queue)
        response.status_code = 200 if works else 503
        return wire.Health(
            status="ok" if works else "stopped",
            version=bionerflow.__version__,
            waiting=waiting,
            kept=len(batches.all) - waiting,
        )

    @app.post("/api/batches", status_code=202, tags=["batches"], responses=REFUSED)
    def add(request: wire.BatchRequest) -> wire.BatchStatus:
        """Put texts in the queue."""
        asked = models.check(request.asked(next(iter(models.engines))))
        try:
            return wire.BatchStatus.of(batches.add(asked, request.texts()))
        except FullError:
            words = "The server has too much to do: try again later."
            raise HTTPException(429, words, {"Retry-After": "5"}) from None

    @app.get("/api/batches/{id}", tags=["batches"], responses={404: ERRORS[404]})
    def status(id: Id) -> wire.BatchStatus:
        """Say how far a batch is."""
        return wire.BatchStatus.of(_found(batches.all, id))

    @app.delete(
        "/api/batches/{id}", status_code=204, tags=["batches"], responses={404: ERRORS[404]}
    )
    def remove(id: Id) -> None:
        """Stop a batch, and forget its texts."""
        if not batches.remove(id):
            raise _missing()

    @app.get("/api/batches/{id}/result", tags=["batches"], responses=ERRORS)
    def result(id: Id, threshold: Threshold = 0.0) -> wire.Result:
        """Return the entities of each document, and what could not be used."""
        texts = _sure(_done(batches.all, id), threshold)
        return wire.Result(documents=[wire.AnnotatedDocument.of(one) for one in texts])

    @app.get("/api/batches/{id}/forms/{form}", tags=["batches"], responses=ERRORS)
    def file(id: Id, form: Id, threshold: Threshold = 0.0) -> Response:
        """Return a result as a file.

        The header `X-Left-Out` counts the entities that the form cannot hold, such as discontinuous
        ones.
        """
        if form not in FORMS:
            raise HTTPException(404, f"There is no form '{form}'. Known: {', '.join(FORMS)}.")
        batch = _done(batches.all, id)
        data, left_out = _written(form, _sure(batch, threshold), batch)
        name = f"annotations.{form}.{_ending(form)}".replace(f"{form}.{form}", form)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Left-Out": str(left_out),
        }
        return Response(data, media_type="application/octet-stream", headers=headers)


def _missing() -> HTTPException:
    return HTTPException(404, "There is no such batch, or no longer: each is kept an hour.")


def _found(all: Mapping[str, Batch], id: str) -> Batch:
    batch = all.get(id)
    if batch is None:
        raise _missing()
    return batch


def _done(all: Mapping[str, Batch], id: str) -> Batch:
    batch = _found(all, id)
    if batch.state != "done":
        raise HTTPException(409, batch.error or f"The batch is {batch.state}: ask again later.")
    return batch


def _sure(batch: Batch, threshold: float) -> list[AnnotatedText]:
    """Return the texts with the mentions that are as confident; those without confidence stay."""
    return [
        replace(
            one,
            mentions=[
                mention
                for mention in one.mentions
                if mention.confidence is None or mention.confidence >= threshold
            ],
        )
        for one in batch.texts
    ]


def _written(form: str, texts: list[AnnotatedText], batch: Batch) -> tuple[bytes, int]:
    """Return texts in a form, a folder as a zip file, and how many mentions were left out."""
    asked = batch.asked
    summary = Summary({"run": asked.model, "corpus": asked.corpus, "format": asked.format})
    with TemporaryDirectory() as folder:
        out = Path(folder, f"annotations.{_ending(form)}")
        FORMS[form].write(summary.counting(texts), out, summary)
        data = _zipped(out) if out.is_dir() else out.read_bytes()
    return data, summary.left_out.total()


def _zipped(folder: Path) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return held.getvalue()
