"""What `predict` says of inference engines: which one answers, and how it is set up."""

from typing import Annotated, Any, Literal

from pydantic import Field

from bionerflow.config.base import Settings, name_of

#: The project's own engines; plug-ins add others (`utils.plugins`).
ENGINES = ("torch", "ctranslate2", "vllm", "openai")
EngineName = Annotated[str, name_of("engine", ENGINES), Field(examples=list(ENGINES))]
#: Engines that can be told which tokens an answer may have.
CONSTRAINING = ("torch", "vllm")


class CTranslate2Settings(Settings):
    """CTranslate2 on the CPU: the merged model, converted."""

    compute_type: Literal["float32", "int8"] = Field(
        "float32",
        description="int8 is used only where the interval of its F1 difference on dev lies above "
        "-1.0 points; otherwise float32 is used, and the record says so",
    )


class VllmSettings(Settings):
    """vLLM on a GPU, in a Python environment of its own."""

    python: str = Field("python", description="interpreter of the environment that has vLLM")
    merged: bool = Field(
        False, description="merge the adapter into the weights instead of a LoRARequest"
    )
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="share of the GPU's memory")


class OpenAISettings(Settings):
    """A chat completions endpoint: hosted, or a server such as vLLM, SGLang or llama.cpp."""

    url: str = Field(
        pattern=r"^https?://[^\s@]+$",
        description="base URL without credentials, such as http://127.0.0.1:8000/v1",
    )
    model: str = Field(min_length=1, description="name of the model there")
    send_texts: bool = Field(
        False,
        description="must be true before any text is sent to another machine than this one: the "
        "texts of the prompts leave it",
    )
    key_variable: str = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable that holds the key; the key itself is written nowhere",
    )
    concurrency: int = Field(8, gt=0, description="number of requests at once")
    requests_per_minute: float | None = Field(
        None, gt=0, description="number of requests per minute at most"
    )
    tokens_per_minute: float | None = Field(
        None, gt=0, description="tokens per minute at most, as the answers count them"
    )
    timeout: float = Field(120, gt=0, description="seconds that a request may take")
    retries: int = Field(
        6, ge=0, description="number of retries of a request that may succeed later"
    )
    logprobs: bool = Field(True, description="ask for log-probabilities, which confidences need")
    limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="the endpoint's name for the limit of an answer"
    )
    body: dict[str, Any] = Field({}, description="further keys of each request's body")
    answers: str = Field(
        "", description="folder of recorded answers; empty: the user's private cache"
    )
    replay: bool = Field(False, description="use recorded answers alone; nothing is sent")
    input_price: float = Field(0, ge=0, description="price of a million tokens of prompts")
    output_price: float = Field(0, ge=0, description="price of a million tokens of answers")
