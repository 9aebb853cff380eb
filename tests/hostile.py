"""Names and paths that break whatever does not quote them."""

#: Characters of the shell, of format strings and of others' alphabets; each would make `pwned`.
PARTS = (
    "a b",
    "a;touch pwned;b",
    "$(touch pwned)",
    "`touch pwned`",
    'it\'s "quoted"',
    "a&touch pwned&b",
    "a|touch pwned",
    "100%s %d %(x)s",
    "*?[a-z]~#!<>",
    "患者 é",
)
HOSTILE = " ".join(PARTS)  # one path that has all of them
