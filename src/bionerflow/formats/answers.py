"""What stands around the answer proper, in any format: thoughts, end marks, fences, "Answer:".

The steps are shared by all formats and come before any of them reads. A mark that stands in the
sentence itself, or that names a type asked for, is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bionerflow.data.schema import Problem
from bionerflow.formats.names import meant_type

PREFIX = "Answer:"
NOTHING = "None"
#: Characters of an answer that a problem quotes.
QUOTED = 80
FENCE = "```"


def problem(kind: str, detail: object) -> Problem:
    """Make a problem; its detail is cut, and can be written to any file (no half characters)."""
    if not isinstance(detail, str):
        try:
            detail = str(detail)
        except (RecursionError, ValueError):  # nested too deeply, or a number too long to print
            detail = f"a {detail.__class__.__name__}"
    return Problem(kind, _UNWRITABLE.sub("\ufffd", detail[:QUOTED]))


#: Half characters and control characters, which JSON, CSV, HTML or Parquet cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

#: Names of tags around thoughts; those in a row close each other.
_NAMES = (
    "think|(?:ant)?thinking(?:_process)?|thoughts?|chain_of_thought|cot|plan(?:ning)?",
    "reason|reasoning|rationale",
    "reflection|reflect",
    "scratch_?pad",
    "analysis|(?:inner|internal)_monologue",
    "draft",
    "思考|思维|推理|分析",
)
_OPENS = r"\s?(?:\w{{1,8}}:)?(?:{0})(?:\s[^<>\n]{{0,80}})?\s?[>＞▷]"
_CLOSES = r"\s?/\s?(?:\w{{1,8}}:)?(?:{0})\s?[>＞▷]"
#: What opens and closes thoughts, after its first sign: tags; and the marks of Magistral, of models
#: after Sky-T1, of Command A, of gpt-oss, of Gemma 4, of MedGemma, and `<|thinking|>`.
_PAIRS = [(_OPENS.format(names), _CLOSES.format(names)) for names in _NAMES] + [
    (r"THINK\]", r"/THINK\]"),
    (r"\|begin_of_thought\|>", r"\|end_of_thought\|>"),
    (r"\|START_THINKING\|>", r"\|END_THINKING\|>"),
    (
        r"\|channel\|>(?:analysis|commentary)[^<]{0,60}<\|message\|>",
        r"\|channel\|>final[^<]{0,60}<\|message\|>",
    ),
    (r"\|channel>thought\b", r"channel\|>"),
    (r"unused94>", r"unused95>"),
    (r"\|(?:think|thinking|thought)\|>", r"\|(?:/|end_?)(?:think|thinking|thought)\|>"),
]
_THOUGHTS = re.compile(
    r"[<＜◁\[](?:"
    + "|".join(f"(?P<o{n}>{opens})|(?P<c{n}>{closes})" for n, (opens, closes) in enumerate(_PAIRS))
    + ")",
    re.IGNORECASE,
)
#: How gpt-oss's thoughts begin and end where its special tokens are not decoded.
_ANALYSIS, _FINAL = "analysis", "assistantfinal"
#: One of these stands in every answer that has marks of thoughts, or of turns.
_THOUGHT_WORDS = (
    *("think", "thought", "reason", "reflect", "scratch", "analysis", "monologue", "rationale"),
    *("draft", "channel", "unused9", "<cot", "<plan", "思", "推理", "分析"),
)
_TURN_MARKS = ("|>", "</s>", "_turn>", "<｜", "INST]")
_TURN_STARTS = re.compile(
    r"\s*(?:<\|(?:im_start|start)\|>|<\|start_header_id\|>|<start_of_turn>)?\s*"
    r"(?:assistant|model)?\s*<\|(?:im_sep|end_header_id|message)\|>\s*"
    r"|\s*(?:<\|im_start\|>assistant|<\|assistant\|>|<start_of_turn>model)\s*"
)
_TURN_ENDS = re.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|end|end_of_text|endoftext|return|user|start_header_id|"
    r"END_OF_TURN_TOKEN|end_of_solution)\|>|</s>|<end_of_turn>|<｜end▁of▁sentence｜>|"
    r"\[/?INST\]"
)
_ANSWER_TAG = re.compile(r"<answer>|<\|begin_of_solution\|>", re.IGNORECASE)
_ANSWER_END = re.compile(r"</answer>|<\|end_of_solution\|>", re.IGNORECASE)
_MARKS = r"[*_#`\s]{0,12}"
_PREFIX = re.compile(
    rf"{_MARKS}(?:Answer|Final answer|(?:最终)?答案|回答|答)[*_`]{{0,3}}\s{{0,9}}[:：]"
    r"[*_`]{0,3} ?",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"(?:^|[.!?。！？*#>)\n])[*_#` \t]{0,12}"
    r"(?:(?P<last>(?:my |the )?final |最终)|my |the |so |thus,? )?"
    r"(?:answer(?: is)?|(?:答案|回答)(?:是|为|如下)?)[*_`]{0,3}[ \t]{0,9}[:：][*_`]{0,3} ?",
    re.IGNORECASE,
)
#: How a model begins a further query that nobody asked, after its answer.
_NEXT_QUERY = re.compile(
    r"\n[ \t#*_]{0,9}(?:sentence|text|input|passage|question|query|instruction|user|human|prompt"
    r"|句子|文本|输入|问题|指令|用户)[ \t*_]{0,9}\d{0,3}[:：][ \t*_]{0,9}\n?"
    r"(?P<words>[^\n]{0,200})",
    re.IGNORECASE,
)
_ANSWERS = ("nswer", "答案", "回答")
_LANGUAGE = re.compile(r"[\w+-]{0,20}[ \t]*\r?\n|(?:json|python|py|text|txt|xml|html)[ \t]")
#: What is said before an answer that takes the place of an earlier one.
CORRECTING = re.compile(
    r"\b(?:correct(?:ed|ion)|final|revis\w*|updated|review\w*|instead|actually|wait|oops|missed)\b"
    r"|更正|最终|遗漏",
    re.IGNORECASE,
)
#: What an answer in any format has, and words around it have not.
_SAYING = re.compile(r"[\[{<＜【@|]|append|[;；]\s*is an?\b|\bLayer\b|\bT\d+\s")


class Cleaned(NamedTuple):
    """An answer without thoughts and end marks; `cut`: it ended inside of thoughts."""

    answer: str
    cut: bool


def cleaned(answer: str, text: str, types: tuple[str, ...]) -> Cleaned:
    """Take off thoughts, closed or not, and what follows the end of the model's turn."""
    cut = False
    lower = answer.lower()
    if _has(lower, _THOUGHT_WORDS):
        if lower.startswith(_ANALYSIS) and _FINAL in answer:
            answer = answer.rpartition(_FINAL)[2]
        answer, cut = _without_thoughts(answer, text, types)
    if _has(answer, _TURN_MARKS):
        start = _TURN_STARTS.match(answer)
        answer = answer[start.end() :] if start and start[0].strip() else answer
        for end in _TURN_ENDS.finditer(answer):
            if end[0] not in text and answer[: end.start()].strip():
                answer = answer[: end.start()]
                break
    return Cleaned(answer, cut)


def _has(string: str, parts: Sequence[str]) -> bool:
    for part in parts:  # faster than `any` of a generator  # noqa: SIM110
        if part in string:
            return True
    return False


def _without_thoughts(answer: str, text: str, types: tuple[str, ...]) -> Cleaned:
    """Take out thoughts; where only their end stands, the prompt's template opened them."""
    kept: list[str] = []
    start, opened = 0, ""
    for mark in _THOUGHTS.finditer(answer):
        kind = mark.lastgroup or ""
        if mark[0] in text or meant_type(mark[0].strip("<>/＜＞◁▷[] "), types):
            continue
        if kind[0] == "o":
            if not opened:
                kept.append(answer[start : mark.start()])
                opened = kind[1:]
        elif not opened or opened == kind[1:]:
            kept = kept if opened else []
            start, opened = mark.end(), ""
    if not opened:
        kept.append(answer[start:])
    return Cleaned("".join(kept), bool(opened))


def core(answer: str, text: str) -> str:
    """Take off the words around the answer: "Answer:", a fence, tags that say "answer"."""
    answer = _without_next_query(answer, text)
    if "<" in answer:
        answer = _between_tags(answer, text)
    answer = _after_prefix(answer, text)
    if FENCE in answer and FENCE not in text:
        answer = _after_prefix(_fenced(answer), text)
    return answer


def _without_next_query(answer: str, text: str) -> str:
    """Cut off what a model goes on with after its answer: another sentence, and its answer."""
    for match in _NEXT_QUERY.finditer(answer.rstrip(), 1):
        words = match["words"].strip()
        is_sentence = words.count(" ") > 1 or (len(words) > 7 and not words.isascii())
        above = answer[: match.start()].rstrip().rpartition("\n")[2]
        said = above.strip() and (not is_prose(above) or _copies(above, text))
        if is_sentence and said and not _copies(words, text):
            return answer[: match.start()]
    return answer


def _copies(words: str, text: str) -> bool:
    """Tell whether words are the beginning of the sentence, with marks in it or without."""
    letters = "".join(filter(str.isalnum, re.sub(r"<[^<>]{0,80}>", "", words)))[:20]
    return "".join(filter(str.isalnum, text[:80])).startswith(letters)


def _between_tags(answer: str, text: str) -> str:
    start = _ANSWER_TAG.search(answer)
    if not start or start[0] in text:
        return answer
    end = _ANSWER_END.search(answer, start.end())
    return answer[start.end() : end.start() if end else len(answer)]


def _after_prefix(answer: str, text: str) -> str:
    """Take off "Answer:" and what precedes it; where a final one is told, that one counts."""
    if start := _PREFIX.match(answer):
        answer = answer[start.end() :]
    if not _has(answer, _ANSWERS) or _has(text, _ANSWERS):
        return answer
    found = list(_LATER.finditer(answer))
    final = [match for match in found if match["last"]]
    if final:
        return answer[final[-1].end() :]
    return answer[found[0].end() :] if found and not start else answer


def _fenced(answer: str) -> str:
    """Return what stands in fences; all of an answer that says something outside of them, too."""
    parts = answer.split(FENCE)
    later = [n for n in range(2, len(parts) - 1, 2) if CORRECTING.search(parts[n])]
    parts = parts[later[-1] :] if later else parts
    blocks = []
    for block in parts[1::2]:
        language = _LANGUAGE.match(block)
        blocks.append(block[language.end() :] if language else block)
    around = parts[::2]
    inside = "\n".join(blocks)
    if not inside.strip() or any(_SAYING.search(part) for part in around):
        together = [part for pair in zip(around, [*blocks, ""], strict=False) for part in pair]
        return "\n".join(together)
    return inside


#: One of these stands in all words that say nothing, if they are more than a few characters.
_HINTS = re.compile(r"[nN](?:[oO]|'t|’t|ull|othing)|N/?A|cannot|mpty|[无没未不空]")
_NONE = re.compile(
    r"(?:none|null|nil|nothing|n\.?/?a|empty|not applicable|无|没有|空|[-–—∅])"
    r"(?: (?:was |were )?(?:found|detected|identified|mentioned|present))?",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:there (?:are|is|were|was) |i (?:found|see|find|identified) |"
    r"(?:the|this) (?:given |input )?(?:text|sentence|passage) (?:contains|mentions|has) )?"
    r"no (?:\w[\w-]* ){0,6}?(?:entit(?:y|ies)|mentions?|names?|terms?|results?|items?|instances?|"
    r"found|detected|identified|mentioned|present|such)\b[^\[\]{}<>@#\n]{0,120}",
    re.IGNORECASE,
)
_NOT_ANY = re.compile(
    r"[^\[\]{}<>@#\n]{0,60}\b(?:does not|doesn't|do not|don't|did not|didn't|could not|couldn't|"
    r"cannot|can't) (?:\w+ ){0,2}?(?:contain|mention|find|name|identify|have|include|see)\b"
    r"[^\[\]{}<>@#\n]{0,120}"
    r"|[^\[\]{}<>@#\n]{0,20}(?:未|没有|无|不存在)[^\[\]{}<>@#\n]{0,40}(?:实体|发现|找到|提及|识别)[^\[\]{}<>@#\n]{0,20}",
    re.IGNORECASE,
)
_NO_TYPE_ZH = re.compile(
    r"[^\[\]{}<>@#\n]{0,20}(?:未|没有|无|不)(?:提到|提及|涉及|包含|包括|出现|发现|识别|检测|含有)"
    r"(?:到|出)?(?:任何|相关|具体)?的?(.{0,20})"
)
_NO_TYPE = re.compile(
    r"(?:there (?:are|is|were|was) )?no ([\w -]{1,60}?)"
    r"(?: (?:is|are|was|were))?(?: (?:in|here)\b.{0,60})?",
    re.IGNORECASE,
)


def is_none(word: str) -> bool:
    """Tell whether a word alone in a list says that there is no mention, whatever the sentence."""
    return word.strip(" .").casefold() in ("none", "null", "nothing", "无")


def says_nothing(words: str, types: tuple[str, ...] = ()) -> bool:
    """Tell whether words say that there is no mention, such as "No entities found."."""
    if len(words) > QUOTED * 3 or (len(words) > 8 and not _HINTS.search(words)):
        return False
    said = words.strip().strip("\"'`*_.。!()[] \t\r\n").replace("’", "'")
    if any(pattern.fullmatch(said) for pattern in (_NONE, _NO, _NOT_ANY)):
        return True
    named = _NO_TYPE.fullmatch(said) or _NO_TYPE_ZH.fullmatch(said)
    return bool(named and meant_type(named[1], types))


_BULLET = re.compile(
    r"[ \t>]*(?:(?:[-*•·–+‣◦●○■□▪◆►➢➤✓✔✅☑→»]|#\d{1,3}|[ivxIVX]{2,5}[.)]"
    r"|\(?\d{1,3}[.)、:](?!\d)|[(（]?[a-z][.)])[ \t]+"
    # East Asian numbers need no space behind them.
    r"|(?:[（(](?:[\d０-９]{1,3}|[一二三四五六七八九十]{1,3})[）)](?=[^\x00-\x7f])"
    r"|(?:[\d０-９]{1,3}|[一二三四五六七八九十]{1,3})[、．](?![\d０-９])"
    r"|\d{1,3}[.)](?=[\u2e80-\u9fff])|[①-⑳❶-❿])[ \t]*)"
)
_AROUND = re.compile(r"(?:here|sure|certainly|okay|ok|let me|the following|note|以下|希望)\b", re.I)


class Line(NamedTuple):
    """A line of an answer, as written and without its bullet or number and bold marks."""

    written: str
    said: str
    bulleted: bool


def lines(answer: str) -> Iterator[Line]:
    """Yield the lines of an answer that say something."""
    for written in answer.split("\n"):
        stripped = written.strip(" \t\r`")
        if not stripped or stripped == NOTHING:
            continue
        bullet = _BULLET.match(stripped)
        said = stripped[bullet.end() :] if bullet else stripped
        yield Line(written, said.replace("**", "").replace("__", "").strip(), bool(bullet))


def is_prose(line: str) -> bool:
    """Tell whether a line without any mark of the format is words around the answer."""
    said = line.strip(" \t\r*_#")
    return (
        said.startswith(FENCE)
        or (said.endswith((":", "：", ".", "!", "?", "。", "！")) and said.count(" ") > 1)
        or bool(said.endswith((":", "：")) or _AROUND.match(said))
    )


def joined(output: str | Sequence[str]) -> str:
    """Return a model's answer as one string."""
    return output if isinstance(output, str) else "\n".join(output)
